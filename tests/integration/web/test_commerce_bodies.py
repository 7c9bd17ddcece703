"""Bodies as PHP clients and Adobe's generators send them, through each of Commerce's doors."""

from typing import Any

import httpx
import pytest

from tests.harness.world import World
from tests.integration.web.adobe import cloud_event, event, hook, linked, numbers

ORDER = "/rest/store_1/V1/order/7"
PHP: dict[str, Any] = {
    "items": {"2": {"orderItemId": "70", "qty": "2.0000"}, "5": {"orderItemId": "71", "qty": "0"}},
    "notify": None,
    "appendComment": None,
    "comment": [],
    "tracks": [{"trackNumber": "1ZA", "title": "UPS", "carrierCode": "ups", "extension_attributes": []}],
    "packages": [],
    "arguments": {"extension_attributes": {"source_code": "default"}},
}  # fmt: skip


async def test_a_shipment_as_php_writes_it_is_shipped_and_repeated_once(
    world: World, client: httpx.AsyncClient
) -> None:
    order = await linked(world, client)
    first = await client.post(f"{ORDER}/ship", json=PHP)
    assert first.status_code == 200, first.text
    assert (await client.post(f"{ORDER}/ship", json=PHP)).json() == first.json()
    assert await numbers(world, order) == [("1ZA", 2)]


async def test_an_empty_array_is_a_body_without_fields(
    world: World, client: httpx.AsyncClient
) -> None:
    order = await linked(world, client)
    shipped = await client.post(f"{ORDER}/ship", json=[])
    assert (shipped.status_code, shipped.json()["error_code"]) == (400, "tracking_number_required")
    bodies: tuple[dict[str, Any], ...] = ({"json": []}, {"json": {}}, {"content": b""})
    for body in bodies:
        refunded = await client.post(f"{ORDER}/refund", **body)
        assert (refunded.status_code, refunded.json()["error_code"]) == (400, "no_open_return")
    canceled = await client.post("/rest/store_1/V1/orders/7/cancel", json=[])
    assert (canceled.status_code, canceled.json()) == (200, True)
    assert (await world.order(order.id)).cancellation is not None


async def test_rows_of_0_alone_ship_nothing(world: World, client: httpx.AsyncClient) -> None:
    order = await linked(world, client)
    body = {**PHP, "items": [{"order_item_id": 70, "qty": 0}]}
    answer = await client.post(f"{ORDER}/ship", json=body)
    assert (answer.status_code, answer.json()["error_code"]) == (400, "invalid_quantity")
    assert await numbers(world, order) == []


ITEM, TRACK = {"order_item_id": 70, "qty": 1}, {"track_number": "1ZA", "carrier_code": "ups"}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"items": [{"order_item_id": 70, "qty": "x"}], "tracks": [TRACK]}, "/items/0/qty"),
        ({"items": [{"qty": 1}], "tracks": [TRACK]}, "/items/0/order_item_id"),
        ({"items": [{**ITEM, "qty": 9}], "tracks": [TRACK]}, "/items/0/qty"),
        ({"items": [{**ITEM, "order_item_id": 99}], "tracks": [TRACK]}, "/items/0/order_item_id"),
        ({"items": [ITEM]}, "/tracks"),
        ({"tracks": [{**TRACK, "track_number": "1Z!"}]}, "/tracks/0/track_number"),
        ({"tracks": [{"track_number": "123", "carrier_code": "acme"}]}, "/tracks/0/carrier_code"),
        ({"tracks": [TRACK], "comment": "text"}, "/comment"),
    ],
)
async def test_a_refusal_names_the_field_of_its_first_error(
    world: World, client: httpx.AsyncClient, body: dict[str, Any], field: str
) -> None:
    await linked(world, client)
    error = (await client.post(f"{ORDER}/ship", json=body)).json()
    assert error["code"] == 400
    assert error["parameters"] == [field]
    assert error["errors"][0] == {"message": error["message"], "parameters": [field]}


async def test_a_refused_parameter_is_named_too(world: World, client: httpx.AsyncClient) -> None:
    order = await linked(world, client)
    for query, pointer in (("limit=0", "/limit"), ("a/b=1", "/a~1b"), ("cursor=x", "/cursor")):
        answer = await client.get(f"/v1/orders?{query}")
        assert [each["pointer"] for each in answer.json()["errors"]] == [pointer]
    key = {"Idempotency-Key": "x" * 256}
    keyed = await client.post(f"/v1/orders/{order.id}/refresh", headers=key)
    assert keyed.json()["errors"][0]["pointer"] == "/Idempotency-Key"
    searched = await client.get("/rest/store_1/V1/orders?searchCriteria[pageSize]=x")
    assert searched.json()["parameters"] == ["/searchCriteria[pageSize]"]


@pytest.mark.usefixtures("adobe")
async def test_webhooks_and_events_are_read_by_the_same_rules(
    world: World, client: httpx.AsyncClient, outside: httpx.AsyncClient
) -> None:
    order = await linked(world, client)
    saved = {"entityId": 45, "orderId": "7", **PHP}
    assert (await hook(outside, "shipment", saved)).json() == {"op": "success"}
    assert (await event(outside, cloud_event(saved))).status_code == 200
    assert await numbers(world, order) == [("1ZA", 2)]


@pytest.mark.parametrize(("quantity", "status"), [(2.0, 202), (2.5, 422), ("2", 422)])
async def test_v1_takes_a_whole_number_in_either_notation_of_json_and_no_text(
    world: World, client: httpx.AsyncClient, quantity: object, status: int
) -> None:
    """JSON Schema, core 4.2.3: an instance with a zero fractional part is an integer."""
    order = await linked(world, client)
    body = {
        "carrier_code": "ups",
        "tracking_number": "1ZA",
        "items": [{"commerce_item_id": 70.0, "quantity": quantity}],
    }
    answer = await client.post(f"/v1/orders/{order.id}/shipments", json=body)
    assert answer.status_code == status, answer.text
    assert await numbers(world, order) == ([("1ZA", 2)] if answer.is_success else [])
