"""Bodies as PHP and Adobe's generators write them mean the same as in Adobe's documents.

The rules are those of Commerce's own REST API: lib/internal/Magento/Framework of magento/magento2,
Webapi/ServiceInputProcessor.php (process, convertValue, _createFromArray) and
Reflection/TypeProcessor.php (processSimpleAndAnyType, setType).
"""

import json
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from app.commerce import payloads
from app.domain.orders.requests import ShipRequest
from app.web.commerce.schemas import CancelIn, CommerceRefundIn, ShipIn

ITEM = {"order_item_id": 70, "qty": 2}
TRACK = {"track_number": "794644790138", "title": "Federal Express", "carrier_code": "fedex"}
SHIP: dict[str, Any] = {
    "items": [ITEM],
    "tracks": [TRACK],
    "notify": True,
    "comment": {"comment": "a"},
}
# Each is the same shipment as SHIP.
SAME: list[dict[str, Any]] = [
    # openapi-generator writes every optional field, and null where it has no value.
    {**SHIP, "appendComment": None, "packages": None, "arguments": None, "entity": None},
    # json_encode of an empty PHP array, and of an empty stdClass.
    {**SHIP, "packages": [], "arguments": {"extension_attributes": []}, "extension_attributes": {}},
    {**SHIP, "arguments": {"extension_attributes": {"source_code": "default", "own": [1, {}]}}},
    # json_encode of an array from which array_filter() removed an entry.
    {**SHIP, "items": {"1": ITEM}, "tracks": {"0": TRACK}},
    {**SHIP, "items": [{**ITEM, "extension_attributes": []}]},
    {**SHIP, "items": [{"order_item_id": "70", "qty": "2.0000"}]},
    {**SHIP, "items": [{"order_item_id": 70.0, "qty": 2.0}]},
    {**SHIP, "items": [{"orderItemId": 70, "Qty": 2}]},
    {**SHIP, "items": [{"order_item_id": 71, "qty": 0}, ITEM, {"orderItemId": "72", "qty": "0.0000"}]},
    {**SHIP, "tracks": [{**TRACK, "track_number": 794644790138}]},
    {**SHIP, "tracks": [{**TRACK, "track_number": 794644790138.0}]},
    {**SHIP, "tracks": [{**TRACK, "extension_attributes": {"own": "x"}, "weight": None}]},
    {**SHIP, "tracks": [{"trackNumber": "794644790138", "title": "Federal Express", "carrierCode": "fedex"}]},
    {**SHIP, "notify": "true", "append_comment": "0"},
    {**SHIP, "notify": 1, "appendComment": 0},
    {**SHIP, "notify": "on", "appendComment": ""},
    {**SHIP, "comment": {"comment": "a", "is_visible_on_front": None}},
]  # fmt: skip


def requests(body: ShipIn) -> list[ShipRequest]:
    return body.to_shipment().parts.requests("")


@pytest.mark.parametrize("body", SAME, ids=json.dumps)
def test_a_shipment_in_any_spelling_is_the_same_shipment(body: dict[str, Any]) -> None:
    (package,), (expected,) = requests(ShipIn(**body)), requests(ShipIn(**SHIP))
    assert package == expected


@pytest.mark.parametrize("empty", [[], {}, None])
def test_an_empty_array_stands_for_an_empty_object_and_for_an_empty_list(empty: Any) -> None:
    track = {"track_number": "1ZA", "title": None, "extension_attributes": empty}
    body = ShipIn.model_validate({"items": empty, "tracks": [track], "comment": empty})
    (package,) = requests(body)
    assert (package.items, package.carrier_code) == (None, "custom")
    assert CommerceRefundIn.model_validate(empty or {}).to_items() is None
    assert CancelIn.model_validate([]) == CancelIn(reason=None, comment=None)


def test_a_track_without_a_carrier_code_is_custom() -> None:
    (track,) = ShipIn.model_validate(
        {"tracks": [{"track_number": "1", "carrier_code": None}]}
    ).tracks
    assert track.carrier_code == "custom"


@pytest.mark.parametrize("model", [ShipIn, CommerceRefundIn])
def test_rows_of_0_alone_do_not_mean_all_units(model: type[BaseModel]) -> None:
    """A body without items ships all that remains, which these rows do not ask for."""
    with pytest.raises(ValidationError) as refused:
        model.model_validate({"items": [{"order_item_id": 70, "qty": "0"}], "tracks": [TRACK]})
    assert refused.value.errors()[0]["loc"] == ("items",)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"items": [{"order_item_id": None, "qty": 1}]}, ("items", 0, "order_item_id")),
        ({"items": [{"order_item_id": 70, "qty": "1.5"}]}, ("items", 0, "qty")),
        ({"items": [{"order_item_id": 70, "qty": -1}]}, ("items", 0, "qty")),
        ({"items": [{"order_item_id": 70, "qty": True}]}, ("items", 0, "qty")),
        ({"items": [{"order_item_id": "x", "qty": 1}]}, ("items", 0, "order_item_id")),
        # Python reads 1_0 as 10.
        ({"items": [{"order_item_id": "7_0", "qty": 1}]}, ("items", 0, "order_item_id")),
        ({"items": [{"order_item_id": 70, "qty": "1_0"}]}, ("items", 0, "qty")),
        ({"items": [[]]}, ("items", 0, "order_item_id")),
        ({"items": "70"}, ("items",)),
        # One object for the list: github.com/magento/magento2/issues/9416.
        ({"tracks": TRACK}, ("tracks",)),
        ({"tracks": [{"track_number": True}]}, ("tracks", 0, "track_number")),
        ({"tracks": [{"track_number": float("inf")}]}, ("tracks", 0, "track_number")),
        ({"tracks": [{"track_number": ["1ZA"]}]}, ("tracks", 0, "track_number")),
        ({"notify": [1]}, ("notify",)),
        ({"comment": "text"}, ("comment",)),
    ],
    ids=json.dumps,
)
def test_what_commerce_could_not_read_either_is_refused_by_field(
    body: dict[str, Any], field: tuple[str | int, ...]
) -> None:
    with pytest.raises(ValidationError) as refused:
        ShipIn.model_validate({"tracks": [TRACK], **body})
    assert refused.value.errors()[0]["loc"] == field


SHIPMENT = {"entity_id": "45", "order_id": "7", "items": [ITEM], "tracks": [TRACK]}


@pytest.mark.parametrize(
    "payload",
    [
        {"data": {"shipment": SHIPMENT}},
        {"data": {"value": {"entityId": 45.0, "orderId": 7, "items": {"3": ITEM}, "tracks": [TRACK]}}},
        {"shipmentId": "45", "order": {"entityId": "7"}, "items": [ITEM], "tracks": {"1": TRACK}},
        {
            **SHIPMENT,
            "shipment": [],
            "items": [{"orderItemId": "70", "quantity": "2.0000", "extensionAttributes": []}],
            "tracks": [{"trackNumber": 794644790138, "title": "Federal Express", "carrierCode": "fedex"}],
        },
    ],
)  # fmt: skip
def test_a_webhook_is_read_by_the_same_rules(payload: dict[str, Any]) -> None:
    assert payloads.shipment(payload) == payloads.shipment(SHIPMENT)
