"""A failed shipment at Commerce's doors: REST corrects or retries it, and each refusal names it."""

import asyncio
from typing import Any
from uuid import UUID

import httpx
import pytest

from app.domain.update import State
from app.storage.queries.views import OrderView, ShipmentView
from tests.harness.waiting import limited
from tests.harness.world import World
from tests.integration.web.adobe import a_track, event, hook, linked
from tests.integration.web.doubtful import LONG, at_walmart, code, land
from tests.integration.web.test_commerce_shipments import (
    SHIP,
    A,
    B,
    C,
    body,
    end_doubts,
    nothing_waits,
    saved,
    shipped,
)
from tests.integration.web.test_partial_shipments import linked as linked_lines

TRACK = "/rest/store_1/V1/shipment/track"
CANCEL = "/rest/store_1/V1/orders/7/cancel"
REASON = "The number is not valid"
Body = dict[str, Any]


async def made(world: World, order: OrderView) -> list[ShipmentView]:
    return list((await world.order(order.id)).shipments)


async def refused(
    world: World, client: httpx.AsyncClient, order: OrderView, *bodies: Body
) -> list[int]:
    """Ship each body; Walmart refuses them. Return the numbers of the shipments."""
    await world.fault(
        "shipping",
        "refuse",
        field="trackingNumber",
        description=REASON,
        purchase_order_id=order.purchase_order_id,
    )
    answers = [await client.post(SHIP, json=each) for each in bodies]
    assert [each.status_code for each in answers] == [200] * len(answers), answers
    failed = [each.update.id for each in await made(world, order)]
    await world.deliver_until(*failed, states={State.FAILED}, policy=LONG)
    return [each.json() for each in answers]


async def all_sent(world: World, order: OrderView) -> list[Any]:
    shipments = await made(world, order)
    await world.deliver_until(*(each.update.id for each in shipments), policy=LONG)
    return sorted(await at_walmart(world, order))


async def open_updates(client: httpx.AsyncClient, order: OrderView) -> list[Any]:
    found = (await client.get("/v1/updates", params={"order_id": str(order.id)})).json()["data"]
    return [each for each in found if each["state"] not in {"confirmed", "dismissed"}]


def names(text: str, *numbers: str) -> bool:
    """Whether a refusal names each failed shipment, its reason and the way out."""
    ways = ["/retry", "/dismiss", "/tracking", "POST /V1/shipment/track"]
    if len(numbers) == 1:
        ways.append("POST /V1/order/{orderId}/ship")
    return all(each in text for each in (*numbers, REASON, *ways))


@pytest.mark.parametrize("items", [True, False])
async def test_a_corrected_body_corrects_the_refused_shipment(
    world: World, client: httpx.AsyncClient, *, items: bool
) -> None:
    order = await linked(world, client)
    first, corrected = body(A, units=3), body(B, units=3)
    if not items:
        del first["items"], corrected["items"]
    number = (await refused(world, client, order, first))[0]
    answer = await client.post(SHIP, json=corrected)
    assert (answer.status_code, answer.json()) == (200, number), answer.text
    assert [each.state for each in await made(world, order)] == ["retrying"]
    assert await all_sent(world, order) == [("1", 3, "1ZB")]
    # Both bodies are repetitions now.
    for each in (corrected, first):
        assert (await client.post(SHIP, json=each)).json() == number
    assert [each.state for each in await made(world, order)] == ["confirmed"]


async def test_the_same_body_retries_the_refused_shipment(
    world: World, client: httpx.AsyncClient
) -> None:
    """By the store's present carriers, so that a carrier that was mapped since then counts."""
    order = await linked(world, client, default_tracking_url="https://t.example/{tracking_number}")
    acme = body({"track_number": "1ZACME", "title": "Acme", "carrier_code": "acme"}, units=3)
    number = (await refused(world, client, order, acme))[0]
    assert (await made(world, order))[0].walmart_carrier == {"other": "Acme"}
    store = (await client.get("/v1/stores")).json()["data"][0]["id"]
    assert (
        await client.patch(f"/v1/stores/{store}", json={"carriers": {"acme": "UPS"}})
    ).is_success
    answers = await asyncio.gather(*(client.post(SHIP, json=acme) for _ in range(3)))
    assert [each.json() for each in answers] == [number] * 3
    assert (await made(world, order))[0].walmart_carrier == {"carrier": "UPS"}
    assert await all_sent(world, order) == [("1", 3, "1ZACME")]


async def test_another_carrier_for_the_same_number_is_a_correction(
    world: World, client: httpx.AsyncClient
) -> None:
    order = await linked(world, client)
    number = (await refused(world, client, order, body(A, units=3)))[0]
    by_fedex = {**a_track("1ZA", carrier="fedex"), "title": "Federal Express"}
    assert (await client.post(SHIP, json=body(by_fedex, units=3))).json() == number
    assert (await made(world, order))[0].walmart_carrier == {"carrier": "FedEx"}
    assert await all_sent(world, order) == [("1", 3, "1ZA")]


async def test_equal_corrected_bodies_at_once_are_one_correction(
    world: World, client: httpx.AsyncClient
) -> None:
    order = await linked(world, client)
    number = (await refused(world, client, order, body(A, units=3)))[0]
    answers = await asyncio.gather(*(client.post(SHIP, json=body(B, units=3)) for _ in range(4)))
    assert [each.json() for each in answers] == [number] * 4
    timeline = (await client.get(f"/v1/orders/{order.id}/timeline")).json()["data"]
    assert [each["what"] for each in timeline].count("tracking_corrected") == 1
    assert await all_sent(world, order) == [("1", 3, "1ZB")]


async def test_bodies_of_one_correction_that_differ_in_their_comment_are_one(
    world: World, client: httpx.AsyncClient
) -> None:
    order = await linked(world, client)
    number = (await refused(world, client, order, body(A, units=3)))[0]
    bodies = [body(B, units=3, comment={"comment": text}) for text in ("one", "two")]
    answers = await asyncio.gather(*(client.post(SHIP, json=each) for each in bodies))
    assert [(each.status_code, each.json()) for each in answers] == [(200, number)] * 2
    assert await all_sent(world, order) == [("1", 3, "1ZB")]
    # Once it is delivered, too: no unit is left that another shipment could have.
    late = await client.post(SHIP, json=body(B, units=3, comment={"comment": "three"}))
    assert (late.status_code, late.json()) == (200, number), late.text
    assert [each.state for each in await made(world, order)] == ["confirmed"]


async def test_a_second_correction_at_once_is_refused_with_the_shipment_on_its_way(
    world: World, client: httpx.AsyncClient
) -> None:
    order = await linked(world, client)
    number = (await refused(world, client, order, body(A, units=3)))[0]
    answers = await asyncio.gather(
        *(client.post(SHIP, json=body(track, units=3)) for track in (B, C))
    )
    won, lost = sorted(answers, key=lambda each: each.status_code)
    assert (won.status_code, won.json(), lost.status_code) == (200, number, 400)
    (shipment,) = await made(world, order)
    other = ({"1ZB", "1ZC"} - {shipment.tracking_number}).pop()
    assert f"Shipment {number} ({shipment.tracking_number}: 3 of" in lost.json()["message"]
    assert f"POST /V1/shipment/track (parent_id {number})" in lost.json()["message"]
    package = {"carrier_code": "ups", "tracking_number": other}
    by_v1 = await client.post(f"/v1/orders/{order.id}/shipments", json=package)
    assert code(by_v1) == (409, "nothing_to_ship")
    assert "PATCH …/shipments/{shipment_id}/tracking" in by_v1.json()["detail"]
    # The way out.
    entity = {**a_track(other), "order_id": 7, "parent_id": number}
    assert (await client.post(TRACK, json={"entity": entity})).is_success
    assert await all_sent(world, order) == [("1", 3, other)]


@pytest.mark.parametrize("path", ["track", "patch"])
async def test_a_number_that_another_path_corrected_is_known_to_ship(
    world: World, client: httpx.AsyncClient, path: str
) -> None:
    order = await linked(world, client)
    number = (await refused(world, client, order, body(A, units=3)))[0]
    if path == "track":
        entity = {**B, "order_id": 7, "parent_id": number}
        corrected = await client.post(TRACK, json={"entity": entity})
    else:
        shipment = (await made(world, order))[0].id
        corrected = await client.patch(
            f"/v1/orders/{order.id}/shipments/{shipment}/tracking", json={"tracking_number": "1ZB"}
        )
    assert corrected.is_success, corrected.text
    before = await made(world, order)
    assert (await client.post(SHIP, json=body(B, units=3))).json() == number
    assert await made(world, order) == before
    assert await all_sent(world, order) == [("1", 3, "1ZB")]


async def test_a_correction_that_fails_too_is_corrected_again(
    world: World, client: httpx.AsyncClient
) -> None:
    order = await linked(world, client)
    numbers = await refused(world, client, order, body(A, units=3))
    for track in (B, C):
        numbers += await refused(world, client, order, body(track, units=3))
    # The body of an earlier number retries the shipment as it is.
    numbers.append((await client.post(SHIP, json=body(A, units=3))).json())
    assert len(set(numbers)) == 1
    assert await all_sent(world, order) == [("1", 3, "1ZC")]


async def test_with_several_failed_shipments_a_request_is_refused_with_their_names(
    world: World, client: httpx.AsyncClient
) -> None:
    order = await linked(world, client, units=2)
    await refused(world, client, order, body(A), body(B))
    before = await made(world, order)
    answer = await client.post(SHIP, json=body(C))
    assert (answer.status_code, answer.json()["error_code"]) == (400, "quantity_exceeds_remaining")
    assert names(answer.json()["message"], "1ZA", "1ZB")
    everything = await client.post(SHIP, json={"tracks": [C]})
    assert everything.json()["error_code"] == "nothing_to_ship"
    assert names(everything.json()["message"], "1ZA", "1ZB")
    assert await made(world, order) == before


async def test_other_units_than_the_failed_shipments_are_refused_with_its_name(
    world: World, client: httpx.AsyncClient
) -> None:
    order = await linked(world, client)
    await refused(world, client, order, body(A, units=3))
    before = await made(world, order)
    answer = await client.post(SHIP, json=body(B, units=2))
    assert (answer.status_code, answer.json()["error_code"]) == (400, "quantity_exceeds_remaining")
    assert names(answer.json()["message"], "1ZA: 3 of line 1")
    # /v1 corrects by PATCH only.
    package = {"carrier_code": "ups", "tracking_number": "1ZB"}
    by_v1 = await client.post(f"/v1/orders/{order.id}/shipments", json=package)
    assert code(by_v1) == (409, "nothing_to_ship")
    assert names(by_v1.json()["detail"], "1ZA")
    assert await made(world, order) == before


@pytest.mark.usefixtures("adobe")
async def test_a_hook_or_event_neither_corrects_nor_retries(
    world: World, client: httpx.AsyncClient, outside: httpx.AsyncClient
) -> None:
    order = await linked(world, client)
    payload = shipped(A, units=3)
    assert (await hook(outside, "shipment", payload)).json() == {"op": "success"}
    await world.fault("shipping", "refuse", field="trackingNumber", description=REASON)
    (shipment,) = await made(world, order)
    await world.deliver_until(shipment.update.id, states={State.FAILED}, policy=LONG)
    before = await made(world, order)
    # The same shipment again, and another one with another number.
    assert (await hook(outside, "shipment", payload)).json() == {"op": "success"}
    assert (await event(outside, saved(payload))).json() == {"results": ["known"]}
    other = shipped(B, units=3, number="46")
    answer = (await hook(outside, "shipment", other)).json()
    assert answer["op"] == "exception"
    assert names(answer["message"], "1ZA")
    results = (await event(outside, saved(shipped(C, units=3, number="47")))).json()["results"]
    assert results == ["refused: quantity_exceeds_remaining"]
    assert await made(world, order) == before
    kept = (await client.get("/v1/commerce-events?state=refused")).json()["data"]
    assert all(names(each["status_detail"]["message"], "1ZA") for each in kept)
    # By REST the failed shipment is corrected, although it came by a webhook.
    assert (await client.post(SHIP, json=body(B, units=3))).json() == shipment.number
    assert await all_sent(world, order) == [("1", 3, "1ZB")]


@pytest.mark.parametrize("lands", [True, False])
async def test_a_failed_shipment_in_doubt_is_settled_before_its_correction(
    world: World, client: httpx.AsyncClient, *, lands: bool
) -> None:
    order = await linked(world, client)
    await world.fault("shipping", "held", purchase_order_id=order.purchase_order_id)
    number = (await client.post(SHIP, json=body(A, units=3))).json()
    update = (await made(world, order))[0].update.id
    await world.deliver_until(update, states={State.VERIFYING}, policy=LONG)
    async with world.database.begin() as connection:
        # As after two days of unclear answers.
        await connection.exec_driver_sql(
            "UPDATE updates SET state = 'failed', active = false WHERE kind = 'shipment'"
        )
    assert (await client.post(SHIP, json=body(B, units=3))).json() == number
    if lands:
        await land(world)
    await end_doubts(world)
    await nothing_waits(world)
    sent = await all_sent(world, order)
    assert [each for each in sent if each[2] == "1ZA"] == ([("1", 3, "1ZA")] if lands else [])
    assert [line.quantity.shipped for line in (await world.order(order.id)).lines] == [3]
    found = (await world.walmart.get(f"/simulator/orders/{order.purchase_order_id}")).json()
    assert ("1ZB" in str(found), "1ZA" in str(found)) == (True, False)


@pytest.mark.parametrize("whole", [True, False])
async def test_a_partly_confirmed_shipment_is_corrected_in_the_units_that_are_named(
    world: World, client: httpx.AsyncClient, *, whole: bool
) -> None:
    """Units that Walmart has keep the number under which the buyer knows them."""
    order = await linked_lines(world, client, 1, 1)
    items = [{"order_item_id": 70 + n, "qty": 1} for n in range(2)]
    number = (await refused(world, client, order, {"items": items, "tracks": [A]}))[0]
    await world.shipped_by_hand(order, 1, "1ZA")
    assert (await client.post(f"/v1/orders/{order.id}/refresh")).is_success
    (shipment,) = await made(world, order)
    assert [item.confirmed for item in shipment.items] == [1, 0]
    corrected = {"items": items if whole else items[1:], "tracks": [B]}
    for _ in range(2):
        assert (await client.post(SHIP, json=corrected)).json() == number
    async with world.polling(policy=LONG), limited():
        while await open_updates(client, order):
            await asyncio.sleep(0.02)
        await world.no_doubt_left()
    found = (await world.walmart.get(f"/simulator/orders/{order.purchase_order_id}")).json()
    assert ("1ZB" in str(found), "1ZA" in str(found)) == (True, not whole)
    assert [line.quantity.shipped for line in (await world.order(order.id)).lines] == [1, 1]
    assert (await world.order(order.id)).status == "shipped"


async def test_one_corrected_package_of_several_leaves_the_others(
    world: World, client: httpx.AsyncClient
) -> None:
    order = await linked(world, client, units=2)
    number = (await refused(world, client, order, body(A, B, units=2)))[0]
    answer = await client.post(SHIP, json=body(C, B, units=2))
    assert (answer.status_code, answer.json()) == (200, number), answer.text
    assert await all_sent(world, order) == [("1", 1, "1ZB"), ("1", 1, "1ZC")]
    assert (await client.post(SHIP, json=body(C, B, units=2))).json() == number
    assert len(await made(world, order)) == 2


async def test_a_correction_with_more_packages_than_units_shows_those_that_are_not_sent(
    world: World, client: httpx.AsyncClient
) -> None:
    order = await linked(world, client, units=1)
    number = (await refused(world, client, order, body(A)))[0]
    for each in (body(B, C), body(B, C), body(B, C, comment={"comment": "again"})):
        assert (await client.post(SHIP, json=each)).json() == number
        shown = await world.order(order.id)
        (detail,) = [found for found in shown.status_details if found.code == "track_not_sent"]
        assert all(track in detail.message for track in ("1ZB", "1ZC"))
    assert await all_sent(world, order) == [("1", 1, "1ZB")]
    assert [each.code for each in (await world.order(order.id)).status_details] == [
        "track_not_sent"
    ]


async def test_units_that_walmart_canceled_are_refused_with_the_failed_shipments_name(
    world: World, client: httpx.AsyncClient
) -> None:
    order = await linked_lines(world, client, 1, 1)
    items = [{"order_item_id": 70 + n, "qty": 1} for n in range(2)]
    await refused(world, client, order, {"items": items[:1], "tracks": [A]})
    path = f"/simulator/orders/{order.purchase_order_id}/cancel"
    lines = [{"line_number": "1", "quantity": 1}]
    (await world.walmart.post(path, json={"lines": lines})).raise_for_status()
    assert (await client.post(f"/v1/orders/{order.id}/refresh")).is_success
    before = await made(world, order)
    for track in (A, B):
        answer = await client.post(SHIP, json={"items": items[:1], "tracks": [track]})
        assert (answer.status_code, answer.json()["error_code"]) == (
            400,
            "quantity_exceeds_remaining",
        )
        assert "Shipment " in answer.json()["message"]
        assert "/dismiss" in answer.json()["message"]
    assert await made(world, order) == before


async def test_units_that_were_shipped_by_hand_are_refused_with_dismissing_as_the_only_way(
    world: World, client: httpx.AsyncClient
) -> None:
    order = await linked(world, client, units=2)
    await refused(world, client, order, body(A, units=2))
    await world.shipped_by_hand(order, 2, "1ZHAND")
    assert (await client.post(f"/v1/orders/{order.id}/refresh")).is_success
    before = await made(world, order)
    for track in (A, B, a_track("1ZHAND")):
        answer = await client.post(SHIP, json=body(track, units=2))
        assert (answer.status_code, answer.json()["error_code"]) == (
            400,
            "quantity_exceeds_remaining",
        )
        message = answer.json()["message"]
        assert all(each in message for each in ("1ZA", REASON, "/dismiss"))
        assert not any(each in message for each in ("/retry", "/tracking", "POST /V1"))
    assert await made(world, order) == before
    dismissed = f"/v1/updates/{before[0].update.id}/dismiss"
    assert (await client.post(dismissed, json={"note": "shipped by hand"})).is_success
    assert (await world.order(order.id)).status == "shipped"


async def test_a_cancellation_names_the_failed_shipment_at_both_doors(
    world: World, client: httpx.AsyncClient
) -> None:
    order = await linked(world, client)
    await refused(world, client, order, body(A, units=3))
    answer = await client.post(CANCEL)
    assert (answer.status_code, answer.json()["error_code"]) == (400, "shipment_unresolved")
    assert names(answer.json()["message"], "1ZA")
    by_v1 = await client.post(
        f"/v1/orders/{order.id}/cancellation", json={"reason": "out_of_stock"}
    )
    assert code(by_v1) == (409, "shipment_unresolved")
    assert names(by_v1.json()["detail"], "1ZA")
    # The way out.
    update = (await made(world, order))[0].update.id
    await client.post(f"/v1/updates/{UUID(str(update))}/dismiss", json={"note": "not sent"})
    assert (await client.post(CANCEL)).json() is True


async def test_a_wrong_correction_is_refused_and_writes_nothing(
    world: World, client: httpx.AsyncClient
) -> None:
    order = await linked(world, client)
    await refused(world, client, order, body(A, units=3))
    before = await made(world, order)
    wrong = [
        (a_track("?!"), "tracking_number_invalid"),
        (a_track(""), "tracking_number_required"),
        ({**a_track("1ZB", carrier="acme"), "title": "Acme"}, "tracking_url_required"),
    ]
    for track, expected in wrong:
        answer = await client.post(SHIP, json=body(track, units=3))
        assert (answer.status_code, answer.json()["error_code"]) == (400, expected)
    assert await made(world, order) == before
