"""The pool of connections, and the transaction that every use case opens for itself."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from app.storage.direct import Direct
from app.storage.lending import Lending
from app.storage.trouble import not_now, unavailable
from app.storage.urls import asyncpg_arguments, sqlalchemy_url

Connection = AsyncConnection
# In a connection's info: whether stores' rows lie on several servers.
APART = "apart"
_APART = sa.text("SELECT EXISTS (SELECT FROM pg_extension WHERE extname = 'citus')")
# Connections for statements by key: of a poller's claims (app/sync/dispatch.py) and its look.
_KEYED = 5
# Connections for what requests ask together (app/storage/accepting.py): two looks, two writes.
_GROUPED = 4
# To plan such a statement for each of its values took longer than to carry it out, and while
# tables are small the planner would read all of them.
BY_KEY = {
    "plan_cache_mode": "force_generic_plan",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "enable_seqscan": "off",
}


@dataclass(slots=True)
class Placement:
    """Whether stores' rows lie on several servers; None while nobody has asked."""

    apart: bool | None = None


@dataclass(frozen=True, slots=True)
class Database:
    """One PostgreSQL, through a pool of at most pool_size connections.

    limits: time-outs that each transaction sets for itself, where no session keeps them.
    direct: for single statements, with connections of its own; by_key: for those that name their
    rows by keys, planned once whatever the values, likewise; grouped: the same for what several
    requests ask in one statement, so that no poller of the process is in their way.
    """

    engine: AsyncEngine
    direct: Direct
    by_key: Direct
    grouped: Direct
    limits: sa.Executable | None = None
    placement: Placement = field(default_factory=Placement)

    async def apart(self) -> bool:
        """Whether stores' rows lie on several servers (Citus); PostgreSQL is asked once.

        Then no statement may be of several stores, nor hold rows of them. Raises NotAvailable.
        """
        if self.placement.apart is None:
            async with self.begin():
                pass
        return bool(self.placement.apart)

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[Connection]:
        """A transaction: committed at the end of the block, or nothing happened.

        Raises NotAvailable when PostgreSQL cannot be reached or takes no writes now.
        """
        async with _translated(), self.engine.begin() as connection:
            await self._prepare(connection)
            yield connection

    @asynccontextmanager
    async def read(self) -> AsyncIterator[Connection]:
        """One consistent picture for several selects; nothing can be written through it."""
        async with _translated(), self.engine.connect() as connection:
            await connection.execution_options(
                isolation_level="REPEATABLE READ", postgresql_readonly=True
            )
            await self._prepare(connection)
            yield connection

    async def _prepare(self, connection: Connection) -> None:
        if self.limits is not None:
            await connection.execute(self.limits)
        if self.placement.apart is None:
            self.placement.apart = bool((await connection.execute(_APART)).scalar_one())
        connection.info[APART] = self.placement.apart

    async def close(self) -> None:
        """Give every connection back."""
        await self.engine.dispose()
        await self.direct.close()
        await self.by_key.close()
        await self.grouped.close()


@asynccontextmanager
async def _translated() -> AsyncIterator[None]:
    try:
        yield
    except (OperationalError, InterfaceError, DBAPIError) as error:
        if _not_now(error):
            raise unavailable() from error
        raise
    except (OSError, sa.exc.TimeoutError) as error:
        raise unavailable() from error


def _not_now(error: DBAPIError) -> bool:
    if error.connection_invalidated:
        return True
    return not_now(getattr(error.orig, "sqlstate", None))


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
        connect_args |= {"statement_cache_size": 0}
    settings = {**limits, "application_name": "waybill"}
    if not pooler:
        connect_args["server_settings"] = settings
    named = {"prepared_statement_name_func": _unnamed} if pooler else {}
    engine = create_async_engine(
        sqlalchemy_url(url),
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=pool_timeout,
        pool_pre_ping=not pooler,
        pool_recycle=1800,
        connect_args=connect_args | named,
    )
    local = [sa.func.set_config(name, value, True) for name, value in limits.items()]  # noqa: FBT003 - SQL
    arguments = {**asyncpg_arguments(url), **connect_args}
    direct = Direct(
        Lending(arguments, size=pool_size, patience=pool_timeout),
        limits=_local(limits) if pooler else None,
    )
    keyed = arguments if pooler else arguments | {"server_settings": {**settings, **BY_KEY}}
    by_key, grouped = (
        Direct(
            Lending(keyed, size=min(pool_size, size), patience=pool_timeout),
            limits=_local({**limits, **BY_KEY}) if pooler else None,
        )
        for size in (_KEYED, _GROUPED)
    )
    return Database(engine, direct, by_key, grouped, sa.select(*local) if pooler else None)


def _local(limits: Mapping[str, str]) -> str:
    """The same for a statement of plain text; names and values are of this module."""
    return "; ".join(f"SET LOCAL {name} = '{value}'" for name, value in limits.items())


def _unnamed() -> str:
    """The statement of a protocol that keeps none."""
    return ""
