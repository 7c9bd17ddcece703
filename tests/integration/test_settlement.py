"""Settling several orders of several stores in one batch: each gets its own snapshot."""

from datetime import UTC, datetime, timedelta

from app.domain.orders.order import Order
from app.domain.orders.snapshot import LineSnapshot, OrderSnapshot, Units, UnitStatus
from app.storage.orders import repository, save
from app.storage.recording import settlement
from app.storage.recording.settlement import SettlementInput
from app.usecases.orders import ship
from tests.builders import a_package
from tests.harness.outbox import claim
from tests.harness.world import ACTOR, World

AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
ORDERED = 5


def shows(order: Order, shipped: int, *, asked: bool = False) -> OrderSnapshot:
    """Walmart's snapshot: this many units of the order's line are under way."""
    number = f"1Z{order.purchase_order_id}"
    units = [
        Units(UnitStatus.SHIPPED, shipped, tracking_number=number),
        Units(UnitStatus.ACKNOWLEDGED, ORDERED - shipped),
    ]
    line = LineSnapshot(
        line_number="1",
        sku="SKU-1",
        ordered=ORDERED,
        units=tuple(each for each in units if each.quantity),
        cancel_requested=asked,
    )
    return OrderSnapshot(purchase_order_id=order.purchase_order_id, lines={"1": line})


async def test_each_order_of_a_batch_is_written_as_walmart_shows_it(world: World) -> None:
    stores = [await world.a_store() for _ in range(2)]
    keys = []
    for number in range(6):
        store = stores[number % 2]
        order = await world.an_order(ORDERED, store=store)
        await ship.ship(
            world.context, order.id, a_package(f"1Z{order.purchase_order_id}"), actor=ACTOR
        )
        keys.append((store.store_id, order.id))
    async with world.context.transaction() as connection:
        known = await repository.lock_many(connection, keys)
        assert [known[order_id].store_id for _, order_id in keys] == [s for s, _ in keys]
        inputs = [
            SettlementInput(
                known[order_id], shows(known[order_id], shipped, asked=shipped == 2), AT
            )
            for shipped, (_, order_id) in enumerate(keys)
        ]
        await settlement.settle_many(connection, inputs, world.context.new_id)
    views = [await world.order(order_id) for _, order_id in keys]
    assert [each.lines[0].quantity.shipped for each in views] == [0, 1, 2, 3, 4, 5]
    assert [each.lines[0].quantity.pending for each in views] == [5, 4, 3, 2, 1, 0]
    assert [each.fulfillment_status for each in views] == [
        "open",
        *["partially_shipped"] * 4,
        "shipped",
    ]
    assert [each.shipments[0].update.state for each in views] == [*["pending"] * 5, "confirmed"]
    # The cancellation request of one order is not written to the others.
    async with world.context.transaction() as connection:
        after = await repository.lock_many(connection, keys)
    assert [after[order_id].cancel_requested for _, order_id in keys] == [
        (),
        (),
        ("1",),
        (),
        (),
        (),
    ]


async def test_a_cancellation_request_that_walmart_no_longer_shows_is_removed(world: World) -> None:
    store = await world.a_store()
    order = await world.an_order(ORDERED, store=store)
    for asked in (True, False):
        async with world.context.transaction() as connection:
            held = await repository.lock(connection, order.id)
            input_ = SettlementInput(held, shows(held, 0, asked=asked), AT)
            await settlement.settle(connection, input_, world.context.new_id)
        async with world.context.transaction() as connection:
            now = await repository.lock(connection, order.id)
        assert now.cancel_requested == (("1",) if asked else ())


async def test_a_cancellation_request_keeps_its_first_date_until_walmart_is_read(
    world: World,
) -> None:
    store = await world.a_store()
    order = await world.an_order(ORDERED, store=store)
    for at in (AT, AT + timedelta(hours=1)):
        async with world.context.transaction() as connection:
            held = await repository.lock(connection, order.id)
            input_ = SettlementInput(held, shows(held, 0, asked=True), at)
            await settlement.settle(connection, input_, world.context.new_id)
    async with world.context.transaction() as connection:
        held = await repository.lock(connection, order.id)
        await save.save_status(connection, held, synced=False)
    asked = (await world.order(order.id)).cancel_requested
    assert asked is not None
    assert asked.seen_at == AT.isoformat().replace("+00:00", "Z")


async def test_an_update_claimed_during_a_read_is_not_settled(world: World) -> None:
    store = await world.a_store()
    order = await world.an_order(ORDERED, store=store)
    package = a_package(f"1Z{order.purchase_order_id}")
    accepted = await ship.ship(world.context, order.id, package, actor=ACTOR)
    async with world.context.transaction() as connection:
        held = await repository.lock(connection, order.id)
        (claimed,) = await claim(world.database, store.store_id)
        await settlement.settle(
            connection, SettlementInput(held, shows(held, ORDERED), AT), world.context.new_id
        )
    assert claimed.id == accepted.shipment.update.id
    assert (await world.update(claimed.id)).state == "sending"
