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

# PostgreSQL error classes that say "not now" (manual, appendix A): connection trouble (08),
# out of disk, memory or connections (53), shutting down or a statement that took too long (57),
# a server that takes no writes (25006), a lock that was not to be had (55P03), two transactions
# in each other's way (40001, 40P01), an I/O error (58).
_NOT_NOW = ("08", "53", "57", "25006", "55P03", "40001", "40P01", "58")


@dataclass(frozen=True, slots=True)
class Database:
    """One PostgreSQL, through a pool of at most pool_size connections.

    limits: time-outs that each transaction sets for itself, where no session keeps them.
    """

    engine: AsyncEngine
    limits: sa.Executable | None = None

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[Connection]:
        """A transaction: committed at the end of the block, or nothing happened.

        Raises NotAvailable when PostgreSQL cannot be reached or takes no writes now.
        """
        async with _translated(), self.engine.begin() as connection:
            await self._limit(connection)
            yield connection

    @asynccontextmanager
    async def read(self) -> AsyncIterator[Connection]:
        """One consistent picture for several selects; nothing can be written through it."""
        async with _translated(), self.engine.connect() as connection:
            await connection.execution_options(
                isolation_level="REPEATABLE READ", postgresql_readonly=True
            )
            await self._limit(connection)
            yield connection

    async def _limit(self, connection: Connection) -> None:
        if self.limits is not None:
            await connection.execute(self.limits)

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
    url: str,
    *,
    pool_size: int = 10,
    pool_timeout: float = 10.0,
    statement_timeout_ms: int = 15_000,
    pooler: bool = False,
) -> Database:
    """Make the pool for a `postgresql://` URL; nothing connects before the first use.

    pool_timeout: seconds to wait for a connection while all are in use.
    pooler: a transaction pooler such as PgBouncer stands between, which keeps no session: no
    named prepared statements, no settings outside a transaction (decision 0006).
    """
    limits = {
        "statement_timeout": str(statement_timeout_ms),
        "lock_timeout": "5000",
        "idle_in_transaction_session_timeout": "30000",
    }
    # The server ends a statement itself; one that does not answer at all would hold its
    # connection, and whoever waits for it, until TCP gives up after a quarter of an hour.
    silence = statement_timeout_ms / 1000 * 4 / 3
    connect_args: dict[str, object] = {"timeout": 10, "command_timeout": silence}
    if pooler:
        connect_args |= {"statement_cache_size": 0, "prepared_statement_name_func": _unnamed}
    else:
        connect_args["server_settings"] = {**limits, "application_name": "waybill"}
    engine = create_async_engine(
        sqlalchemy_url(url),
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=pool_timeout,
        pool_pre_ping=not pooler,
        pool_recycle=1800,
        connect_args=connect_args,
    )
    local = [sa.func.set_config(name, value, True) for name, value in limits.items()]  # noqa: FBT003 - SQL
    return Database(engine, sa.select(*local) if pooler else None)


def _unnamed() -> str:
    """The statement of a protocol that keeps none."""
    return ""
