"""Runs migrations: one at a time across all replicas, with a lock time-out, online or as SQL."""

import asyncio

import sqlalchemy as sa
from alembic import context
from sqlalchemy.ext.asyncio import create_async_engine

from app.storage.tables import metadata
from app.storage.urls import sqlalchemy_url

config = context.config
LOCK = 0x57617962696C6C  # "Waybill"
_TIMEOUTS = ("SET lock_timeout = '4s'", "SET statement_timeout = '10min'")


def _offline() -> None:
    context.configure(
        dialect_name="postgresql",
        target_metadata=metadata,
        literal_binds=True,
        transaction_per_migration=True,
    )
    with context.begin_transaction():
        for statement in _TIMEOUTS:
            context.execute(statement)
        context.run_migrations()


def _online(connection: sa.Connection) -> None:
    for statement in _TIMEOUTS:
        connection.exec_driver_sql(statement)
    # Held by the session, because each migration has a transaction of its own.
    connection.execute(sa.select(sa.func.pg_advisory_lock(LOCK)))
    connection.commit()
    context.configure(
        connection=connection,
        target_metadata=metadata,
        transaction_per_migration=True,
        compare_type=True,
        compare_server_default=True,
    )
    try:
        with context.begin_transaction():
            context.run_migrations()
    finally:
        connection.rollback()
        connection.execute(sa.select(sa.func.pg_advisory_unlock(LOCK)))
        connection.commit()


async def _connect() -> None:
    engine = create_async_engine(
        sqlalchemy_url(config.attributes["url"]), poolclass=sa.pool.NullPool
    )
    async with engine.connect() as connection:
        await connection.run_sync(_online)
    await engine.dispose()


if context.is_offline_mode():
    _offline()
elif "connection" in config.attributes:
    _online(config.attributes["connection"])
else:
    asyncio.run(_connect())
