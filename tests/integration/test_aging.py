"""Age limits: finished orders and returns go, others stay, and imports bring none back."""

import time
from dataclasses import replace
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from app.domain.imports.age_limits import AgeLimits
from app.storage import queries
from app.storage.queries.views import OrderView
from app.usecases.imports import (
    import_orders_page,
    import_returns_page,
    reconcile,
    sync_order,
)
from app.usecases.orders import ship
from app.worker.maintenance.aging import AgeLimitDays, AgeSweep
from tests.builders import a_package
from tests.counting import miscounted
from tests.harness.waiting import limited
from tests.harness.world import World
from tests.integration.test_returns import returned, returns, run

YEAR = 365
OF_ORDER = (
    "order_lines", "updates", "attempts", "shipments", "events", "refunds", "commerce_events",
)  # fmt: skip


async def sql(world: World, statement: str) -> Any:
    async with world.database.begin() as connection:
        found = await connection.execute(sa.text(statement))
        return found.scalars().all() if found.returns_rows else None


async def sweep(world: World, orders: int = 0, returns: int = 0, events: int = 0) -> None:
    walk = AgeSweep(world.database, AgeLimitDays(orders, returns, events))
    async with limited():
        while await walk.run():
            pass


async def years_pass(world: World) -> None:
    for table in ("orders", "returns"):
        await sql(world, f"UPDATE {table} SET updated_at = updated_at - interval '2 years'")
    await sql(world, "UPDATE events SET at = at - interval '2 years'")


async def shipped(world: World, tracking_number: str = "1ZA", **changes: Any) -> OrderView:
    order = await world.an_order(1, **changes)
    package = a_package(tracking_number)
    done = await ship.ship(world.context, order.id, package, actor="test")
    await world.deliver_until(done.shipment.update.id)
    return order


async def numbers(world: World) -> set[str]:
    return set(await sql(world, "SELECT purchase_order_id FROM orders"))


async def test_a_finished_order_goes_with_all_that_belongs_to_it(world: World) -> None:
    old = await shipped(world)
    other, found = await returned(world)
    await world.walmart.post(f"/simulator/returns/{found.rma_number}/refund", json={})
    await run(world)
    insert = """INSERT INTO commerce_events (store_id, id, reference, about, commerce_order_id,
                                             order_id, told, state)
                SELECT 1, gen_random_uuid(), 'r', 'shipment', 7, id, '{}', 'done'
                  FROM orders ORDER BY id LIMIT 1"""
    await sql(world, insert)
    # A stock level that one of its cancellations made.
    level = """INSERT INTO updates (store_id, id, order_id, subject, kind, sequence, state)
               SELECT 1, gen_random_uuid(), id, 'SKU', 'inventory', 1, 'confirmed'
                 FROM orders ORDER BY id LIMIT 1"""
    await sql(world, level)
    await sweep(world, orders=YEAR)
    assert await numbers(world) == {old.purchase_order_id, other.purchase_order_id}
    await years_pass(world)
    recent = await shipped(world, "1ZB")
    await sweep(world)
    assert len(await numbers(world)) == 3
    await sweep(world, orders=YEAR)
    assert await numbers(world) == {recent.purchase_order_id}
    for table in OF_ORDER:
        left = await sql(world, f"SELECT order_id FROM {table}")
        assert set(left) <= {recent.id, None}, table
    assert await sql(world, "SELECT subject FROM updates WHERE kind = 'inventory'") == ["SKU"]
    assert await returns(world) == []
    assert await miscounted(world.database) == []


async def test_what_is_under_way_keeps_an_old_order(world: World) -> None:
    still_open = await world.an_order(1)
    failed = await world.an_order(1)
    await world.fault("shipping", "refuse")
    done = await ship.ship(world.context, failed.id, a_package("1ZF"), actor="test")
    await world.deliver_until(done.shipment.update.id)
    await world.end_refusals()
    sent_back, _ = await returned(world)
    doubtful, waiting, pending = [await shipped(world, f"1Z{n}") for n in range(3)]
    # Its poller would deliver what waits below.
    finished = await shipped(world, "1ZX")
    await sql(
        world,
        f"UPDATE updates SET in_doubt_until = now() WHERE order_id = '{doubtful.id}'",
    )
    await sql(world, f"UPDATE orders SET commerce_open = 'waiting' WHERE id = '{waiting.id}'")
    # A correction of the number that is not delivered yet.
    await sql(
        world,
        f"UPDATE updates SET state = 'pending' WHERE order_id = '{pending.id}'",
    )
    await years_pass(world)
    await sweep(world, orders=YEAR, returns=YEAR)
    kept = {
        each.purchase_order_id
        for each in (still_open, failed, sent_back, doubtful, waiting, pending)
    }
    assert await numbers(world) == kept
    assert finished.purchase_order_id not in kept
    assert len(await returns(world)) == 1


async def test_returns_and_timelines_have_limits_of_their_own(world: World) -> None:
    order, found = await returned(world)
    open_order, _ = await returned(world)
    await world.walmart.post(f"/simulator/returns/{found.rma_number}/refund", json={})
    await run(world)
    await years_pass(world)
    await sweep(world, returns=YEAR, events=YEAR)
    assert [each.order_id for each in await returns(world)] == [open_order.id]
    assert (await world.order(order.id)).status == "shipped"
    async with world.database.begin() as connection:
        shown = await queries.timeline(connection, 1, order.id)
    # It is that of the order itself.
    assert [each.what for each in shown.entries] == ["order_registered"]


async def test_what_aged_out_does_not_come_back(world: World) -> None:
    long_ago = int((time.time() - 2 * YEAR * 86_400) * 1000)
    store = await world.a_store()
    old = await shipped(world, store=store, ordered_at=long_ago)
    await years_pass(world)
    await sweep(world, orders=YEAR)
    assert await numbers(world) == set()
    limits = AgeLimits(orders=timedelta(days=YEAR))
    keeping = replace(world.context, age_limits=limits)
    account = await world.context.account(1)
    number = old.purchase_order_id
    seen = await sync_order.sync_order(keeping, account, number)
    assert not seen.imported
    # The list of changes has it, too, and the comparison does not miss it.
    report = await reconcile.reconcile(keeping, 1, world.context.now() - timedelta(days=3))
    assert report is not None
    assert report.findings == []
    # A return of it comes without its order.
    await world.walmart.post(f"/simulator/orders/{number}/return", json={})
    page = await world.context.walmart.returns.changed(
        account, world.context.now() - timedelta(days=1), None
    )
    await import_returns_page.save_page(keeping, account, page.returns)
    assert (await numbers(world), len(await returns(world))) == (set(), 1)
    # Work that is not done is imported, whatever its age; and without a limit everything is.
    waiting = await world.at_walmart(1, store=store, ordered_at=long_ago)
    assert (await sync_order.sync_order(keeping, account, waiting)).imported
    assert (await sync_order.sync_order(world.context, account, number)).imported
    assert await numbers(world) == {waiting, number}


async def test_what_aged_out_does_not_come_back_as_unreadable(world: World) -> None:
    store = await world.a_store()
    now = world.context.now()
    long_ago, lately = now - timedelta(days=2 * YEAR), now - timedelta(days=2)
    keeping = replace(world.context, age_limits=AgeLimits(orders=timedelta(days=YEAR)))
    # The third may have open units: it is not among those that are over.
    ended = {"over-and-old": long_ago, "over-lately": lately}
    names = ["over-and-old", "over-lately", "old-and-open"]
    done = await import_orders_page.import_page(keeping, store.store_id, (), names, ended=ended)
    assert done.unreadable == len(names)
    assert await numbers(world) == {"over-lately", "old-and-open"}


async def test_a_finished_return_that_aged_out_does_not_come_back(world: World) -> None:
    order, found = await returned(world)
    await world.walmart.post(f"/simulator/returns/{found.rma_number}/refund", json={})
    await run(world)
    await years_pass(world)
    await sweep(world, returns=YEAR)
    account = await world.context.account(1)
    page = await world.context.walmart.returns.read(account, found.rma_number)
    old = [
        replace(each, requested_at=world.context.now() - timedelta(days=2 * YEAR))
        for each in page.returns
    ]
    keeping = replace(world.context, age_limits=AgeLimits(returns=timedelta(days=YEAR)))
    await import_returns_page.save_page(keeping, account, old)
    assert await returns(world) == []
    await import_returns_page.save_page(keeping, account, page.returns)
    assert [each.order_id for each in await returns(world)] == [order.id]
