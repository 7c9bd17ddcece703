"""Rights of the role that the application runs as: it owns nothing, and cannot change the schema.

The role that migrates owns the tables. It grants the application's role rows to read and write, and
nothing else: no DDL, no TRUNCATE, no triggers switched off. Decision 0044 says why.
"""

import asyncio

import sqlalchemy as sa

from app.storage.postgres.dsn import sqlalchemy_url
from app.storage.postgres.engine import AsyncConnection, create_async_engine

# Rows of these are not changed once they are written. Retention deletes old ones.
APPEND_ONLY = ("audit",)
# The application reads which revision the schema is at.
READ_ONLY = ("alembic_version",)
_RIGHTS = "SELECT, INSERT, UPDATE, DELETE"
# What tables of later migrations get when they are created, so that no process waits for its
# rights.
_DEFAULTS = (
    f"ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT {_RIGHTS} ON TABLES TO {{role}}",
    # `waybill recover` sets sequences.
    "ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE, UPDATE ON SEQUENCES TO {role}",
)
# mutation: append-only-rights
_GRANTS = (
    "GRANT USAGE ON SCHEMA public TO {role}",
    f"GRANT {_RIGHTS} ON ALL TABLES IN SCHEMA public TO {{role}}",
    "GRANT USAGE, UPDATE ON ALL SEQUENCES IN SCHEMA public TO {role}",
    f"REVOKE UPDATE ON {', '.join(APPEND_ONLY)} FROM {{role}}",
    f"REVOKE INSERT, UPDATE, DELETE ON {', '.join(READ_ONLY)} FROM {{role}}",
)
_ROLE = sa.text("SELECT rolname = current_user FROM pg_roles WHERE rolname = :role")
# Two replicas that grant at once would change the same rows of PostgreSQL's catalogs.
_ONE_AT_A_TIME = "SELECT pg_advisory_xact_lock(hashtextextended('waybill:grants', 0))"


class CannotGrant(Exception):
    """The rights cannot be granted; the message says why."""


def give(url: str, role: str) -> None:
    """Give a role the application's rights to all tables, present and future.

    url: of the role that owns the tables. Blocks, and starts an event loop of its own. Raises
    CannotGrant, and SQLAlchemy's DBAPIError for what the database refuses.
    """
    asyncio.run(_connected(url, role))


async def _connected(url: str, role: str) -> None:
    engine = create_async_engine(sqlalchemy_url(url), poolclass=sa.pool.NullPool)
    try:
        async with engine.begin() as connection:
            await _give(connection, role)
    finally:
        await engine.dispose()


async def _give(connection: AsyncConnection, role: str) -> None:
    own = (await connection.execute(_ROLE, {"role": role})).scalar_one_or_none()
    if own is None:
        raise CannotGrant(f"there is no role {role!r} (deploy/postgres/roles.sql makes it)")
    if own:
        raise CannotGrant(f"{role!r} is the role that migrates; the application needs another")
    quoted = connection.dialect.identifier_preparer.quote_identifier(role)
    for statement in (_ONE_AT_A_TIME, *_DEFAULTS, *_GRANTS):
        await connection.exec_driver_sql(statement.format(role=quoted))
