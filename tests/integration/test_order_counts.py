"""The order counts of the summary are maintained, not computed, and always right."""

import asyncio
from typing import Any

import pytest
import sqlalchemy as sa

from app.storage import queries
from app.storage.orders import counts as order_counts
from app.storage.postgres.database import Database
from app.usecases.orders import ship
from tests.builders import a_package
from tests.counting import miscounted
from tests.harness.waiting import limited
from tests.harness.world import ACTOR, World
from tests.integration.test_query_cost import counted

_NEW = sa.text("""
    INSERT INTO orders (store_id, id, purchase_order_id, status)
    SELECT :store, gen_random_uuid(), :prefix || n, 'open' FROM generate_series(1, :orders) n
""")
# Rows are locked in one order, or two writers of many rows would deadlock in the test itself.
_MOVE = sa.text("""
    WITH held AS MATERIALIZED
        (SELECT store_id, id FROM orders WHERE store_id = :store ORDER BY id FOR UPDATE)
    UPDATE orders SET status = :status FROM held
    WHERE orders.store_id = held.store_id AND orders.id = held.id
""")


async def do(database: Database, statement: sa.TextClause, **values: Any) -> None:
    async with database.begin() as connection:
        await connection.execute(statement, values)


async def test_a_summary_is_right_before_and_after_the_changes_are_added_up(world: World) -> None:
    store = await world.a_store()
    order = await world.an_order(2, store=store)
    accepted = await ship.ship(world.context, order.id, a_package("1ZA"), actor=ACTOR)
    await world.deliver_until(accepted.shipment.update.id)
    # No poller has added up this change.
    await world.an_order(1, store=store)
    for _ in range(2):
        async with world.database.read() as connection:
            counts = await queries.summary(connection, store.store_id)
        assert {status: n for status, n in counts.items() if n} == {
            "open": 1,
            "shipped": 1,
            "total": 2,
        }
        await order_counts.fold(world.database)
    assert await miscounted(world.database) == []


async def test_a_rolled_back_change_is_not_counted(world: World) -> None:
    store = await world.a_store()
    with pytest.raises(ZeroDivisionError):
        async with world.database.begin() as connection:
            await connection.execute(_NEW, {"store": store.store_id, "prefix": "R", "orders": 3})
            raise ZeroDivisionError
    assert await miscounted(world.database) == []


async def test_concurrent_writers_and_pollers_lose_no_order(world: World) -> None:
    stores = [(await world.a_store()).store_id for _ in range(3)]
    database = world.database

    async def write(number: int) -> None:
        for store in stores:
            await do(database, _NEW, store=store, prefix=f"W{number}-", orders=5)
            await do(database, _MOVE, store=store, status=["error", "shipped"][number % 2])

    async def add_up() -> None:
        for _ in range(10):
            await order_counts.fold(database, batch=7)

    await asyncio.gather(*(write(n) for n in range(6)), *(add_up() for _ in range(4)))
    assert await miscounted(database) == []
    while await order_counts.fold(database, batch=7):
        assert await miscounted(database) == []
    async with database.read() as connection:
        every = await queries.summary(connection, None)
    assert every["total"] == 90


async def test_pollers_add_up_changed_counts(world: World) -> None:
    store = await world.a_store()
    await world.an_order(1, store=store)
    waiting = sa.text("SELECT count(*) FROM order_count_changes")
    async with limited(), world.polling(housekeeping=True):
        while True:
            async with world.database.begin() as connection:
                if not (await connection.execute(waiting)).scalar_one():
                    break
            await asyncio.sleep(0.02)
    async with world.database.read() as connection:
        assert (await queries.summary(connection, store.store_id))["total"] == 1


async def test_a_summary_reads_no_order(world: World) -> None:
    store = await world.a_store()
    with counted(world.database) as said:
        async with world.database.begin() as connection:
            await queries.summary(connection, store.store_id)
            await queries.summary(connection, None)
    assert not [statement for statement, _ in said if "FROM orders" in statement]
    assert len(said) == 2
