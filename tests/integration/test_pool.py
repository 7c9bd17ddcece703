"""Connections that are lent: to whom, for how long, and what becomes of one that is cut."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from app.domain.errors import Stale
from app.storage.postgres import pool
from app.storage.postgres.dsn import asyncpg_arguments
from app.storage.postgres.pool import Pool, PoolClosed
from app.storage.postgres.retry import again
from app.storage.postgres.session import Sessions
from tests.harness.waiting import LIMIT


@pytest.fixture
async def lent(fresh_url: str) -> AsyncIterator[Pool]:
    opened = Pool(asyncpg_arguments(fresh_url), size=2, patience=5)
    yield opened
    await asyncio.wait_for(opened.close(), LIMIT)


async def test_the_connection_used_last_is_lent_first(lent: Pool) -> None:
    one, other = await lent.take(), await lent.take()
    lent.give_back(one)
    lent.give_back(other)
    again = await lent.take()
    assert again.connection is other.connection
    lent.give_back(again)


async def test_those_who_wait_are_served_in_their_order(lent: Pool) -> None:
    taken = [await lent.take(), await lent.take()]
    served: list[int] = []

    async def ask(number: int) -> None:
        loan = await lent.take()
        served.append(number)
        await asyncio.sleep(0)
        lent.give_back(loan)

    asking = [asyncio.create_task(ask(number)) for number in range(6)]
    await asyncio.sleep(0)
    for loan in taken:
        lent.give_back(loan)
    await asyncio.gather(*asking)
    assert served == sorted(served)


async def test_one_who_gave_up_waiting_takes_nothing_with_it(lent: Pool) -> None:
    taken = [await lent.take(), await lent.take()]
    waiting = asyncio.create_task(lent.take())
    await asyncio.sleep(0)
    lent.give_back(taken[0])
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    lent.patience = 0.05
    loan = await lent.take()
    with pytest.raises(TimeoutError):
        await lent.take()
    lent.give_back(loan)
    lent.give_back(taken[1])


async def test_a_connection_is_not_lent_again_while_its_statement_may_still_run(
    lent: Pool,
) -> None:
    direct = Sessions(lent)
    before = await lent.take()
    lent.give_back(before)
    running = asyncio.create_task(direct.fetch("SELECT pg_sleep(60)"))
    await asyncio.sleep(0.1)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    (row,) = await direct.fetch("SELECT 1 AS found")
    assert row["found"] == 1
    after = await lent.take()
    assert after.connection is not before.connection
    lent.give_back(after)


async def test_a_transaction_that_was_broken_off_leaves_nothing_behind(lent: Pool) -> None:
    direct = Sessions(lent)

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
async def test_a_connection_that_lay_long_or_is_old_is_made_anew(lent: Pool, what: str) -> None:
    first = await lent.take()
    lent.give_back(first)
    setattr(first, what, first.since - pool._AGE - 1)
    second = await lent.take()
    assert second.connection is not first.connection
    assert first.connection.is_closed()
    lent.give_back(second)


async def test_of_many_that_were_needed_once_the_unused_are_ended(lent: Pool) -> None:
    loans = [await lent.take(), await lent.take()]
    for loan in loans:
        lent.give_back(loan)
    loans[0].since -= pool._IDLE + 1
    lent.give_back(await lent.take())
    assert [loan.connection.is_closed() for loan in loans] == [True, False]


async def test_after_closing_nothing_is_lent(lent: Pool) -> None:
    loan = await lent.take()
    closing = asyncio.create_task(lent.close())
    await asyncio.sleep(0)
    assert not closing.done()
    lent.give_back(loan)
    await asyncio.wait_for(closing, LIMIT)
    assert loan.connection.is_closed()
    with pytest.raises(PoolClosed):
        await lent.take()


async def test_what_a_migration_made_stale_is_run_again_on_a_fresh_connection(
    lent: Pool,
) -> None:
    direct = Sessions(lent)
    await direct.fetch("CREATE TABLE changing (n int)")

    async def read() -> int:
        async with direct.transaction() as session:
            return len(await session.fetch("SELECT * FROM changing"))

    async with direct.transaction() as session:
        # So that both connections know the statement.
        await session.fetch("SELECT * FROM changing")
        await read()
    await direct.fetch("ALTER TABLE changing ADD COLUMN more text")
    assert await again(read) == 0


async def test_a_connection_that_takes_no_writes_is_closed_and_a_new_one_is_tried(
    lent: Pool, fresh_url: str
) -> None:
    """As after a failover: what leads to the standby stays open."""
    direct, outside = Sessions(lent), Sessions(Pool(asyncpg_arguments(fresh_url), 1, 5))
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
