"""Updates of one order go one at a time, oldest first, and nothing overtakes what is in doubt."""

import pytest

from app.intake import cancel, dismiss, retry, ship, tracking
from app.orders.errors import Conflict
from app.orders.requests import CancelRequest, TrackingCorrection
from app.orders.update import State
from app.storage.views import OrderView, UpdateView
from tests.builders import items
from tests.world import ACTOR, World, a_package


async def shipped(world: World, order: OrderView, number: str, units: int = 1) -> UpdateView:
    package = a_package(number, items=items(l1=units))
    return (await ship.ship(world.desk, order.id, package, actor=ACTOR)).shipment.update


async def numbers(world: World, order: OrderView) -> list[str]:
    """What Walmart got, in its order."""
    entries = await world.ledger(order.purchase_order_id)
    return [e["tracking_number"] for e in entries if e["operation"] == "shipping"]


async def test_a_cancellation_is_not_accepted_while_a_shipment_is_in_doubt(world: World) -> None:
    order = await world.an_order(2)
    await world.fault("shipping", "drop")
    update = await shipped(world, order, "1ZA", units=2)
    await world.deliver_until(update.id, states={State.VERIFYING})
    with pytest.raises(Conflict) as refused:
        await cancel.cancel(world.desk, order.id, CancelRequest("fraud"), actor=ACTOR)
    assert refused.value.code == "order_already_shipped"
    (settled,) = await world.deliver_until(update.id)
    assert settled.state == "confirmed"
    assert await numbers(world, order) == ["1ZA"]


async def test_a_correction_while_a_shipment_is_being_sent_is_refused_and_nothing_is_rewritten(
    world: World,
) -> None:
    order = await world.an_order(1)
    await world.fault("shipping", "slow", delay=0.5)
    update = await shipped(world, order, "1ZA")
    (shipment,) = (await world.order(order.id)).shipments
    correction = TrackingCorrection(tracking_number="1ZB")
    async with world.polling():
        while (await world.update(update.id)).state != "sending":
            pass
        with pytest.raises(Conflict) as refused:
            await tracking.correct(world.desk, order.id, shipment.id, correction, actor=ACTOR)
    assert refused.value.code == "update_in_progress"
    await world.deliver_until(update.id)
    assert await numbers(world, order) == ["1ZA"]


async def test_a_failed_shipment_lets_the_next_go_and_is_sent_alone_when_it_is_retried(
    world: World,
) -> None:
    order = await world.an_order(3)
    await world.fault("shipping", "refuse")
    old = await shipped(world, order, "1ZOLD")
    await world.deliver_until(old.id, states={State.FAILED})
    new = await shipped(world, order, "1ZNEW", units=2)
    await world.deliver_until(new.id)
    await retry.retry(world.desk, old.id, override_cancel_request=False, actor=ACTOR)
    (retried,) = await world.deliver_until(old.id)
    assert retried.state == "confirmed"
    assert await numbers(world, order) == ["1ZNEW", "1ZOLD"]
    assert (await world.order(order.id)).status == "shipped"


async def test_after_a_dismissal_the_next_update_of_the_order_goes(world: World) -> None:
    order = await world.an_order(2)
    await world.fault("shipping", "error", times=None)
    first = await shipped(world, order, "1ZA")
    await world.deliver_until(first.id, states={State.VERIFYING})
    second = await shipped(world, order, "1ZB")
    await dismiss.dismiss(world.desk, first.id, note="by hand", actor=ACTOR)
    await world.walmart.delete("/simulator/faults")
    (confirmed,) = await world.deliver_until(second.id)
    assert confirmed.state == "confirmed"
    assert await numbers(world, order) == ["1ZB"]


async def test_nothing_of_an_order_goes_before_what_is_in_doubt(world: World) -> None:
    order = await world.an_order(3)
    await world.fault("shipping", "drop_after")
    first = await shipped(world, order, "1ZA")
    await world.deliver_until(first.id, states={State.VERIFYING})
    later = [await shipped(world, order, f"1ZL{n}") for n in range(2)]
    await world.deliver_until(first.id, *(update.id for update in later), pollers=2)
    assert await numbers(world, order) == ["1ZA", "1ZL0", "1ZL1"]
