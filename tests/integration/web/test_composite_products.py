"""Composite products at every door: several items of a Commerce order make up one unit of a line.

Which items a shipment of Magento's lists: `tests/unit/domain/orders/test_commerce_items.py`.
"""

from typing import Any

import httpx
import pytest

from app.storage.queries.views import OrderView
from tests.harness.world import World
from tests.integration.web.adobe import a_track, changed, hook, numbers, side

SHIP = "/rest/store_1/V1/order/7/ship"
PARENT, CHILD, PART, STRANGE = 70, 71, 72, 99
A, B, C = a_track("1ZA"), a_track("1ZB"), a_track("1ZC")
BUNDLE = [{"id": CHILD, "per_unit": 2}, {"id": PART, "per_unit": 1}]


async def composite(
    world: World,
    client: httpx.AsyncClient,
    items: list[dict[str, int]],
    *,
    units: int = 3,
    item: int | None = None,
) -> OrderView:
    """An order of one line that is a composite product in Commerce."""
    order = await world.an_order(units)
    line: dict[str, Any] = {"line_number": "1", "commerce_items": items}
    if item is not None:
        line["commerce_item_id"] = item
    link = {"commerce_order_id": 7, "lines": [line]}
    answer = await client.patch(f"/v1/orders/{order.id}", json=link)
    assert answer.is_success, answer.text
    await side(client)
    return order


def listed(**quantities: int) -> list[dict[str, int]]:
    """Items as REST names them, as in `listed(i70=2)`."""
    return [{"order_item_id": int(name[1:]), "qty": n} for name, n in quantities.items()]


def saved(number: str, *tracks: dict[str, Any], **quantities: int) -> dict[str, Any]:
    """Commerce's shipment as its webhook sends it."""
    items = [
        {"order_item_id": str(i["order_item_id"]), "qty": f"{i['qty']}.0000"}
        for i in listed(**quantities)
    ]
    return changed(entity_id=number, items=items, tracks=list(tracks))


async def codes(world: World, order: OrderView) -> list[str]:
    return [each.code for each in (await world.order(order.id)).status_details]


async def timeline(client: httpx.AsyncClient, order: OrderView, what: str) -> list[Any]:
    found = (await client.get(f"/v1/orders/{order.id}/timeline")).json()["data"]
    return [each["detail"] for each in found if each["what"] == what]


async def test_items_of_a_line_are_stored_by_registering_and_linking(
    world: World, client: httpx.AsyncClient
) -> None:
    store = str((await world.a_store()).id)
    line = {"line_number": "1", "sku": "ABC", "quantity": 2, "commerce_item_id": PARENT}
    new = {"store_id": store, "purchase_order_id": "1796330120099"}
    given = [{"id": CHILD}, {"id": PART, "per_unit": 3}]
    made = await client.post("/v1/orders", json=new | {"lines": [line | {"commerce_items": given}]})
    assert made.status_code == 201, made.text
    path, shown = f"/v1/orders/{made.json()['id']}", made.json()["lines"][0]
    assert shown["commerce_items"] == [{"id": CHILD, "per_unit": 1}, {"id": PART, "per_unit": 3}]
    # What a link does not name stays.
    for changes, item, items in (
        ({"commerce_item_id": 5}, 5, shown["commerce_items"]),
        ({"commerce_items": BUNDLE}, 5, BUNDLE),
        ({"commerce_items": None, "commerce_item_id": None}, None, []),
    ):
        link = {"lines": [{"line_number": "1", **changes}]}
        after = (await client.patch(path, json=link)).json()["lines"][0]
        assert (after["commerce_item_id"], after["commerce_items"]) == (item, items)
    assert (await client.get(path)).json()["lines"][0]["commerce_items"] == []


@pytest.mark.parametrize(
    ("lines", "code", "pointer"),
    [
        (
            [
                {"line_number": "1", "commerce_item_id": 5},
                {"line_number": "1", "commerce_items": []},
            ],
            "line_repeated",
            "/lines/1/line_number",
        ),
        ([{"line_number": "1"}], "required", "/lines/0"),
        (
            [{"line_number": "1", "commerce_items": [{"id": 5}, {"id": 5, "per_unit": 2}]}],
            "invalid",
            "/lines/0/commerce_items",
        ),
        (
            [{"line_number": "1", "commerce_items": [{"id": 5, "per_unit": 0}]}],
            "invalid",
            "/lines/0/commerce_items/0/per_unit",
        ),
        (
            [
                {"line_number": "1", "commerce_items": [{"id": 5}]},
                {"line_number": "2", "commerce_items": [{"id": 5}, {"id": 6}]},
            ],
            "commerce_items_differ",
            "/lines/1/commerce_items",
        ),
    ],
)
async def test_links_that_cannot_be_meant_are_refused(
    world: World, client: httpx.AsyncClient, lines: list[Any], code: str, pointer: str
) -> None:
    order = await world.an_order(2, 1)
    answer = await client.patch(f"/v1/orders/{order.id}", json={"lines": lines})
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert [each["pointer"] for each in answer.json()["errors"]] == [pointer]
    assert await timeline(client, order, "order_linked") == []


async def test_a_configurable_product_is_shipped_once_through_every_door(
    world: World, client: httpx.AsyncClient, outside: httpx.AsyncClient
) -> None:
    order = await composite(world, client, [{"id": CHILD}], item=PARENT)
    first = await hook(outside, "shipment", saved("45", A, i70=2, i71=2))
    assert first.json() == {"op": "success"}
    assert await numbers(world, order) == [("1ZA", 2)]
    body = {"carrier_code": "ups", "tracking_number": "1ZB"}
    items = [{"commerce_item_id": n, "quantity": 1} for n in (PARENT, CHILD)]
    answer = await client.post(f"/v1/orders/{order.id}/shipments", json=body | {"items": items})
    assert answer.status_code == 202, answer.text
    assert await numbers(world, order) == [("1ZA", 2), ("1ZB", 1)]


async def test_an_unlinked_item_is_passed_over_and_shown(
    world: World, client: httpx.AsyncClient, outside: httpx.AsyncClient
) -> None:
    order = await composite(world, client, [{"id": CHILD}])
    answer = await hook(outside, "shipment", saved("45", A, i71=1, i99=1))
    assert answer.json() == {"op": "success"}
    path = f"/v1/orders/{order.id}/shipments"
    body = {"carrier_code": "ups", "tracking_number": "1ZB"}
    named = [{"commerce_item_id": n, "quantity": 1} for n in (STRANGE, CHILD)]
    preview = await client.post(f"{path}?dry_run=true", json=body | {"items": named})
    made = await client.post(path, json=body | {"items": named})
    assert made.status_code == 202, made.text
    shown = (await client.get(path)).json()["data"]
    for each in (preview.json(), made.json(), *shown):
        (warning,) = each["warnings"]
        assert warning["code"] == "commerce_item_passed_over"
        assert "Commerce item 99 " in warning["message"]
    assert await timeline(client, order, "commerce_items_passed_over") == [{"items": [99]}] * 2
    alone = await client.post(path, json=body | {"items": named[:1]})
    assert (alone.status_code, alone.json()["code"]) == (422, "unknown_line")
