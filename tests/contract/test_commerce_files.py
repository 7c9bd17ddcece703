"""The Adobe Commerce files in deploy/commerce cover exactly the hooks and events of Waybill."""

import xml.etree.ElementTree as ET
from pathlib import Path

from app.commerce import payloads
from app.web import export

FILES = Path(__file__).resolve().parents[2] / "deploy" / "commerce"
HOOKS = {"shipment", "track", "cancellation", "creditmemo"}


def elements(file: str, tag: str) -> list[dict[str, str]]:
    # Our own files.
    root = ET.parse(FILES / file).getroot()  # noqa: S314
    return [dict(each.attrib) for each in root.iter(tag)]


def test_every_emitted_event_is_read_and_every_kind_is_emitted() -> None:
    names = [each["name"] for each in elements("io_events.xml", "event")]
    assert {payloads.about(f"com.adobe.commerce.{name}") for name in names} == HOOKS


def test_every_hook_has_its_address_and_never_prevents_a_save() -> None:
    hooks = elements("webhooks.xml", "hook")
    assert {each["url"].rpartition("/")[2] for each in hooks} == HOOKS
    assert {each["required"] for each in hooks} == {"false"}
    path = export.document()["paths"]["/webhooks/commerce/{store_code}/{hook}"]["post"]
    (named,) = [each for each in path["parameters"] if each["name"] == "hook"]
    assert set(named["schema"]["enum"]) == HOOKS


def test_other_events_of_commerce_are_ignored() -> None:
    for name in (
        "observer.sales_order_shipment_comment_save_after",
        "observer.sales_order_shipment_item_save_after",
        "observer.sales_order_shipment_track_delete_after",
        "plugin.sales.api.creditmemo_management.cancel",
        "observer.sales_order_save_commit_after",
        "observer.catalog_product_save_after",
    ):
        assert payloads.about(f"com.adobe.commerce.{name}") is None, name
