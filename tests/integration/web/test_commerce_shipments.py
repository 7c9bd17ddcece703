"""A Commerce shipment through several channels, in parts, late and repeated: units are shipped once."""

import asyncio
import copy
from itertools import permutations
from typing import Any
from uuid import UUID

import httpx
import pytest

from app.domain.update import State
from app.storage.queries.views import OrderView
from tests.harness.waiting import limited
from tests.harness.world import World
from tests.integration.web.adobe import (
    CANCEL,
    SHIPMENT,
    a_track,
    changed,
    cloud_event,
    event,
    hook,
    linked,
    numbers,
    track_of,
)
from tests.integration.web.doubtful import LONG, a_body, at_walmart, dismissed, in_doubt, land

SHIP = "/rest/store_1/V1/order/7/ship"
TRACK_SAVED = "observer.sales_order_shipment_track_save_after"
A, B, C = a_track("1ZA"), a_track("1ZB"), a_track("1ZC")


def shipped(*tracks: dict[str, Any], units: int = 1, number: str = "45") -> dict[str, Any]:
    items = [{"order_item_id": "70", "qty": str(units)}]
    return changed(entity_id=number, items=items, tracks=list(tracks))


def body(*tracks: dict[str, Any], units: int = 1, **more: Any) -> dict[str, Any]:
    return {"items": [{"order_item_id": 70, "qty": units}], "tracks": list(tracks), **more}


def saved(payload: dict[str, Any], at: str | None = None) -> dict[str, Any]:
    return cloud_event(payload["data"]["shipment"], at=at)


async def send_event(
    outside: httpx.AsyncClient, payload: dict[str, Any], at: str | None = None
) -> str:
    """Send an Adobe event of a shipment; return its result."""
    answer = await event(outside, saved(payload, at))
    assert answer.status_code == 200, answer.text
    return str(answer.json()["results"][0])


async def units_at_walmart(world: World, order: OrderView) -> int:
    shown = await world.order(order.id)
    await world.deliver_until(*(each.update.id for each in shown.shipments))
    return sum(effect["quantity"] for effect in await world.ledger(order.purchase_order_id))


@pytest.mark.usefixtures("adobe")
@pytest.mark.parametrize("channels", list(permutations(["rest", "hook", "event"])))
async def test_a_shipment_sent_through_every_channel_is_shipped_once(
    world: World, client: httpx.AsyncClient, outside: httpx.AsyncClient, channels: tuple[str, ...]
) -> None:
    order = await linked(world, client)
    senders = {
        "rest": lambda: client.post(SHIP, json=body(A)),
        "hook": lambda: hook(outside, "shipment", shipped(A)),
        "event": lambda: event(outside, saved(shipped(A))),
    }
    for channel in (*channels, *channels):
        assert (await senders[channel]()).status_code == 200
    assert await numbers(world, order) == [("1ZA", 1)]
    assert await units_at_walmart(world, order) == 1


@pytest.mark.usefixtures("adobe")
async def test_a_shipment_sent_through_every_channel_at_once_is_shipped_once(
    world: World, client: httpx.AsyncClient, outside: httpx.AsyncClient
) -> None:
    order = await linked(world, client)
    answers = await asyncio.gather(
        *(client.post(SHIP, json=body(A)) for _ in range(3)),
        *(hook(outside, "shipment", shipped(A)) for _ in range(3)),
        *(event(outside, saved(shipped(A))) for _ in range(3)),
    )
    assert {each.status_code for each in answers} == {200}
    assert await numbers(world, order) == [("1ZA", 1)]


async def test_rest_answers_the_number_of_a_shipment_known_by_its_hook(
    world: World, client: httpx.AsyncClient, outside: httpx.AsyncClient
) -> None:
    order = await linked(world, client)
    await hook(outside, "shipment", shipped(A, units=3))
    everything = await client.post(SHIP, json={"tracks": [A]})
    assert everything.json() == (await world.order(order.id)).shipments[0].number
    assert await numbers(world, order) == [("1ZA", 3)]


async def test_packages_sent_one_by_one_over_rest_are_the_hooks_shipment(
    world: World, client: httpx.AsyncClient, outside: httpx.AsyncClient
) -> None:
    order = await linked(world, client)
    for track, units in ((A, 1), (B, 2)):
        assert (await client.post(SHIP, json=body(track, units=units))).status_code == 200
    # By itself it would not say which units have which number.
    assert (await hook(outside, "shipment", shipped(A, B, units=3))).json() == {"op": "success"}
    assert await numbers(world, order) == [("1ZA", 1), ("1ZB", 2)]


async def test_two_identical_shipments_stay_two(
    world: World, client: httpx.AsyncClient, outside: httpx.AsyncClient
) -> None:
    order = await linked(world, client)
    await hook(outside, "shipment", shipped(A, number="45"))
    await hook(outside, "shipment", shipped(A, number="46"))
    bodies = [body(A, comment={"comment": text}) for text in ("box 1", "box 2", "box 3")]
    for each in (*bodies, *bodies):
        assert (await client.post(SHIP, json=each)).status_code == 200
    assert await numbers(world, order) == [("1ZA", 1)] * 3


async def test_a_body_sent_after_the_hook_changed_the_number_is_known(
    world: World, client: httpx.AsyncClient, outside: httpx.AsyncClient
) -> None:
    order = await linked(world, client)
    await hook(outside, "shipment", shipped(A))
    await hook(outside, "shipment", shipped(B))
    assert (await client.post(SHIP, json=body(A))).status_code == 200
    assert await numbers(world, order) == [("1ZB", 1)]


async def test_the_number_of_a_rest_shipment_is_corrected_by_the_hook(
    world: World, client: httpx.AsyncClient, outside: httpx.AsyncClient
) -> None:
    order = await linked(world, client)
    await client.post(SHIP, json=body(A))
    for track in (A, B):
        assert (await hook(outside, "shipment", shipped(track))).json() == {"op": "success"}
    assert await numbers(world, order) == [("1ZB", 1)]


async def test_an_additional_track_ships_nothing_again_and_is_shown_with_the_order(
    world: World, client: httpx.AsyncClient, outside: httpx.AsyncClient
) -> None:
    order = await linked(world, client)
    await hook(outside, "shipment", shipped(A, units=2))
    answer = (await hook(outside, "shipment", shipped(A, B, units=2))).json()
    assert answer["op"] == "exception"
    assert "1ZB" in answer["message"]
    assert await numbers(world, order) == [("1ZA", 2)]
    shown = await world.order(order.id)
    assert [each.code for each in shown.status_details] == ["track_not_sent"]
    assert shown.status == "error"


async def test_a_removed_track_changes_nothing(
    world: World, client: httpx.AsyncClient, outside: httpx.AsyncClient
) -> None:
    order = await linked(world, client)
    await hook(outside, "shipment", shipped(A, B, units=2))
    for tracks in ((A,), (B,), ()):
        answer = await hook(outside, "shipment", shipped(*tracks, units=2))
        assert answer.json() == {"op": "success"}
    assert await numbers(world, order) == [("1ZA", 1), ("1ZB", 1)]
    assert (await world.order(order.id)).status == "open"


async def test_the_package_with_the_changed_number_is_corrected(
    world: World, client: httpx.AsyncClient, outside: httpx.AsyncClient
) -> None:
    order = await linked(world, client)
    await hook(outside, "shipment", shipped(A, B, units=2))
    await hook(outside, "shipment", shipped(C, B, units=2))
    assert await numbers(world, order) == [("1ZC", 1), ("1ZB", 1)]
    assert await units_at_walmart(world, order) == 2


async def test_a_replaced_track_is_a_correction(
    world: World, client: httpx.AsyncClient, outside: httpx.AsyncClient
) -> None:
    """As Commerce's admin does it: the new track is saved by itself before the shipment is."""
    order = await linked(world, client)
    await hook(outside, "shipment", shipped(A))
    assert (await hook(outside, "track", track_of("45", "1ZB"))).json()["op"] == "exception"
    assert (await world.order(order.id)).status == "error"
    assert (await hook(outside, "shipment", shipped(B))).json() == {"op": "success"}
    assert await numbers(world, order) == [("1ZB", 1)]
    shown = await world.order(order.id)
    assert (shown.status, shown.status_details) == ("open", ())


@pytest.mark.usefixtures("adobe")
async def test_a_track_saved_after_its_shipment_ships_it(
    world: World, client: httpx.AsyncClient, outside: httpx.AsyncClient
) -> None:
    order = await linked(world, client)
    assert await send_event(outside, shipped(units=2)) == "refused: tracking_number_required"
    late = track_of("45", "1ZA")["data"]["track"]
    answer = await event(outside, cloud_event(late, TRACK_SAVED))
    assert answer.json() == {"results": ["accepted"]}
    assert await numbers(world, order) == [("1ZA", 2)]
    assert (await world.order(order.id)).status_details == ()


async def test_a_track_that_comes_before_its_shipment_waits_for_it(
    world: World, client: httpx.AsyncClient, outside: httpx.AsyncClient
) -> None:
    """Commerce saves the tracks of a new shipment first."""
    order = await linked(world, client)
    assert (await hook(outside, "track", track_of("45", "1ZA"))).json() == {"op": "success"}
    waiting = await world.order(order.id)
    assert [each.code for each in waiting.status_details] == ["shipment_not_told"]
    assert waiting.status == "open"
    # The shipment as it was saved, without a track.
    assert (await hook(outside, "shipment", shipped())).json() == {"op": "success"}
    assert await numbers(world, order) == [("1ZA", 1)]
    assert (await world.order(order.id)).status_details == ()


async def test_a_single_track_says_nothing_about_the_shipments_other_tracks(
    world: World, client: httpx.AsyncClient, outside: httpx.AsyncClient
) -> None:
    """The shipment came through /v1 with its Commerce id as reference."""
    order = await linked(world, client)
    package = {"carrier_code": "ups", "tracking_number": "1ZA", "reference": "commerce-shipment-45"}
    assert (await client.post(f"/v1/orders/{order.id}/shipments", json=package)).is_success
    assert (await hook(outside, "track", track_of("45", "1ZB"))).json()["op"] == "exception"
    assert await numbers(world, order) == [("1ZA", 3)]


@pytest.mark.usefixtures("adobe")
async def test_a_track_saved_just_before_its_shipment_may_come_after_it(
    world: World, client: httpx.AsyncClient, outside: httpx.AsyncClient
) -> None:
    order = await linked(world, client)
    refused = await send_event(outside, shipped(), "2026-11-23T10:00:01Z")
    assert refused == "refused: tracking_number_required"
    track = track_of("45", "1ZA")["data"]["track"]
    answer = await event(outside, cloud_event(track, TRACK_SAVED, at="2026-11-23T10:00:00Z"))
    assert answer.json() == {"results": ["accepted"]}
    assert await numbers(world, order) == [("1ZA", 1)]


async def test_a_v1_shipment_with_its_own_reference_is_the_hooks_shipment(
    world: World, client: httpx.AsyncClient, outside: httpx.AsyncClient
) -> None:
    order = await linked(world, client)
    package = {
        "carrier_code": "ups",
        "tracking_number": "1z-a",
        "reference": "commerce-shipment-000000045",
        "items": [{"line_number": "1", "quantity": 1}],
    }
    assert (await client.post(f"/v1/orders/{order.id}/shipments", json=package)).is_success
    assert (await hook(outside, "shipment", shipped(A))).json() == {"op": "success"}
    assert await numbers(world, order) == [("1z-a", 1)]


async def test_a_track_saved_again_with_another_number_is_corrected(
    world: World, client: httpx.AsyncClient, outside: httpx.AsyncClient
) -> None:
    order = await linked(world, client)
    first = {**A, "entity_id": "3"}
    await hook(outside, "shipment", shipped(first))
    answer = await hook(outside, "track", track_of("45", "1ZB", track_id="3"))
    assert answer.json() == {"op": "success"}
    assert await numbers(world, order) == [("1ZB", 1)]


@pytest.mark.usefixtures("adobe")
async def test_an_older_event_that_comes_later_corrects_nothing(
    world: World, client: httpx.AsyncClient, outside: httpx.AsyncClient
) -> None:
    order = await linked(world, client)
    newer = await send_event(outside, shipped(B), "2026-11-23T11:00:00Z")
    older = await send_event(outside, shipped(A), "2026-11-23T10:00:00Z")
    assert (newer, older) == ("accepted", "known")
    # A number between the two, which was never set here.
    assert await send_event(outside, shipped(C), "2026-11-23T10:30:00Z") == "known"
    assert await send_event(outside, shipped(C), "2026-11-23T12:00:00+01:00") == "corrected"
    assert await numbers(world, order) == [("1ZC", 1)]


@pytest.mark.usefixtures("adobe")
async def test_a_replaced_number_is_never_restored(
    world: World, client: httpx.AsyncClient, outside: httpx.AsyncClient
) -> None:
    """Whatever repeats it: another event without a time, or a hook, which has none."""
    order = await linked(world, client)
    results = [await send_event(outside, shipped(track)) for track in (A, B, C, B, A)]
    assert results == ["accepted", "corrected", "corrected", "known", "known"]
    await hook(outside, "shipment", shipped(A))
    assert await numbers(world, order) == [("1ZC", 1)]


@pytest.mark.parametrize(
    "items",
    [
        None,
        [],
        "x",
        [{"order_item_id": "70", "qty": "1e1000000"}],
        [{"order_item_id": "1e1000000", "qty": "1"}],
        [{"order_item_id": "70", "qty": "-1"}],
    ],
)
async def test_a_hook_without_shipped_units_ships_nothing(
    world: World, client: httpx.AsyncClient, outside: httpx.AsyncClient, items: object
) -> None:
    order = await linked(world, client)
    payload = copy.deepcopy(SHIPMENT)
    payload["data"]["shipment"]["items"] = items
    if items is None:
        del payload["data"]["shipment"]["items"]
    answer = (await hook(outside, "shipment", payload)).json()
    assert answer["op"] == "exception"
    assert "order_item_id" in answer["message"]
    assert await numbers(world, order) == []


async def test_rows_without_units_are_ignored(
    world: World, client: httpx.AsyncClient, outside: httpx.AsyncClient
) -> None:
    order = await linked(world, client)
    rows = [{"order_item_id": "70", "qty": "2"}, {"order_item_id": "71", "qty": "0"}]
    assert (await hook(outside, "shipment", changed(items=rows))).json() == {"op": "success"}
    assert await numbers(world, order) == [("1ZA", 2)]


async def answer_through(
    client: httpx.AsyncClient, outside: httpx.AsyncClient, channel: str
) -> str:
    """The answer of a channel to a shipment of one unit as 1ZA."""
    if channel == "hook":
        return str((await hook(outside, "shipment", shipped(A))).json()["op"])
    answer = await client.post(SHIP, json=body(A))
    return "success" if answer.is_success else str(answer.json()["error_code"])


async def end_doubts(world: World) -> None:
    """End doubts, and deliver all due updates."""
    await world.let_doubts_end()
    async with world.polling(policy=LONG):
        await world.no_doubt_left()


async def nothing_waits(world: World) -> None:
    async with world.polling(policy=LONG), limited():
        while True:
            async with world.database.begin() as connection:
                waits = await connection.exec_driver_sql(
                    "SELECT count(*) FROM updates WHERE state NOT IN ('confirmed', 'dismissed')"
                )
                if not waits.scalar_one():
                    return
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("lands", [True, False])
@pytest.mark.parametrize(
    ("channel", "refusal"), [("hook", "exception"), ("rest", "order_in_doubt")]
)
async def test_a_shipment_equal_to_a_dismissed_one_in_doubt_is_refused_until_the_doubt_ends(
    world: World,
    client: httpx.AsyncClient,
    outside: httpx.AsyncClient,
    channel: str,
    refusal: str,
    *,
    lands: bool,
) -> None:
    order = await linked(world, client)
    shipment = await in_doubt(world, client, order, a_body(units=1))
    await dismissed(client, shipment["update"]["id"])
    assert await answer_through(client, outside, channel) == refusal
    if lands:
        await land(world)
    await end_doubts(world)
    assert await answer_through(client, outside, channel) == "success"
    await nothing_waits(world)
    assert await at_walmart(world, order) == [("1", 1, "1ZA")]


async def test_a_repeated_body_of_a_dismissed_shipment_is_a_new_shipment(
    world: World, client: httpx.AsyncClient, outside: httpx.AsyncClient
) -> None:
    order = await linked(world, client)
    await world.fault("shipping", "held")
    first = await client.post(SHIP, json=body(A))
    update = (await client.get("/v1/updates?kind=shipment")).json()["data"][0]["id"]
    await world.deliver_until(UUID(update), states={State.VERIFYING}, policy=LONG)
    await dismissed(client, update)
    assert await answer_through(client, outside, "rest") == "order_in_doubt"
    await end_doubts(world)
    again = await client.post(SHIP, json=body(A))
    assert again.is_success
    assert again.text != first.text
    assert (await client.post(SHIP, json=body(A))).text == again.text
    await nothing_waits(world)
    assert await at_walmart(world, order) == [("1", 1, "1ZA")]


@pytest.mark.usefixtures("adobe")
async def test_a_refused_event_is_carried_out_when_its_units_in_doubt_are_free(
    world: World, client: httpx.AsyncClient, outside: httpx.AsyncClient
) -> None:
    order = await linked(world, client)
    everything = (await world.order(order.id)).lines[0].quantity.ordered
    shipment = await in_doubt(world, client, order, a_body("1ZLOST", everything))
    await dismissed(client, shipment["update"]["id"])
    assert "refused" in await send_event(outside, shipped(A))
    await world.let_doubts_end()
    # An event claimed by a poller that stops is free for another after half a minute.
    async with limited(), world.polling(policy=LONG):
        while not await at_walmart(world, order):
            await asyncio.sleep(0.05)
    assert await at_walmart(world, order) == [("1", 1, "1ZA")]


@pytest.mark.usefixtures("adobe")
async def test_a_cancellation_refused_because_of_a_doubt_is_made_afterwards(
    world: World, client: httpx.AsyncClient, outside: httpx.AsyncClient
) -> None:
    order = await linked(world, client)
    update = (await in_doubt(world, client, order))["update"]["id"]
    canceled = cloud_event(CANCEL, "plugin.sales.api.order_management.cancel")
    answer = await event(outside, canceled)
    assert answer.json() == {"results": ["refused: order_already_shipped"]}
    details = {each.code: each.message for each in (await world.order(order.id)).status_details}
    assert update in details["order_in_doubt"]
    await dismissed(client, update)
    await world.let_doubts_end()
    async with limited(), world.polling(policy=LONG):
        while (await world.order(order.id)).status != "canceled":
            await asyncio.sleep(0.05)
    assert await at_walmart(world, order) == []
