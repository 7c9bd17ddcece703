"""The asyncpg pool: which connection a caller gets, for how long, and what happens to broken ones."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from app.domain.errors import Stale
from app.storage.postgres import pool as pool_module
from app.storage.postgres.dsn import asyncpg_arguments
from app.storage.postgres.pool import Pool, PoolClosed
from app.storage.postgres.retry import again
from app.storage.postgres.session import Sessions
from tests.harness.waiting import LIMIT


@pytest.fixture
async def pool(fresh_url: str) -> AsyncIterator[Pool]:
    opened = Pool(asyncpg_arguments(fresh_url), size=2, patience=5)
    yield opened
    await asyncio.wait_for(opened.close(), LIMIT)


async def test_the_connection_used_last_is_acquired_first(pool: Pool) -> None:
    one, other = await pool.take(), await pool.take()
    pool.give_back(one)
    pool.give_back(other)
    again = await pool.take()
    assert again.connection is other.connection
    pool.give_back(again)


async def test_waiting_callers_are_served_in_order(pool: Pool) -> None:
    connections = [await pool.take(), await pool.take()]
    served: list[int] = []

    async def ask(number: int) -> None:
        loan = await pool.take()
        served.append(number)
        await asyncio.sleep(0)
        pool.give_back(loan)

    asking = [asyncio.create_task(ask(number)) for number in range(6)]
    await asyncio.sleep(0)
    for loan in connections:
        pool.give_back(loan)
    await asyncio.gather(*asking)
    assert served == sorted(served)


async def test_a_canceled_waiter_takes_no_connection(pool: Pool) -> None:
    connections = [await pool.take(), await pool.take()]
    waiting = asyncio.create_task(pool.take())
    await asyncio.sleep(0)
    pool.give_back(connections[0])
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    pool.patience = 0.05
    loan = await pool.take()
    with pytest.raises(TimeoutError):
        await pool.take()
    pool.give_back(loan)
    pool.give_back(connections[1])


async def test_a_connection_is_not_reused_while_its_statement_may_still_run(
    pool: Pool,
) -> None:
    direct = Sessions(pool)
    before = await pool.take()
    pool.give_back(before)
    running = asyncio.create_task(direct.fetch("SELECT pg_sleep(60)"))
    await asyncio.sleep(0.1)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    (row,) = await direct.fetch("SELECT 1 AS found")
    assert row["found"] == 1
    after = await pool.take()
    assert after.connection is not before.connection
    pool.give_back(after)


async def test_an_interrupted_transaction_leaves_nothing_behind(pool: Pool) -> None:
    direct = Sessions(pool)

    async def begun() -> None:
        async with direct.transaction() as session:
            await session.fetch("CREATE TABLE half (n int)")
            await session.fetch("SELECT pg_sleep(60)")

    running = asyncio.create_task(begun())
    await asyncio.sleep(0.2)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    (row,) = await direct.fetch("SELECT to_regclass('half') AS found")
    assert row["found"] is None


@pytest.mark.parametrize("what", ["since", "opened_at"])
async def test_an_idle_or_old_connection_is_replaced(pool: Pool, what: str) -> None:
    first = await pool.take()
    pool.give_back(first)
    setattr(first, what, first.since - pool_module._AGE - 1)
    second = await pool.take()
    assert second.connection is not first.connection
    assert first.connection.is_closed()
    pool.give_back(second)


async def test_surplus_idle_connections_are_closed(pool: Pool) -> None:
    loans = [await pool.take(), await pool.take()]
    for loan in loans:
        pool.give_back(loan)
    loans[0].since -= pool_module._IDLE + 1
    pool.give_back(await pool.take())
    assert [loan.connection.is_closed() for loan in loans] == [True, False]


async def test_a_closed_pool_gives_out_no_connection(pool: Pool) -> None:
    loan = await pool.take()
    closing = asyncio.create_task(pool.close())
    await asyncio.sleep(0)
    assert not closing.done()
    pool.give_back(loan)
    await asyncio.wait_for(closing, LIMIT)
    assert loan.connection.is_closed()
    with pytest.raises(PoolClosed):
        await pool.take()


async def test_a_statement_made_stale_by_a_migration_is_run_again_on_a_new_connection(
    pool: Pool,
) -> None:
    direct = Sessions(pool)
    await direct.fetch("CREATE TABLE changing (n int)")

    async def read() -> int:
        async with direct.transaction() as session:
            return len(await session.fetch("SELECT * FROM changing"))

    async with direct.transaction() as session:
        # So that both connections have prepared the statement.
        await session.fetch("SELECT * FROM changing")
        await read()
    await direct.fetch("ALTER TABLE changing ADD COLUMN more text")
    assert await again(read) == 0


async def test_a_read_only_connection_is_closed_and_a_new_one_is_tried(
    pool: Pool, fresh_url: str
) -> None:
    """As after a failover: connections to the standby stay open."""
    direct, outside = Sessions(pool), Sessions(Pool(asyncpg_arguments(fresh_url), 1, 5))
    await outside.fetch("CREATE TABLE written (n int)")
    (row,) = await outside.fetch("SELECT current_database() AS name")
    name = row["name"]
    await outside.fetch(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    with pytest.raises(Stale):
        await direct.fetch("INSERT INTO written VALUES (1)")
    async with direct.session() as one, direct.session() as other:
        await one.fetch("SELECT 1")
        await other.fetch("SELECT 1")
    await outside.fetch(f"ALTER DATABASE {name} RESET default_transaction_read_only")
    await again(lambda: direct.fetch("INSERT INTO written VALUES (1)"))
    await outside.close()
