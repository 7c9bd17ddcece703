"""Updates of one order are sent one at a time, oldest first, also when tracking is corrected."""

from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa

from app.domain.errors import Conflict
from app.domain.orders.requests import CancelRequest, TrackingCorrection
from app.domain.update import Kind, State
from app.storage.queries.views import OrderView, ShipmentView
from app.storage.tables import shipments, updates
from app.usecases.orders import cancel, correct_tracking, refresh, ship
from app.usecases.updates import dismiss, retry
from tests.builders import a_package, items
from tests.harness.outbox import claim
from tests.harness.pollers import POLICY
from tests.harness.world import ACTOR, World

# Keeps a doubt open for as long as a test needs it.
PATIENT = replace(POLICY, quiet_period=3600)


async def shipped(world: World, order: OrderView, number: str, **changes: Any) -> ShipmentView:
    result = await ship.ship(world.context, order.id, a_package(number, **changes), actor=ACTOR)
    return result.shipment


async def corrected(world: World, shipment: ShipmentView, number: str) -> ShipmentView:
    """Correct the number of a shipment."""
    new = TrackingCorrection(tracking_number=number)
    return await correct_tracking.correct(
        world.context, shipment.order_id, shipment.id, new, actor=ACTOR
    )


async def tracking_updates(world: World, order: OrderView) -> list[tuple[UUID, str]]:
    """The states of the order's tracking updates, in their order."""
    statement = (
        sa.select(updates.c.id, updates.c.state)
        .where(updates.c.order_id == order.id, updates.c.kind == "tracking")
        .order_by(updates.c.sequence)
    )
    async with world.database.begin() as connection:
        return [(row.id, row.state) for row in await connection.execute(statement)]


async def effects(world: World, order: OrderView) -> list[tuple[str, str, int]]:
    """The effects of Walmart on the order's units: operation, number and units."""
    return [
        (entry["operation"], entry["tracking_number"], entry["quantity"])
        for entry in await world.ledger(order.purchase_order_id)
        if entry["operation"] in {"shipping", "tracking", "cancel"}
    ]


async def settle_corrections(world: World, order: OrderView) -> list[str]:
    """Deliver every waiting tracking update; return the states of all."""
    waiting = [each for each, state in await tracking_updates(world, order) if state != "dismissed"]
    await world.deliver_until(*waiting)
    return [state for _, state in await tracking_updates(world, order)]


async def test_a_number_corrected_after_confirmation_reaches_walmart(world: World) -> None:
    order = await world.an_order(3)
    shipment = await shipped(world, order, "1ZOLD", items=items(l1=2))
    await world.deliver_until(shipment.update.id)
    shown = await corrected(world, shipment, "1ZNEW")
    assert shown.tracking_number == "1ZNEW"
    assert await settle_corrections(world, order) == ["confirmed"]
    assert await effects(world, order) == [("shipping", "1ZOLD", 2), ("tracking", "1ZNEW", 2)]
    line = (await world.order(order.id)).lines[0]
    assert (line.quantity.shipped, line.quantity.pending, line.quantity.remaining) == (2, 0, 1)


async def test_a_correction_is_refused_4_hours_after_the_first_confirmation(
    world: World,
) -> None:
    order = await world.an_order(3)
    shipment = await shipped(world, order, "1ZOLD")
    await world.deliver_until(shipment.update.id)
    await move_first_confirmation(world, shipment, hours=3.9)
    await corrected(world, shipment, "1ZNEW")
    await move_first_confirmation(world, shipment, hours=0.2)
    with pytest.raises(Conflict) as refused:
        await corrected(world, shipment, "1ZLATE")
    assert refused.value.code == "tracking_window_closed"


async def move_first_confirmation(world: World, shipment: ShipmentView, *, hours: float) -> None:
    earlier = shipments.c.first_confirmed_at - sa.func.make_interval(0, 0, 0, 0, 0, 0, hours * 3600)
    statement = sa.update(shipments).where(shipments.c.id == shipment.id)
    async with world.database.begin() as connection:
        moved = await connection.execute(statement.values(first_confirmed_at=earlier))
    assert moved.rowcount == 1


async def test_a_correction_of_an_unclear_shipment_that_had_arrived_follows_it(
    world: World,
) -> None:
    order = await world.an_order(3)
    await world.fault("shipping", "drop_after")
    shipment = await shipped(world, order, "1ZOLD")
    await world.deliver_until(
        shipment.update.id, states={State.VERIFYING, State.CONFIRMED}, policy=PATIENT
    )
    await corrected(world, shipment, "1ZNEW")
    assert await settle_corrections(world, order) == ["confirmed"]
    assert await effects(world, order) == [("shipping", "1ZOLD", 3), ("tracking", "1ZNEW", 3)]


async def test_an_unclear_shipment_that_proves_absent_is_sent_under_the_new_number(
    world: World,
) -> None:
    order = await world.an_order(3)
    await world.fault("shipping", "drop")
    shipment = await shipped(world, order, "1ZOLD")
    await world.deliver_until(shipment.update.id, states={State.VERIFYING}, policy=PATIENT)
    await world.let_doubts_end()
    await corrected(world, shipment, "1ZNEW")
    assert await settle_corrections(world, order) == ["confirmed"]
    assert await effects(world, order) == [("shipping", "1ZNEW", 3)]


async def test_an_absent_shipment_corrected_twice_is_sent_once_under_the_last_number(
    world: World,
) -> None:
    order = await world.an_order(3)
    await world.fault("shipping", "drop")
    shipment = await shipped(world, order, "1ZOLD")
    await world.deliver_until(shipment.update.id, states={State.VERIFYING}, policy=PATIENT)
    await world.let_doubts_end()
    await corrected(world, shipment, "1ZNEXT")
    await corrected(world, shipment, "1ZLAST")
    assert await settle_corrections(world, order) == ["dismissed", "confirmed"]
    assert await effects(world, order) == [("shipping", "1ZLAST", 3)]


async def test_a_shipment_that_walmart_has_in_part_is_renumbered_and_its_rest_sent(
    world: World,
) -> None:
    order = await world.an_order(4)
    await world.fault("shipping", "refuse")
    shipment = await shipped(world, order, "1ZOLD", items=items(l1=2))
    await world.deliver_until(shipment.update.id)
    await world.shipped_by_hand(order, 1, "1ZOLD")
    await refresh.refresh(world.context, order.id, actor=ACTOR)
    await corrected(world, shipment, "1ZNEW")
    assert await settle_corrections(world, order) == ["confirmed"]
    assert (await effects(world, order))[-2:] == [
        ("shipping", "1ZNEW", 1),
        ("tracking", "1ZNEW", 1),
    ]
    line = (await world.order(order.id)).lines[0]
    assert (line.quantity.shipped, line.quantity.pending, line.quantity.remaining) == (2, 0, 2)


async def test_a_correction_of_a_shipment_that_never_arrived_fails_and_ends_with_its_retry(
    world: World,
) -> None:
    order = await world.an_order(3)
    await world.fault("shipping", "drop")
    await world.fault("shipping", "refuse", times=1)
    shipment = await shipped(world, order, "1ZOLD")
    await world.deliver_until(shipment.update.id, states={State.VERIFYING}, policy=PATIENT)
    await world.let_doubts_end()
    await corrected(world, shipment, "1ZNEW")
    assert await settle_corrections(world, order) == ["failed"]
    await retry.retry(world.context, shipment.update.id, override_cancel_request=False, actor=ACTOR)
    await world.deliver_until(shipment.update.id, states={State.CONFIRMED})
    assert [state for _, state in await tracking_updates(world, order)] == ["confirmed"]
    assert await effects(world, order) == [("shipping", "1ZNEW", 3)]
    assert (await world.order(order.id)).status == "shipped"


@pytest.mark.impatient
async def test_a_write_that_arrives_late_is_found_under_the_old_number_after_a_correction(
    world: World,
) -> None:
    order = await world.an_order(5)
    await world.fault("shipping", "late", delay=0.2)
    shipment = await shipped(world, order, "1ZOLD", items=items(l1=2))
    await world.deliver_until(
        shipment.update.id, states={State.VERIFYING, State.CONFIRMED}, policy=PATIENT
    )
    await corrected(world, shipment, "1ZNEW")
    assert await settle_corrections(world, order) == ["confirmed"]
    assert await effects(world, order) == [("shipping", "1ZOLD", 2), ("tracking", "1ZNEW", 2)]


async def test_a_correction_during_the_delivery_of_the_shipment_is_sent_after_it(
    world: World,
) -> None:
    order = await world.an_order(3)
    await world.fault("shipping", "slow", delay=0.4)
    shipment = await shipped(world, order, "1ZOLD", items=items(l1=1))
    behind = await shipped(world, order, "1ZB")
    async with world.polling():
        await world.deliver_until(shipment.update.id, states={State.SENDING})
        await corrected(world, shipment, "1ZNEW")
        assert await settle_corrections(world, order) == ["confirmed"]
    assert (await world.update(behind.update.id)).state == "confirmed"
    assert await effects(world, order) == [
        ("shipping", "1ZOLD", 1),
        ("shipping", "1ZB", 2),
        ("tracking", "1ZNEW", 1),
    ]


async def test_only_the_later_of_two_consecutive_corrections_is_sent(world: World) -> None:
    order = await world.an_order(3)
    shipment = await shipped(world, order, "1ZOLD")
    await world.deliver_until(shipment.update.id)
    await corrected(world, shipment, "1ZNEXT")
    await corrected(world, shipment, "1ZLAST")
    assert await settle_corrections(world, order) == ["dismissed", "confirmed"]
    assert await effects(world, order) == [("shipping", "1ZOLD", 3), ("tracking", "1ZLAST", 3)]


@pytest.mark.parametrize(("fault", "sent"), [("drop_after", 1), ("drop", 1), ("unshown", 1)])
async def test_a_correction_with_an_unclear_answer_takes_effect_once(
    world: World, fault: str, sent: int
) -> None:
    order = await world.an_order(3)
    shipment = await shipped(world, order, "1ZOLD")
    await world.deliver_until(shipment.update.id)
    await world.fault("shipping", fault)
    await corrected(world, shipment, "1ZNEW")
    assert await settle_corrections(world, order) == ["confirmed"]
    assert (await effects(world, order))[1:] == [("tracking", "1ZNEW", 3)] * sent


async def test_a_number_changed_back_and_forth_ends_as_requested_last(world: World) -> None:
    order = await world.an_order(3)
    shipment = await shipped(world, order, "1ZA")
    await world.deliver_until(shipment.update.id)
    for number in ("1ZB", "1ZA"):
        await corrected(world, shipment, number)
        await settle_corrections(world, order)
    assert (await effects(world, order))[-1] == ("tracking", "1ZA", 3)


async def test_a_cancellation_is_accepted_once_an_absent_shipment_is_dismissed(
    world: World,
) -> None:
    order = await world.an_order(3)
    await world.fault("shipping", "drop")
    await world.fault("shipping", "refuse", times=None)
    shipment = await shipped(world, order, "1ZA")
    await world.deliver_until(shipment.update.id, states={State.VERIFYING}, policy=PATIENT)
    await world.let_doubts_end()
    with pytest.raises(Conflict) as refused:
        await cancel.cancel(world.context, order.id, CancelRequest("out_of_stock"), actor=ACTOR)
    assert refused.value.code == "order_already_shipped"
    (failed,) = await world.deliver_until(shipment.update.id)
    assert failed.state == "failed"
    with pytest.raises(Conflict) as refused:
        await cancel.cancel(world.context, order.id, CancelRequest("out_of_stock"), actor=ACTOR)
    assert refused.value.code == "shipment_unresolved"
    done = await dismiss.dismiss(world.context, shipment.update.id, note="lost", actor=ACTOR)
    assert done.walmart == "absent"
    accepted = await cancel.cancel(
        world.context, order.id, CancelRequest("out_of_stock"), actor=ACTOR
    )
    await world.deliver_until(accepted.update.id)
    assert (await world.order(order.id)).status == "canceled"


async def test_a_failed_shipment_does_not_delay_another_and_is_retried_after_it(
    world: World,
) -> None:
    order = await world.an_order(3)
    await world.fault("shipping", "refuse", times=1)
    bad = await shipped(world, order, "1ZBAD", items=items(l1=1))
    good = await shipped(world, order, "1ZGOOD", items=items(l1=2))
    states = [each.state for each in await world.deliver_until(bad.update.id, good.update.id)]
    assert states == ["failed", "confirmed"]
    await retry.retry(world.context, bad.update.id, override_cancel_request=False, actor=ACTOR)
    await world.deliver_until(bad.update.id, states={State.CONFIRMED})
    assert await effects(world, order) == [("shipping", "1ZGOOD", 2), ("shipping", "1ZBAD", 1)]


@pytest.mark.impatient
@pytest.mark.parametrize(
    ("fault", "left"), [("timeout", "dismissed"), ("error_after", "confirmed")]
)
async def test_dismissing_a_shipment_ends_its_correction_if_walmart_has_nothing_to_correct(
    world: World, fault: str, left: str
) -> None:
    order = await world.an_order(2)
    await world.fault("shipping", fault)
    shipment = await shipped(world, order, "1ZOLD")
    await world.deliver_until(shipment.update.id, states={State.VERIFYING}, policy=PATIENT)
    await world.let_doubts_end()
    await corrected(world, shipment, "1ZNEW")
    async with world.database.begin() as connection:
        await connection.execute(
            sa.update(updates)
            .where(updates.c.id == shipment.update.id)
            .values(in_doubt_until=sa.func.now() - sa.text("interval '1 day'"))
        )
    await dismiss.dismiss(world.context, shipment.update.id, note="by hand", actor=ACTOR)
    if left == "confirmed":
        # Walmart has it under the old number: the buyer still needs the new one.
        assert await settle_corrections(world, order) == ["confirmed"]
        assert (await effects(world, order))[-1] == ("tracking", "1ZNEW", 2)
    else:
        assert [state for _, state in await tracking_updates(world, order)] == ["dismissed"]
        assert (await world.order(order.id)).status == "open"


async def test_a_retried_shipment_waits_for_the_one_being_sent(
    world: World,
) -> None:
    order = await world.an_order(2)
    bad = await shipped(world, order, "1ZBAD", items=items(l1=1))
    await world.fault("shipping", "refuse")
    await world.deliver_until(bad.update.id)
    await shipped(world, order, "1ZGOOD", items=items(l1=1))
    claimed = await claim(world.database)
    assert [each.kind for each in claimed] == [Kind.SHIPMENT]
    queued = await retry.retry(
        world.context, bad.update.id, override_cancel_request=False, actor=ACTOR
    )
    assert (queued.will, queued.explanation) == (
        "waiting",
        "An earlier update of the order goes first.",
    )
    assert await claim(world.database) == []


async def test_a_dismissed_update_activates_the_next(world: World) -> None:
    order = await world.an_order(3)
    first = await shipped(world, order, "1ZA", items=items(l1=1))
    second = await shipped(world, order, "1ZB", items=items(l1=2))
    await dismiss.dismiss(world.context, first.update.id, note="not sent", actor=ACTOR)
    await world.deliver_until(second.update.id)
    assert await effects(world, order) == [("shipping", "1ZB", 2)]


async def test_no_update_of_an_order_passes_one_in_doubt(world: World) -> None:
    order = await world.an_order(3)
    await world.fault("shipping", "drop_after")
    first = await shipped(world, order, "1ZA", items=items(l1=1))
    await world.deliver_until(first.update.id, states={State.VERIFYING}, policy=PATIENT)
    await world.let_doubts_end()
    later = [await shipped(world, order, f"1ZL{n}", items=items(l1=1)) for n in range(2)]
    await world.deliver_until(first.update.id, *(each.update.id for each in later), pollers=2)
    assert [number for _, number, _ in await effects(world, order)] == ["1ZA", "1ZL0", "1ZL1"]
