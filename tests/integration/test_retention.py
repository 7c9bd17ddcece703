"""What leaves the database after its time, and what never does."""

import asyncio
from typing import Any

import pytest
import sqlalchemy as sa

from app.storage import retention
from app.storage.database import Database
from tests.world import World

SEED = """
    INSERT INTO updates (store_id, id, subject, kind, sequence, state)
    SELECT 1, uuid(md5('u' || n)::text), 'S' || n, 'inventory', 1,
           CASE WHEN n % 10 = 0 THEN 'failed' WHEN n % 10 = 1 THEN 'dismissed' ELSE 'confirmed' END
      FROM generate_series(1, :updates) n;
"""
ATTEMPTS = """
    INSERT INTO attempts (store_id, id, update_id, number, poller, started_at, ended_at, verdict)
    SELECT 1, gen_random_uuid(), uuid(md5('u' || n)::text), 1, 'p', now(),
           now() - make_interval(days => CAST(:days AS int)), 'confirmed'
      FROM generate_series(1, :updates) n
"""
KEYS = """
    INSERT INTO idempotency_keys (store_id, api_key, method, path, key, fingerprint, status, body,
                                  created_at)
    SELECT 1, 'k', 'POST', '/p', CAST(:days AS int) || '-' || n, '', 202, '',
           now() - make_interval(days => CAST(:days AS int))
      FROM generate_series(1, :keys) n
"""


async def do(database: Database, statement: str, **values: Any) -> Any:
    async with database.begin() as connection:
        result = await connection.execute(sa.text(statement), values)
        return result.scalars().all() if result.returns_rows else None


async def seeded(database: Database, updates: int) -> None:
    await do(database, SEED, updates=updates)
    for days in (91, 89):
        await do(database, ATTEMPTS, updates=updates, days=days)


async def test_old_tries_leave_but_not_those_of_updates_that_failed(database: Database) -> None:
    await seeded(database, 100)
    assert await retention.forget_attempts(database, 90) == 90
    assert await retention.forget_attempts(database, 90) == 0
    left = await do(
        database,
        "SELECT u.state FROM attempts a JOIN updates u ON u.id = a.update_id "
        "WHERE a.ended_at < now() - interval '90 days'",
    )
    assert left == ["failed"] * 10
    assert await do(database, "SELECT count(*) FROM attempts") == [110]


async def test_what_is_old_leaves_in_batches(database: Database) -> None:
    await do(database, KEYS, days=8, keys=1200)
    await do(database, KEYS, days=6, keys=5)
    assert [await retention.forget_keys(database, 7) for _ in range(4)] == [500, 500, 200, 0]
    assert await do(database, "SELECT count(*) FROM idempotency_keys") == [5]


async def test_several_pollers_share_the_work(database: Database) -> None:
    await do(database, KEYS, days=8, keys=1000)
    counts = await asyncio.gather(*(retention.forget_keys(database, 7) for _ in range(4)))
    assert sum(counts) + await retention.forget_keys(database, 7) == 1000


@pytest.mark.parametrize(
    ("statement", "index"),
    [
        (retention._ATTEMPTS, "ix_attempts_ended_at"),
        (retention._KEYS, "ix_idempotency_keys_created_at"),
    ],
)
async def test_the_old_are_found_by_an_index(
    database: Database, statement: sa.TextClause, index: str
) -> None:
    await seeded(database, 5000)
    await do(database, KEYS, days=1, keys=5000)
    for table in ("updates", "attempts", "idempotency_keys"):
        await do(database, f"ANALYZE {table}")
    plan = await do(database, f"EXPLAIN {statement.text}", days=95, batch=500)
    assert index in "\n".join(plan)


async def test_a_poller_does_it_beside_its_work(world: World) -> None:
    await do(world.database, KEYS, days=8, keys=700)
    async with world.polling(retain_keys=7, poll_interval=0.05):
        async with asyncio.timeout(20):
            while await do(world.database, "SELECT count(*) FROM idempotency_keys") != [0]:
                await asyncio.sleep(0.05)


async def test_autovacuum_looks_at_the_hot_tables_before_a_fifth_of_them_changed(
    database: Database,
) -> None:
    early = await do(
        database,
        "SELECT relname FROM pg_class WHERE array_to_string(reloptions, ' ') ~ "
        "'autovacuum_vacuum_scale_factor=0(\\.02)?( |$)' ORDER BY 1",
    )
    hot = [
        *("attempts", "idempotency_keys", "lanes", "order_count_changes", "order_lines"),
        *("orders", "shipments", "updates"),
    ]
    assert early == hot
