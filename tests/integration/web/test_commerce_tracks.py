"""Shipments and their tracks by Commerce's REST API: read, added late, corrected, removed.

Shapes: sales-data-shipment-interface and sales-data-shipment-track-interface of Adobe's schema
(AdobeDocs/commerce-webapi, src/openapi/admin-schema-2.4.8.yaml).
"""

from typing import Any
from uuid import UUID

import httpx

from app.domain.update import Kind, State
from tests.harness.world import World
from tests.integration.web.test_commerce_api import BODY, SHIP, linked

V1 = "/rest/store_1/V1"
TRACK = f"{V1}/shipment/track"
REQUIRED = {"order_id", "items", "tracks", "comments"}
REQUIRED_OF_TRACK = {
    "order_id", "parent_id", "weight", "qty", "description", "track_number", "title", "carrier_code"
}  # fmt: skip


def track(shipment: int, number: str, **more: Any) -> dict[str, Any]:
    """A track as Adobe's tutorial "Add tracking" saves it."""
    entity = {"order_id": 7, "parent_id": shipment, "track_number": number, "weight": 1, "qty": 1}
    return {"entity": entity | {"title": "UPS", "carrier_code": "ups", "description": "x"} | more}


async def shipped(client: httpx.AsyncClient) -> int:
    answer = await client.post(SHIP, json=BODY)
    assert answer.status_code == 200, answer.text
    return int(answer.json())


async def read(client: httpx.AsyncClient, shipment: int) -> dict[str, Any]:
    answer = await client.get(f"{V1}/shipment/{shipment}")
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def test_a_shipment_is_read_by_the_number_that_ship_answered(
    world: World, client: httpx.AsyncClient
) -> None:
    order = await linked(world, client)
    number = await shipped(client)
    shown = await read(client, number)
    assert shown.keys() >= REQUIRED
    assert (shown["entity_id"], shown["order_id"], shown["total_qty"]) == (number, 7, 1)
    assert shown["increment_id"] == f"{number:09}"
    (item,), (carried,) = shown["items"], shown["tracks"]
    assert (item["order_item_id"], item["qty"]) == (70, 1)
    assert item["sku"] == order.lines[0].sku
    assert carried.keys() >= REQUIRED_OF_TRACK
    assert (carried["track_number"], carried["parent_id"]) == ("1Y-9876543210", number)
    assert shown["extension_attributes"]["sync_state"] == "pending"
    await world.deliver_until((await world.order(order.id)).shipments[0].update.id)
    assert (await read(client, number))["extension_attributes"]["sync_state"] == "confirmed"


async def test_shipments_of_other_stores_and_of_unlinked_orders_are_not_found(
    world: World, client: httpx.AsyncClient
) -> None:
    order = await linked(world, client)
    number = await shipped(client)
    other = await world.a_store()
    asked = [
        await client.get(f"/rest/{other.code}/V1/shipment/{number}"),
        await client.post(f"/rest/{other.code}/V1/shipment/track", json=track(number, "1ZB")),
        await client.post(TRACK, json=track(number, "1ZB", order_id=8)),
        await client.get(f"{V1}/shipment/{number + 1}"),
    ]
    unlinked = await client.patch(f"/v1/orders/{order.id}", json={"commerce_order_id": None})
    assert unlinked.is_success
    asked.append(await client.get(f"{V1}/shipment/{number}"))
    assert [(each.status_code, each.json()["error_code"]) for each in asked] == [
        (404, "shipment_not_found")
    ] * 5
    removed = await client.delete(f"{TRACK}/{number}")
    assert (removed.status_code, removed.json()["error_code"]) == (404, "track_not_found")


async def test_another_track_corrects_the_shipment_at_walmart_once(
    world: World, client: httpx.AsyncClient
) -> None:
    order = await linked(world, client)
    number = await shipped(client)
    await world.deliver_until((await world.order(order.id)).shipments[0].update.id)
    for _ in range(2):
        saved = await client.post(TRACK, json=track(number, "1Z999AA10123456784"))
        assert saved.status_code == 200, saved.text
        assert saved.json()["entity_id"] == number
        assert saved.json()["track_number"] == "1Z999AA10123456784"
    corrections = (await client.get("/v1/updates", params={"kind": Kind.TRACKING})).json()["data"]
    assert len(corrections) == 1
    await world.deliver_until(UUID(corrections[0]["id"]))
    corrected = (await world.ledger(order.purchase_order_id))[-1]
    assert corrected["tracking_number"] == "1Z999AA10123456784"
    (carried,) = (await read(client, number))["tracks"]
    assert carried["track_number"] == "1Z999AA10123456784"


async def test_a_removed_track_stays_at_walmart_until_another_replaces_it(
    world: World, client: httpx.AsyncClient
) -> None:
    order = await linked(world, client)
    number = await shipped(client)
    (carried,) = (await read(client, number))["tracks"]
    for _ in range(2):
        removed = await client.delete(f"{TRACK}/{carried['entity_id']}")
        assert (removed.status_code, removed.json()) == (200, True)
    timeline = (await client.get(f"/v1/orders/{order.id}/timeline")).json()["data"]
    assert [each["what"] for each in timeline].count("track_removed") == 1
    saved = await client.post(TRACK, json=track(number, "1ZB"))
    assert saved.status_code == 200
    # It was never sent, so it goes out under the new number.
    await world.deliver_until((await world.order(order.id)).shipments[0].update.id)
    (effect,) = await world.ledger(order.purchase_order_id)
    assert effect["tracking_number"] == "1ZB"


async def test_a_track_with_the_same_number_tries_a_failed_shipment_again(
    world: World, client: httpx.AsyncClient
) -> None:
    order = await linked(world, client)
    await world.fault("shipping", "refuse")
    number = await shipped(client)
    update = (await world.order(order.id)).shipments[0].update.id
    await world.deliver_until(update, states={State.FAILED})
    assert (await read(client, number))["extension_attributes"]["status_details"]
    saved = await client.post(TRACK, json=track(number, "1Y-9876543210"))
    assert saved.status_code == 200, saved.text
    await world.deliver_until(update)
    assert len(await world.ledger(order.purchase_order_id)) == 1


async def test_a_track_without_a_usable_number_is_refused_and_writes_nothing(
    world: World, client: httpx.AsyncClient
) -> None:
    order = await linked(world, client)
    number = await shipped(client)
    before = await world.order(order.id)
    acme = track(number, "1ZB", carrier_code="acme", title="Acme")
    for given, code, field in (
        (track(number, ""), "tracking_number_required", "/entity/track_number"),
        (track(number, "1Z!"), "tracking_number_invalid", "/entity/track_number"),
        (acme, "tracking_url_required", "/entity/carrier_code"),
        ({"entity": {"track_number": "1ZB"}}, "required", "/entity/parent_id"),
        ({}, "required", "/entity"),
    ):
        answer = await client.post(TRACK, json=given)
        assert answer.status_code == 400, given
        error = answer.json()
        assert (error["error_code"], error["parameters"]) == (code, [field]), answer.text
    assert await world.order(order.id) == before


async def test_an_idempotency_key_replays_a_track(world: World, client: httpx.AsyncClient) -> None:
    await linked(world, client)
    number = await shipped(client)
    key = {"Idempotency-Key": "track-1"}
    first = await client.post(TRACK, json=track(number, "1ZB"), headers=key)
    await client.post(TRACK, json=track(number, "1ZC"))
    again = await client.post(TRACK, json=track(number, "1ZB"), headers=key)
    assert again.json() == first.json()
    assert again.headers["Idempotent-Replayed"] == "true"
    (carried,) = (await read(client, number))["tracks"]
    assert carried["track_number"] == "1ZC"


async def test_every_door_trims_by_fields_and_ignores_unknown_parameters(
    world: World, client: httpx.AsyncClient
) -> None:
    """Magento: Webapi/Controller/Rest/SynchronousRequestProcessor.php, at every method."""
    await linked(world, client)
    query = "?fields=track_number,entity_id&x=1"
    number = (await client.post(SHIP + query, json=BODY)).raise_for_status().json()
    corrected = track(number, "1Z999AA10123456784")
    refused = await client.post(f"{TRACK}?fields=[", json=corrected)
    assert (refused.status_code, refused.json()["error_code"]) == (400, "fields_invalid")
    assert (await read(client, number))["tracks"][0]["track_number"] == "1Y-9876543210"
    saved = await client.post(TRACK + query, json=corrected)
    assert saved.json() == {"entity_id": number, "track_number": "1Z999AA10123456784"}
    assert (await client.delete(f"{TRACK}/{number}{query}")).json() is True
    assert (await client.get(f"{V1}/orders/7/statuses{query}")).json() == "open"
    found = await client.get(f"{V1}/shipments?x=1&fields=total_count")
    assert found.json() == {"total_count": 1}


async def test_a_correction_on_its_way_shows_in_the_shipment_and_in_searches_of_changes(
    world: World, client: httpx.AsyncClient
) -> None:
    order = await linked(world, client)
    number = await shipped(client)
    await world.deliver_until((await world.order(order.id)).shipments[0].update.id)
    async with world.database.begin() as connection:
        for table in ("updates", "shipments"):
            column = "updated_at" if table == "updates" else "created_at"
            await connection.exec_driver_sql(
                f"UPDATE {table} SET {column} = {column} - interval '1 hour'"
            )
    sent = await read(client, number)
    field = "searchCriteria[filterGroups][0][filters][0]"
    changes = {
        f"{field}[field]": "updated_at",
        f"{field}[value]": sent["updated_at"],
        f"{field}[conditionType]": "gt",
    }

    async def changed() -> int:
        found = await client.get(f"{V1}/shipments", params=changes)
        return int(found.raise_for_status().json()["total_count"])

    assert await changed() == 0
    saved = await client.post(TRACK, json=track(number, "1ZB"))
    assert saved.json()["updated_at"] > sent["updated_at"]
    corrected = await read(client, number)
    assert corrected["extension_attributes"]["sync_state"] == "pending"
    assert corrected["updated_at"] > sent["updated_at"]
    assert corrected["tracks"][0]["updated_at"] == corrected["updated_at"]
    assert await changed() == 1
    (update,) = (await client.get("/v1/updates", params={"kind": Kind.TRACKING})).json()["data"]
    await world.deliver_until(UUID(update["id"]))
    confirmed = (await read(client, number))["extension_attributes"]
    assert (confirmed["sync_state"], confirmed["status_details"]) == ("confirmed", [])
