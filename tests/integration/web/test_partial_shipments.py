"""Partial shipments: possible units are shipped, and impossible ones are reported line by line."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import httpx
import pytest

from app.domain.update import State
from app.storage.queries.views import OrderView, ShipmentView
from app.worker.maintenance.commerce_events import carry_out_waiting
from tests.harness.world import World
from tests.integration.web.adobe import changed, event, hook, side
from tests.integration.web.doubtful import LONG, accepted, at_walmart, code, land, shown
from tests.integration.web.test_commerce_shipments import saved

SHIP = "/rest/store_1/V1/order/7/ship"
REASONS = ["canceled", "by hand", "buyer asks"]
CODES = {"canceled": "line_canceled", "by hand": "needs_review", "buyer asks": "cancel_requested"}


def body(number: str = "1ZA", **lines: int) -> dict[str, Any]:
    """A shipment by line, as in `body(l1=2)`."""
    items = [{"line_number": name[1:], "quantity": units} for name, units in lines.items()]
    return {"carrier_code": "ups", "tracking_number": number, "items": items}


async def at_seller_center(
    world: World, order: OrderView, why: str, lines: Mapping[str, int]
) -> None:
    """Change units of lines outside Waybill."""
    verb = {"canceled": "cancel", "by hand": "ship", "buyer asks": "intent-to-cancel"}[why]
    named: list[Any] = [
        {"line_number": number, "quantity": units}
        | ({"tracking_number": "1ZHAND"} if why == "by hand" else {})
        for number, units in lines.items()
    ]
    path = f"/simulator/orders/{order.purchase_order_id}/{verb}"
    wanted = list(lines) if why == "buyer asks" else named
    (await world.walmart.post(path, json={"lines": wanted})).raise_for_status()


async def undelivered(client: httpx.AsyncClient, order: OrderView) -> list[tuple[str, int, str]]:
    """The details of lines that could not be shipped, each with a message and a next step."""
    details = (await shown(client, order))["status_details"]
    assert all(each["message"] and each["suggestion"] for each in details)
    return [
        (each["line_number"], each["units"], each["code"])
        for each in details
        if each["line_number"] is not None
    ]


async def confirmed(client: httpx.AsyncClient, order: OrderView) -> list[dict[str, int]]:
    """The confirmed units of each shipment's lines."""
    found = (await client.get(f"/v1/orders/{order.id}/shipments")).json()["data"]
    return [{i["line_number"]: i["confirmed"] for i in each["items"]} for each in found]


async def calls(world: World, order: OrderView) -> list[str]:
    """The calls of a delivery: the writes, and the reads after the first write."""
    everything = (await world.walmart.get("/simulator/calls")).json()["calls"]
    names = [
        each["operation"]
        for each in everything
        if each["purchase_order_id"] == order.purchase_order_id
    ]
    return names[names.index("shipping") :]


@pytest.mark.parametrize("why", REASONS)
async def test_one_impossible_line_does_not_prevent_the_others(
    world: World, client: httpx.AsyncClient, why: str
) -> None:
    order = await world.an_order(2, 1, 3)
    shipment = await accepted(client, order, body(l1=2, l2=1, l3=3))
    await at_seller_center(world, order, why, {"2": 1})
    (update,) = await world.deliver_until(UUID(shipment["update"]["id"]), policy=LONG)
    assert update.state == "failed"
    # One refusal, one read, one second call without the line.
    assert await calls(world, order) == ["shipping", "read", "shipping"]
    assert await at_walmart(world, order) == [("1", 2, "1ZA"), ("3", 3, "1ZA")]
    assert await confirmed(client, order) == [{"1": 2, "2": 0, "3": 3}]
    assert await undelivered(client, order) == [("2", 1, CODES[why])]
    assert (await shown(client, order))["status"] == "error"


@pytest.mark.parametrize("why", ["canceled", "by hand"])
async def test_impossible_units_of_a_line_do_not_prevent_the_others(
    world: World, client: httpx.AsyncClient, why: str
) -> None:
    order = await world.an_order(3)
    shipment = await accepted(client, order, body(l1=3))
    await at_seller_center(world, order, why, {"1": 1})
    await world.deliver_until(UUID(shipment["update"]["id"]))
    assert await at_walmart(world, order) == [("1", 2, "1ZA")]
    assert await confirmed(client, order) == [{"1": 2}]
    assert await undelivered(client, order) == [("1", 1, CODES[why])]
    again = await client.post(f"/v1/updates/{shipment['update']['id']}/retry")
    # None of it is possible any more: that is reported, and nothing is sent.
    assert again.status_code in {202, 409}
    assert len(await at_walmart(world, order)) == 1


async def test_lines_that_are_impossible_for_different_reasons_are_reported_each(
    world: World, client: httpx.AsyncClient
) -> None:
    order = await world.an_order(2, 1, 3, 1)
    shipment = await accepted(client, order, body(l1=2, l2=1, l3=3, l4=1))
    await at_seller_center(world, order, "canceled", {"1": 2})
    await at_seller_center(world, order, "by hand", {"2": 1})
    await at_seller_center(world, order, "buyer asks", {"3": 3})
    await world.deliver_until(UUID(shipment["update"]["id"]))
    assert await at_walmart(world, order) == [("4", 1, "1ZA")]
    assert sorted(await undelivered(client, order)) == [
        ("1", 2, "line_canceled"),
        ("2", 1, "needs_review"),
        ("3", 3, "cancel_requested"),
    ]


async def test_a_shipment_without_a_possible_line_reports_each_and_is_not_sent_again(
    world: World, client: httpx.AsyncClient
) -> None:
    order = await world.an_order(2, 1)
    shipment = await accepted(client, order, body(l1=2, l2=1))
    await at_seller_center(world, order, "canceled", {"1": 2})
    await at_seller_center(world, order, "buyer asks", {"2": 1})
    await world.deliver_until(UUID(shipment["update"]["id"]), policy=LONG)
    assert await calls(world, order) == ["shipping", "read"]
    assert sorted(await undelivered(client, order)) == [
        ("1", 2, "line_canceled"),
        ("2", 1, "cancel_requested"),
    ]


async def test_a_shipment_that_a_read_finds_impossible_is_reported_by_line_too(
    world: World, client: httpx.AsyncClient
) -> None:
    order = await world.an_order(2, 1)
    await accepted(client, order, body(l1=2, l2=1))
    await at_seller_center(world, order, "canceled", {"1": 2})
    await at_seller_center(world, order, "by hand", {"2": 1})
    await client.post(f"/v1/orders/{order.id}/refresh")
    assert sorted(await undelivered(client, order)) == [
        ("1", 2, "line_canceled"),
        ("2", 1, "needs_review"),
    ]


@pytest.mark.parametrize("override", [True, False])
async def test_a_retry_sends_the_rest_when_it_is_possible(
    world: World, client: httpx.AsyncClient, *, override: bool
) -> None:
    order = await world.an_order(2, 1)
    shipment = await accepted(client, order, body(l1=2, l2=1))
    await at_seller_center(world, order, "buyer asks", {"2": 1})
    update = shipment["update"]["id"]
    await world.deliver_until(UUID(update))
    answer = await client.post(
        f"/v1/updates/{update}/retry", json={"override_cancel_request": override}
    )
    assert answer.status_code == 202, answer.text
    (view,) = await world.deliver_until(UUID(update))
    assert view.state == ("confirmed" if override else "failed")
    sent = await at_walmart(world, order)
    assert sent == [("1", 2, "1ZA"), *([("2", 1, "1ZA")] if override else [])]
    assert await undelivered(client, order) == ([] if override else [("2", 1, "cancel_requested")])


async def test_a_second_refusal_is_judged_on_its_own(
    world: World, client: httpx.AsyncClient
) -> None:
    order = await world.an_order(2, 1)
    shipment = await accepted(client, order, body(l1=2, l2=1))
    await at_seller_center(world, order, "canceled", {"2": 1})
    await world.fault(
        "shipping",
        "refuse",
        field="methodCode",
        description="Method code is not supported",
        purchase_order_id=order.purchase_order_id,
    )
    (update,) = await world.deliver_until(UUID(shipment["update"]["id"]), policy=LONG)
    assert await calls(world, order) == ["shipping", "read", "shipping", "read"]
    assert update.status_detail is not None
    assert update.status_detail.code == "method_code_not_supported"
    assert await at_walmart(world, order) == []
    # Walmart accepts it now: a retry sends the possible units.
    answer = await client.post(f"/v1/updates/{update.id}/retry")
    assert answer.json()["will"] == "queued"
    await world.deliver_until(update.id)
    assert await at_walmart(world, order) == [("1", 2, "1ZA")]
    assert await undelivered(client, order) == [("2", 1, "line_canceled")]


async def test_the_try_after_a_second_refusal_sends_the_possible_lines(
    world: World, client: httpx.AsyncClient
) -> None:
    order = await world.an_order(2, 1, 3)
    shipment = await accepted(client, order, body(l1=2, l2=1, l3=3))
    await at_seller_center(world, order, "canceled", {"2": 1})
    await at_seller_center(world, order, "canceled", {"3": 3})
    # The read after the first refusal does not show line 3 as canceled yet.
    await world.fault("read", "lag", changes=1)
    await world.deliver_until(UUID(shipment["update"]["id"]), policy=LONG)
    names = await calls(world, order)
    assert names == ["shipping", "read", "shipping", "read", "read", "shipping"]
    assert await at_walmart(world, order) == [("1", 2, "1ZA")]
    assert await confirmed(client, order) == [{"1": 2, "2": 0, "3": 0}]
    assert sorted(await undelivered(client, order)) == [
        ("2", 1, "line_canceled"),
        ("3", 3, "line_canceled"),
    ]


@pytest.mark.parametrize("fault", ["error_after", "held"])
async def test_a_second_call_with_a_lost_answer_is_settled_and_reported_by_line(
    world: World, client: httpx.AsyncClient, fault: str
) -> None:
    order = await world.an_order(2, 1)
    shipment = await accepted(client, order, body(l1=2, l2=1))
    await at_seller_center(world, order, "canceled", {"2": 1})
    update = UUID(shipment["update"]["id"])
    # The fault skips the first call; the second loses its answer.
    await world.fault("shipping", "slow", delay=0)
    await world.fault("shipping", fault)
    await world.deliver_until(update, states={State.VERIFYING}, policy=LONG)
    await land(world)
    await world.let_doubts_end()
    await world.deliver_until(update, policy=LONG)
    assert await at_walmart(world, order) == [("1", 2, "1ZA")]
    assert await confirmed(client, order) == [{"1": 2, "2": 0}]
    assert await undelivered(client, order) == [("2", 1, "line_canceled")]


@pytest.mark.parametrize("why", ["canceled", "by hand"])
async def test_v1_and_rest_refuse_known_impossible_lines(
    world: World, client: httpx.AsyncClient, why: str
) -> None:
    order = await linked(world, client)
    await at_seller_center(world, order, why, {"2": 1})
    await client.post(f"/v1/orders/{order.id}/refresh")
    refused = await client.post(f"/v1/orders/{order.id}/shipments", json=body(l1=2, l2=2))
    assert code(refused) == (409, "quantity_exceeds_remaining")
    refused = await client.post(SHIP, json=at_rest(1, 2))
    assert (refused.status_code, refused.json()["error_code"]) == (
        400,
        "quantity_exceeds_remaining",
    )
    assert (await shown(client, order))["shipments"] == []


@pytest.mark.usefixtures("adobe")
async def test_a_line_with_a_cancellation_request_is_refused_or_left_out(
    world: World, client: httpx.AsyncClient, outside: httpx.AsyncClient
) -> None:
    order = await linked(world, client)
    await at_seller_center(world, order, "buyer asks", {"2": 2})
    await client.post(f"/v1/orders/{order.id}/refresh")
    path = f"/v1/orders/{order.id}/shipments"
    for named in (body(l1=3, l2=2), {**body(), "items": None}):
        assert code(await client.post(path, json=named)) == (409, "cancel_requested")
    refused = await client.post(SHIP, json=at_rest(3, 2))
    assert (refused.status_code, refused.json()["error_code"]) == (400, "cancel_requested")
    rows = f"order,carrier_code,tracking_number\n{order.purchase_order_id},ups,1ZB\n"
    bulk = await client.post(
        f"/v1/shipments/bulk?store_id={world._stores[0].id}",
        content=rows,
        headers={"Content-Type": "text/csv"},
    )
    assert [each["code"] for each in bulk.json()["results"]] == ["cancel_requested"]
    # A person may override it; and the other lines are shipped.
    override = {**body("1ZC", l2=1), "override_cancel_request": True}
    assert (await client.post(path, json=override)).status_code == 202
    assert (await client.post(path, json=body("1ZD", l1=1))).status_code == 202
    await delivered(world, order)
    assert (await hook(outside, "shipment", payload([track("1ZA")], 2, 1))).json() == {
        "op": "success"
    }
    await delivered(world, order)
    assert sorted(await at_walmart(world, order)) == [
        ("1", 1, "1ZD"),
        ("1", 2, "1ZA"),
        ("2", 1, "1ZC"),
    ]
    assert await undelivered(client, order) == [("2", 1, "cancel_requested")]


def at_rest(*units: int) -> dict[str, Any]:
    items = [{"order_item_id": 70 + n, "qty": count} for n, count in enumerate(units)]
    return {"items": items, "tracks": [track("1ZA")]}


def track(number: str) -> dict[str, Any]:
    return {"track_number": number, "title": "UPS", "carrier_code": "ups"}


def payload(tracks: list[dict[str, Any]], *units: int) -> dict[str, Any]:
    items = [
        {"order_item_id": str(70 + n), "qty": str(count)} for n, count in enumerate(units) if count
    ]
    return changed(items=items, tracks=tracks)


async def linked(world: World, client: httpx.AsyncClient, *units: int) -> OrderView:
    """An order with its lines linked to the items 70, 71 … of Commerce's order 7."""
    order = await world.an_order(*(units or (3, 2)))
    lines = [
        {"line_number": line.line_number, "commerce_item_id": 69 + n}
        for n, line in enumerate(order.lines, start=1)
    ]
    link = {"commerce_order_id": 7, "commerce_order_number": "000000007", "lines": lines}
    assert (await client.patch(f"/v1/orders/{order.id}", json=link)).is_success
    await side(client)
    return order


async def delivered(world: World, order: OrderView) -> None:
    made = (await world.order(order.id)).shipments
    await world.deliver_until(*(each.update.id for each in made))


@pytest.mark.usefixtures("adobe")
@pytest.mark.parametrize("channel", ["hook", "event"])
@pytest.mark.parametrize("why", ["canceled", "by hand"])
@pytest.mark.parametrize("known", [True, False])
async def test_hooks_and_events_ship_the_possible_lines(
    world: World,
    client: httpx.AsyncClient,
    outside: httpx.AsyncClient,
    channel: str,
    why: str,
    *,
    known: bool,
) -> None:
    order = await linked(world, client)
    await at_seller_center(world, order, why, {"2": 1})
    if known:
        await client.post(f"/v1/orders/{order.id}/refresh")
    event_ = payload([track("1ZA")], 3, 2)
    for _ in range(2):
        if channel == "hook":
            assert (await hook(outside, "shipment", event_)).json() == {"op": "success"}
        else:
            answer = await event(outside, saved(event_))
            assert answer.json()["results"][0] in {"accepted", "known"}
    await delivered(world, order)
    assert await at_walmart(world, order) == [("1", 3, "1ZA"), ("2", 1, "1ZA")]
    assert await confirmed(client, order) == [{"1": 3, "2": 1}]
    assert await undelivered(client, order) == [("2", 1, CODES[why])]


async def test_an_item_of_several_lines_is_shipped_from_the_open_lines(
    world: World, client: httpx.AsyncClient, outside: httpx.AsyncClient
) -> None:
    """Walmart splits a quantity into lines of one unit; two of the three are canceled."""
    order = await linked(world, client, 1, 1, 1)
    lines = [{"line_number": str(number), "commerce_item_id": 70} for number in (1, 2, 3)]
    await client.patch(f"/v1/orders/{order.id}", json={"lines": lines})
    await at_seller_center(world, order, "canceled", {"1": 1, "3": 1})
    await client.post(f"/v1/orders/{order.id}/refresh")
    tracks = [track("1ZA"), track("1ZB"), track("1ZC")]
    for _ in range(2):
        assert (await hook(outside, "shipment", payload(tracks, 3))).json() == {"op": "success"}
    await delivered(world, order)
    assert await at_walmart(world, order) == [("2", 1, "1ZA")]
    states = {each.tracking_number: each.update.state for each in await made(world, order)}
    assert states == {"1ZA": "confirmed", "1ZB": "failed", "1ZC": "failed"}
    assert {code for _, _, code in await details(client, order)} == {"line_canceled"}


async def made(world: World, order: OrderView) -> Sequence[ShipmentView]:
    return (await world.order(order.id)).shipments


async def details(client: httpx.AsyncClient, order: OrderView) -> list[tuple[str, int, str]]:
    found = (await shown(client, order))["status_details"]
    return [(each["update_id"], each["units"], each["code"]) for each in found]


async def test_packages_of_one_unit_each_are_shipped_while_units_are_open(
    world: World, client: httpx.AsyncClient, outside: httpx.AsyncClient
) -> None:
    order = await linked(world, client, 3)
    await at_seller_center(world, order, "canceled", {"1": 2})
    await client.post(f"/v1/orders/{order.id}/refresh")
    tracks = [track("1ZA"), track("1ZB"), track("1ZC")]
    assert (await hook(outside, "shipment", payload(tracks, 3))).json() == {"op": "success"}
    await delivered(world, order)
    assert await at_walmart(world, order) == [("1", 1, "1ZA")]
    states = [each.update.state for each in (await world.order(order.id)).shipments]
    assert sorted(states) == ["confirmed", "failed", "failed"]


async def test_an_impossible_shipment_is_refused_by_the_hook(
    world: World, client: httpx.AsyncClient, outside: httpx.AsyncClient
) -> None:
    order = await linked(world, client)
    await at_seller_center(world, order, "canceled", {"2": 2})
    await client.post(f"/v1/orders/{order.id}/refresh")
    refused = (await hook(outside, "shipment", payload([track("1ZA")], 0, 2))).json()
    assert refused["op"] == "exception"
    assert (await world.order(order.id)).shipments == ()


async def test_units_held_by_another_of_our_updates_are_refused_on_every_channel(
    world: World, client: httpx.AsyncClient, outside: httpx.AsyncClient
) -> None:
    order = await linked(world, client, 3, 2)
    await accepted(client, order, body("1ZOURS", l2=2))
    # Also if a unit of the same line was canceled, which the first shipment lacks already.
    await at_seller_center(world, order, "canceled", {"2": 1})
    await client.post(f"/v1/orders/{order.id}/refresh")
    refused = await client.post(f"/v1/orders/{order.id}/shipments", json=body(l1=1, l2=1))
    assert code(refused) == (409, "quantity_exceeds_remaining")
    refused = await client.post(SHIP, json=at_rest(1, 1))
    assert refused.json()["error_code"] == "quantity_exceeds_remaining"
    answer = (await hook(outside, "shipment", payload([track("1ZA")], 1, 1))).json()
    assert answer["op"] == "exception"
    assert len((await world.order(order.id)).shipments) == 1


@pytest.mark.usefixtures("adobe")
async def test_an_event_for_units_held_by_another_update_needs_a_person(
    world: World, client: httpx.AsyncClient, outside: httpx.AsyncClient
) -> None:
    """No part of it is in doubt, so there is no time at which it could be carried out."""
    order = await linked(world, client, 3, 2)
    ours = (await accepted(client, order, body("1ZOURS", l2=2)))["update"]["id"]
    answer = await event(outside, saved(payload([track("1ZA")], 1, 1)))
    assert answer.json() == {"results": ["refused: quantity_exceeds_remaining"]}
    # No part of it is shipped either, and no poller carries it out while the units are held.
    await carry_out_waiting(world.context)
    assert len((await world.order(order.id)).shipments) == 1
    (detail,) = (await shown(client, order))["status_details"]
    assert (detail["code"], detail["origin"]) == ("quantity_exceeds_remaining", "commerce")
    note = {"note": "It stays here."}
    assert (await client.post(f"/v1/updates/{ours}/dismiss", json=note)).is_success
    await carry_out_waiting(world.context)
    assert len((await world.order(order.id)).shipments) == 1
    (event_,) = (await client.get("/v1/commerce-events?state=refused")).json()["data"]
    again = await client.post(f"/v1/commerce-events/{event_['id']}/retry")
    assert again.json()["state"] == "done"
    (sent,) = [each for each in await made(world, order) if each.tracking_number == "1ZA"]
    await world.deliver_until(sent.update.id)
    assert await at_walmart(world, order) == [("1", 1, "1ZA"), ("2", 1, "1ZA")]
