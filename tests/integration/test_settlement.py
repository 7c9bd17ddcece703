"""Several orders of several stores brought in line with Walmart at once: each gets its own."""

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
    """Walmart's picture: so many units of the order's line are under way."""
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
    places = []
    for number in range(6):
        store = stores[number % 2]
        order = await world.an_order(ORDERED, store=store)
        await ship.ship(
            world.context, order.id, a_package(f"1Z{order.purchase_order_id}"), actor=ACTOR
        )
        places.append((store.store_id, order.id))
    async with world.context.transaction() as connection:
        known = await repository.lock_many(connection, places)
        assert [known[order_id].store_id for _, order_id in places] == [s for s, _ in places]
        pictures = [
            SettlementInput(
                known[order_id], shows(known[order_id], shipped, asked=shipped == 2), AT
            )
            for shipped, (_, order_id) in enumerate(places)
        ]
        await settlement.settle_many(connection, pictures, world.context.new_id)
    views = [await world.order(order_id) for _, order_id in places]
    assert [each.lines[0].quantity.shipped for each in views] == [0, 1, 2, 3, 4, 5]
    assert [each.lines[0].quantity.pending for each in views] == [5, 4, 3, 2, 1, 0]
    assert [each.fulfillment_status for each in views] == [
        "open",
        *["partially_shipped"] * 4,
        "shipped",
    ]
    assert [each.shipments[0].update.state for each in views] == [*["pending"] * 5, "confirmed"]
    # Others' wishes are not written into an order that has none.
    async with world.context.transaction() as connection:
        after = await repository.lock_many(connection, places)
    assert [after[order_id].cancel_requested for _, order_id in places] == [
        (),
        (),
        ("1",),
        (),
        (),
        (),
    ]


async def test_a_wish_that_walmart_shows_no_more_is_forgotten(world: World) -> None:
    store = await world.a_store()
    order = await world.an_order(ORDERED, store=store)
    for asked in (True, False):
        async with world.context.transaction() as connection:
            held = await repository.lock(connection, order.id)
            picture = SettlementInput(held, shows(held, 0, asked=asked), AT)
            await settlement.settle(connection, picture, world.context.new_id)
        async with world.context.transaction() as connection:
            now = await repository.lock(connection, order.id)
        assert now.cancel_requested == (("1",) if asked else ())


async def test_a_wish_is_as_old_as_its_first_sighting_and_stays_until_walmart_is_read(
    world: World,
) -> None:
    store = await world.a_store()
    order = await world.an_order(ORDERED, store=store)
    for at in (AT, AT + timedelta(hours=1)):
        async with world.context.transaction() as connection:
            held = await repository.lock(connection, order.id)
            picture = SettlementInput(held, shows(held, 0, asked=True), at)
            await settlement.settle(connection, picture, world.context.new_id)
    async with world.context.transaction() as connection:
        held = await repository.lock(connection, order.id)
        await save.save_status(connection, held, synced=False)
    asked = (await world.order(order.id)).cancel_requested
    assert asked is not None
    assert asked.seen_at == AT.isoformat().replace("+00:00", "Z")


async def test_an_update_that_a_poller_took_meanwhile_is_left_to_it(world: World) -> None:
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
