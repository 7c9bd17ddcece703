"""The pool of connections, and the transaction that every use case opens for itself."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from app.orders.errors import NotAvailable
from app.storage.urls import sqlalchemy_url

Connection = AsyncConnection

# PostgreSQL error classes that say "not now": connection trouble, too many connections,
# shutting down, read-only standby, disk full, lock or statement time-out.
_NOT_NOW = ("08", "53", "57", "25006", "55P03", "58")


@dataclass(frozen=True, slots=True)
class Database:
    """One PostgreSQL, through a pool of at most pool_size connections."""

    engine: AsyncEngine

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[Connection]:
        """A transaction: committed at the end of the block, or nothing happened.

        Raises NotAvailable when PostgreSQL cannot be reached or takes no writes now.
        """
        with_translation = _translated()
        async with with_translation, self.engine.begin() as connection:
            yield connection

    @asynccontextmanager
    async def read(self) -> AsyncIterator[Connection]:
        """One consistent picture for several selects; nothing can be written through it."""
        async with _translated(), self.engine.connect() as connection:
            await connection.execution_options(
                isolation_level="REPEATABLE READ", postgresql_readonly=True
            )
            yield connection

    async def close(self) -> None:
        """Give every connection back."""
        await self.engine.dispose()


@asynccontextmanager
async def _translated() -> AsyncIterator[None]:
    try:
        yield
    except (OperationalError, InterfaceError, DBAPIError) as error:
        if _not_now(error):
            message = "The database cannot be reached or takes no writes now."
            raise NotAvailable("database_unavailable", message) from error
        raise
    except (OSError, sa.exc.TimeoutError) as error:
        message = "The database cannot be reached now."
        raise NotAvailable("database_unavailable", message) from error


def _not_now(error: DBAPIError) -> bool:
    if error.connection_invalidated:
        return True
    state = getattr(error.orig, "sqlstate", None) or ""
    return state.startswith(_NOT_NOW)


def violated(error: sa.exc.IntegrityError) -> str | None:
    """The name of the constraint that refused a write, for turning it into a domain error."""
    cause = getattr(error.orig, "__cause__", None)
    return getattr(cause, "constraint_name", None)


def open_database(
    url: str, *, pool_size: int = 10, statement_timeout_ms: int = 15_000, pooler: bool = False
) -> Database:
    """Make the pool for a `postgresql://` URL; nothing connects before the first use.

    pooler: a transaction pooler such as PgBouncer stands between, which keeps no session:
    no named prepared statements, no settings outside a transaction.
    """
    connect_args: dict[str, object] = {"timeout": 10}
    if pooler:
        connect_args |= {"statement_cache_size": 0, "prepared_statement_name_func": lambda: ""}
    else:
        connect_args["server_settings"] = {
            "statement_timeout": str(statement_timeout_ms),
            "lock_timeout": "5000",
            "idle_in_transaction_session_timeout": "30000",
            "application_name": "waybill",
        }
    engine = create_async_engine(
        sqlalchemy_url(url),
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=10,
        pool_pre_ping=not pooler,
        pool_recycle=1800,
        connect_args=connect_args,
    )
    return Database(engine)
