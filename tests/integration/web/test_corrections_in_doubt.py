"""A correction overwrites: the newest number is final, and only then is it confirmed."""

from uuid import UUID

import httpx
import pytest

from app.domain.outbox.delivery_result import Attempt, DeliveryResult, NextStep
from app.domain.outbox.doubt import Doubt
from app.domain.update import State
from app.storage.outbox import retention
from app.storage.queries.views import OrderView
from app.storage.recording import delivery_results
from tests.harness.outbox import claim
from tests.harness.world import World
from tests.integration.web.doubtful import (
    LONG,
    a_body,
    accepted,
    at_walmart,
    code,
    dismissed,
    in_doubt,
    land,
    shown,
    units,
)
from tests.integration.web.test_commerce_events import sent_back
from tests.integration.web.test_lag import corrected
from tests.integration.web.test_refunds_in_doubt import ONE, REST, newest, paid


async def numbers(world: World, order: OrderView) -> set[str]:
    found = (await world.walmart.get(f"/simulator/orders/{order.purchase_order_id}")).json()
    return {number for number in ("1ZA", "1ZB", "1ZC") if number in str(found)}


@pytest.mark.parametrize("lands", [True, False])
async def test_a_late_older_correction_is_overwritten_before_the_newer_is_confirmed(
    world: World, client: httpx.AsyncClient, *, lands: bool
) -> None:
    order = await world.an_order(3)
    shipment = await accepted(client, order)
    await world.deliver_until(UUID(shipment["update"]["id"]))
    await world.fault("shipping", "held")
    older = await corrected(client, order, shipment, "1ZB")
    await world.deliver_until(older, states={State.VERIFYING}, policy=LONG)
    newer = await corrected(client, order, shipment, "1ZC")
    assert (await world.update(older)).state == "dismissed"
    # It is sent at once, and waits for the end of the older one's doubt.
    (taken,) = await world.deliver_until(newer, states={State.VERIFYING}, policy=LONG)
    assert taken.status_detail is not None
    assert taken.status_detail.code == "older_value_in_doubt"
    assert await numbers(world, order) == {"1ZC"}
    # Neither a refresh nor a person's read confirms it sooner.
    await client.post(f"/v1/orders/{order.id}/refresh")
    assert (await world.update(newer)).state == "verifying"
    if lands:
        await land(world)
    await world.let_doubts_end()
    (view,) = await world.deliver_until(newer, policy=LONG)
    assert view.state == "confirmed"
    assert await numbers(world, order) == {"1ZC"}
    assert [line["shipped"] for line in await units(client, order)] == [2]


async def trimmed(world: World, client: httpx.AsyncClient) -> tuple[OrderView, str, UUID]:
    """A failed shipment of two units that holds none of them any more: they were shipped by hand."""
    order = await world.an_order(2)
    await world.fault("shipping", "refuse", field="methodCode", description="Not supported")
    shipment = await accepted(client, order)
    update = UUID(shipment["update"]["id"])
    await world.deliver_until(update, states={State.FAILED})
    return order, shipment["id"], update


async def test_correcting_a_trimmed_shipment_reserves_its_units_again_or_is_refused(
    world: World, client: httpx.AsyncClient
) -> None:
    order, shipment, update = await trimmed(world, client)
    await world.shipped_by_hand(order, 1, "1ZHAND")
    await client.post(f"/v1/orders/{order.id}/refresh")
    path = f"/v1/orders/{order.id}/shipments/{shipment}/tracking"
    answer = await client.patch(path, json={"tracking_number": "1ZB"})
    assert answer.status_code == 202, answer.text
    (line,) = await units(client, order)
    assert (line["shipped"], line["pending"], line["remaining"]) == (1, 1, 0)
    await world.deliver_until(update)
    assert await at_walmart(world, order) == [("1", 1, "1ZB")]
    assert (await shown(client, order))["lines"][0]["quantity"]["shipped"] == 2


async def test_correcting_a_shipment_without_remaining_units_is_refused(
    world: World, client: httpx.AsyncClient
) -> None:
    order, shipment, update = await trimmed(world, client)
    await world.shipped_by_hand(order, 2, "1ZHAND")
    await client.post(f"/v1/orders/{order.id}/refresh")
    path = f"/v1/orders/{order.id}/shipments/{shipment}/tracking"
    refused = await client.patch(path, json={"tracking_number": "1ZB"})
    assert code(refused) == (409, "quantity_exceeds_remaining")
    assert (await world.update(update)).state == "failed"
    assert (await shown(client, order))["shipments"][0]["tracking_number"] == "1ZA"


async def test_a_refund_equal_to_a_dismissed_and_archived_one_is_new(
    world: World, client: httpx.AsyncClient
) -> None:
    await sent_back(world, client, 2)
    first = await client.post(REST, json=ONE)
    await world.fault("refund", "refuse")
    update = await newest(client)
    await world.deliver_until(update)
    await dismissed(client, str(update))
    async with world.database.begin() as connection:
        await connection.exec_driver_sql(
            "UPDATE updates SET finished_at = now() - interval '2 days' WHERE kind = 'refund'"
        )
    assert await retention.archive_updates(world.database, 1) >= 1
    again = await client.post(REST, json=ONE)
    assert again.status_code == 200
    assert again.text != first.text
    await world.deliver_until(await newest(client))
    assert await paid(world) == 1


async def test_an_update_in_doubt_is_not_archived(world: World, client: httpx.AsyncClient) -> None:
    await sent_back(world, client, 2)
    await client.post(REST, json=ONE)
    await world.fault("refund", "held")
    update = await newest(client)
    await world.deliver_until(update, states={State.VERIFYING}, policy=LONG)
    await dismissed(client, str(update))
    async with world.database.begin() as connection:
        await connection.exec_driver_sql(
            "UPDATE updates SET finished_at = now() - interval '2 days' WHERE kind = 'refund'"
        )
    await retention.archive_updates(world.database, 1)
    again = await client.post(REST, json=ONE)
    assert again.json()["error_code"] == "refund_in_doubt"


async def two(
    world: World, client: httpx.AsyncClient, step: NextStep
) -> tuple[OrderView, UUID, UUID]:
    """A newer correction was requested while an older one was sent, with that result."""
    order = await world.an_order(3)
    shipment = await accepted(client, order)
    await world.deliver_until(UUID(shipment["update"]["id"]))
    older = await corrected(client, order, shipment, "1ZB")
    (claimed,) = await claim(world.database)
    newer = await corrected(client, order, shipment, "1ZC")
    now = world.context.now()
    attempt = Attempt(world.context.new_id(1), "poller-1", now, now, "unclear", None, ())
    result = DeliveryResult(claimed, step, attempt)
    await delivery_results.record(world.database, [result], world.context.new_id)
    return order, older, newer


async def test_a_correction_in_doubt_activates_a_newer_one(
    world: World, client: httpx.AsyncClient
) -> None:
    step = NextStep(State.VERIFYING, due_in=900, ambiguous=True, doubt=Doubt.BEGIN)
    order, older, newer = await two(world, client, step)
    ended = await world.update(older)
    assert ended.state == "dismissed"
    assert ended.in_doubt_until is not None
    (view,) = await world.deliver_until(newer, states={State.VERIFYING}, policy=LONG)
    assert await numbers(world, order) == {"1ZC"}
    await world.let_doubts_end()
    (view,) = await world.deliver_until(newer, policy=LONG)
    assert view.state == "confirmed"


@pytest.mark.parametrize("again", [True, False])
async def test_an_older_failed_correction_never_overwrites_a_newer_one(
    world: World, client: httpx.AsyncClient, *, again: bool
) -> None:
    order, older, newer = await two(world, client, NextStep(State.FAILED))
    assert (await world.update(older)).state == "dismissed"
    (view,) = await world.deliver_until(newer)
    assert view.state == "confirmed"
    if again:
        # A row that failed under an earlier version.
        async with world.database.begin() as connection:
            await connection.exec_driver_sql(
                "UPDATE updates SET state = 'failed', dismissed_by = NULL, note = NULL "
                "WHERE kind = 'tracking' AND state = 'dismissed'"
            )
    retried = await client.post("/v1/updates/retry", json={"kind": "tracking"})
    assert retried.json()["totals"] == ({"queued": 1} if again else {})
    await world.deliver_until(older, states={State.DISMISSED})
    assert await numbers(world, order) == {"1ZC"}


@pytest.mark.parametrize(("lands", "ends"), [(True, State.CONFIRMED), (False, State.DISMISSED)])
async def test_a_correction_waits_for_the_doubt_of_its_dismissed_shipment(
    world: World, client: httpx.AsyncClient, *, lands: bool, ends: State
) -> None:
    order = await world.an_order(3)
    shipment = await in_doubt(world, client, order)
    correction = await corrected(client, order, shipment, "1ZB")
    await dismissed(client, shipment["update"]["id"])
    await world.deliver_until(correction, states={State.RETRYING, State.FAILED}, policy=LONG)
    assert (await world.update(correction)).state == "retrying"
    if lands:
        await land(world)
    await world.let_doubts_end()
    await world.deliver_until(correction, states={ends}, policy=LONG)
    assert await numbers(world, order) == ({"1ZB"} if lands else set())


async def test_a_correction_ends_with_its_shipment_whichever_read_ends_the_doubt(
    world: World, client: httpx.AsyncClient
) -> None:
    order = await world.an_order(3)
    shipment = await in_doubt(world, client, order)
    correction = await corrected(client, order, shipment, "1ZB")
    await dismissed(client, shipment["update"]["id"])
    await world.let_doubts_end()
    assert (await client.post(f"/v1/orders/{order.id}/refresh")).is_success
    assert (await world.update(UUID(shipment["update"]["id"]))).in_doubt_until is None
    (view,) = await world.deliver_until(correction, states={State.DISMISSED, State.FAILED})
    assert (view.state, view.note) == ("dismissed", "Its shipment was dismissed.")
    assert await numbers(world, order) == set()


@pytest.mark.parametrize("ended", [True, False])
async def test_the_number_of_a_partly_shipped_shipment_can_be_corrected(
    world: World, client: httpx.AsyncClient, *, ended: bool
) -> None:
    order = await world.an_order(1, 1)
    items = [{"line_number": number, "quantity": 1} for number in ("1", "2")]
    shipment = await accepted(client, order, a_body() | {"items": items})
    path = f"/simulator/orders/{order.purchase_order_id}/cancel"
    canceled = {"lines": [{"line_number": "2", "quantity": 1}]}
    (await world.walmart.post(path, json=canceled)).raise_for_status()
    update = UUID(shipment["update"]["id"])
    await world.deliver_until(update, states={State.FAILED})
    if ended:
        await dismissed(client, str(update))
    correction = await corrected(client, order, shipment, "1ZB")
    await world.deliver_until(correction, states={State.CONFIRMED})
    assert await numbers(world, order) == {"1ZB"}
    assert (await world.update(update)).state == ("dismissed" if ended else "failed")
