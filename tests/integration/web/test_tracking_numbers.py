"""Tracking numbers as people and programs write them, on every channel that accepts them."""

import json
from typing import Any

import httpx
import pytest

from app.storage.queries.views import OrderView
from tests.harness.world import World
from tests.integration.web.adobe import changed, cloud_event, event, hook, linked
from tests.integration.web.doubtful import at_walmart

NUMBER = "1Z999AA10123456784"
TYPED = "\ufeff1Z 999\u00a0AA1\u20110123\u200b456784\u2028"
TWO = f"{NUMBER}\n9400111899223197428497"
CHANNELS = ["v1", "rest", "hook", "event", "csv", "lines"]


async def ship(
    channel: str,
    order: OrderView,
    client: httpx.AsyncClient,
    outside: httpx.AsyncClient,
    number: str,
) -> httpx.Response:
    """Ship one unit of the order with number 7 in Commerce, through one of the channels."""
    row: dict[str, Any] = {"carrier_code": "ups", "tracking_number": number}
    if channel == "v1":
        body = {**row, "items": [{"line_number": "1", "quantity": 1}]}
        return await client.post(f"/v1/orders/{order.id}/shipments", json=body)
    if channel in {"csv", "lines"}:
        row |= {"order": order.purchase_order_id, "sku": "SKU-1", "quantity": 1}
        lines = [",".join(row), ",".join(f'"{each}"' for each in row.values())]
        text, kind = "\n".join(lines), "text/csv"
        if channel == "lines":
            text, kind = json.dumps(row), "application/x-ndjson"
        url = f"/v1/shipments/bulk?store_id={order.store_id}"
        return await client.post(url, content=text, headers={"Content-Type": kind})
    track = {"track_number": number, "title": "UPS", "carrier_code": "ups"}
    if channel == "rest":
        body = {"items": [{"order_item_id": 70, "qty": 1}], "tracks": [track]}
        return await client.post("/rest/store_1/V1/order/7/ship", json=body)
    payload = changed(items=[{"order_item_id": "70", "qty": "1"}], tracks=[track])
    if channel == "hook":
        return await hook(outside, "shipment", payload)
    return await event(outside, cloud_event(payload["data"]["shipment"]))


@pytest.mark.usefixtures("adobe")
@pytest.mark.parametrize("channel", CHANNELS)
async def test_every_channel_sends_a_number_without_invisible_characters(
    world: World, client: httpx.AsyncClient, outside: httpx.AsyncClient, channel: str
) -> None:
    order = await linked(world, client)
    answer = await ship(channel, order, client, outside, TYPED)
    assert answer.is_success, answer.text
    (shipment,) = (await world.order(order.id)).shipments
    await world.deliver_until(shipment.update.id)
    assert await at_walmart(world, order) == [("1", 1, NUMBER)]
    found = (await client.get("/v1/orders", params={"q": NUMBER})).json()["data"]
    assert [each["id"] for each in found] == [str(order.id)]


@pytest.mark.usefixtures("adobe")
@pytest.mark.parametrize("channel", CHANNELS)
async def test_every_channel_refuses_text_that_looks_like_two_numbers(
    world: World, client: httpx.AsyncClient, outside: httpx.AsyncClient, channel: str
) -> None:
    order = await linked(world, client)
    answer = await ship(channel, order, client, outside, TWO)
    assert "looks like two numbers" in answer.text or channel in {"hook", "event"}
    after = await world.order(order.id)
    assert after.shipments == ()
    if channel in {"hook", "event"}:
        assert "looks like two numbers" in after.status_details[0].message
    if channel == "v1":
        assert answer.status_code == 422
        (error,) = answer.json()["errors"]
        assert (error["code"], error["pointer"]) == ("tracking_number_invalid", "/tracking_number")


async def test_a_number_is_shown_as_typed_and_compared_normalized(
    world: World, client: httpx.AsyncClient
) -> None:
    order = await world.an_order(3)
    url = f"/v1/orders/{order.id}/shipments"
    body = {
        "carrier_code": "ups",
        "tracking_number": TYPED,
        "reference": "a",
        "items": [{"line_number": "1", "quantity": 1}],
    }
    first = await client.post(url, json=body)
    assert (first.status_code, first.json()["tracking_number"]) == (202, TYPED)
    again = await client.post(url, json={**body, "tracking_number": NUMBER})
    assert (again.status_code, again.json()["id"]) == (200, first.json()["id"])
    other = await client.post(url, json={**body, "tracking_number": "1Z999AA10123456785"})
    assert other.json()["code"] == "reference_reused"


async def test_differently_typed_tracks_of_one_number_are_one_package(
    world: World, client: httpx.AsyncClient
) -> None:
    order = await linked(world, client)
    tracks = [{"track_number": each, "carrier_code": "ups"} for each in (TYPED, NUMBER)]
    body = {"items": [{"order_item_id": 70, "qty": 3}], "tracks": tracks}
    assert (await client.post("/rest/store_1/V1/order/7/ship", json=body)).status_code == 200
    assert [each.items[0].quantity for each in (await world.order(order.id)).shipments] == [3]


async def test_a_tracking_url_is_filled_with_visible_characters(
    world: World, client: httpx.AsyncClient
) -> None:
    order = await world.an_order()
    template = "https://acme.example/{tracking_number}"
    carriers = {"acme": {"other": "Acme", "tracking_url": template}}
    await client.patch(f"/v1/stores/{order.store_id}", json={"carriers": carriers})
    body = {"carrier_code": "acme", "tracking_number": "AF\u00a077\u20111\u200b"}
    url = f"/v1/orders/{order.id}/shipments?dry_run=true"
    sent = (await client.post(url, json=body)).json()["walmart_request"]["body"]
    assert "https://acme.example/AF77-1" in json.dumps(sent)
