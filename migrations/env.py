"""Runs migrations: one at a time across all replicas, with time-outs, online or as SQL.

Both ways send the same statements around the migrations, so the SQL that `alembic upgrade --sql`
prints is as safe to run by hand beside live replicas as `waybill migrate` is.
"""

import asyncio
import os

import sqlalchemy as sa
from alembic import context
from alembic.runtime.migration import MigrationContext

from app.storage.cluster import distribution
from app.storage.cluster.distribution import MIGRATIONS as LOCK
from app.storage.orders import accept_in_shard
from app.storage.postgres.dsn import sqlalchemy_url
from app.storage.postgres.engine import create_async_engine
from app.storage.tables import metadata

LOCK_WAIT = 300.0  # seconds

# A migration that waits for a table makes every later query on it wait behind it, so it soon
# gives up instead; a long statement is ended before it holds the table for an outage.
TIMEOUTS = ("SET lock_timeout = '4s'", "SET statement_timeout = '10min'")
UNLOCK = f"SELECT pg_advisory_unlock({LOCK})"

# Asked again and again, each time in a transaction of its own: a statement that waited inside
# pg_advisory_lock would keep its snapshot, and CREATE INDEX CONCURRENTLY in the migration that
# runs waits for all older snapshots: each would wait for the other.
_WAIT = """\
DO $wait$
BEGIN
    WHILE NOT pg_try_advisory_lock({lock}) LOOP
        IF clock_timestamp() >= statement_timestamp() + interval '{seconds} s' THEN
            RAISE EXCEPTION 'another migration has held the lock for {seconds} s'
                USING ERRCODE = 'lock_not_available';
        END IF;
        COMMIT;
        PERFORM pg_sleep(0.25);
        COMMIT;
    END LOOP;
END
$wait$"""

config = context.config


def _take_lock() -> tuple[str, str]:
    """The statements that wait for the lock, for a bounded time; the session then holds it."""
    seconds = float(config.attributes.get("lock_wait", LOCK_WAIT))
    return "SET statement_timeout = 0", _WAIT.format(lock=LOCK, seconds=f"{seconds:g}")


def _offline() -> None:
    context.configure(
        dialect_name="postgresql",
        target_metadata=metadata,
        literal_binds=True,
        transaction_per_migration=True,
    )
    for statement in (*_take_lock(), *TIMEOUTS):
        context.execute(statement)
    with context.begin_transaction():
        context.run_migrations()
    context.execute(UNLOCK)


def _online(connection: sa.Connection) -> None:
    current = MigrationContext.configure(connection).get_current_revision()
    connection.rollback()
    # A version that was rolled back leaves the schema of the newer one as it is.
    # mutation: migrate-after-a-rollback
    if current is not None and current > str(context.get_head_revision()):
        config.attributes["newer"] = current
        return
    context.configure(
        connection=connection,
        target_metadata=metadata,
        transaction_per_migration=True,
        compare_type=True,
        compare_server_default=True,
    )
    functions = accept_in_shard.FUNCTIONS
    with distribution.place_new_tables(connection, functions), context.begin_transaction():
        context.run_migrations()


async def _connect() -> None:
    # No pool: the lock and the settings belong to the session, and end with it.
    engine = create_async_engine(_url(), poolclass=sa.pool.NullPool)
    try:
        async with engine.connect() as connection:
            await connection.execution_options(isolation_level="AUTOCOMMIT")
            for statement in (*_take_lock(), *TIMEOUTS):
                await connection.exec_driver_sql(statement)
            await connection.commit()
            await connection.execution_options(isolation_level="READ COMMITTED")
            await connection.run_sync(_online)
    finally:
        await engine.dispose()


def _url() -> sa.URL:
    url = config.attributes.get("url") or os.environ.get("WAYBILL_DATABASE_URL")
    if not url:
        raise SystemExit("Set WAYBILL_DATABASE_URL to the database that shall be changed.")
    return sqlalchemy_url(url)


if context.is_offline_mode():
    _offline()
else:
    asyncio.run(_connect())
