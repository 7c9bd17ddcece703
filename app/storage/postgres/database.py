"""The pool of connections, and the transaction that every use case opens for itself."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

import sqlalchemy as sa
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from app.storage.postgres.dsn import asyncpg_arguments, sqlalchemy_url
from app.storage.postgres.errors import READ_ONLY, sqlstate, translated
from app.storage.postgres.pool import Pool
from app.storage.postgres.retry import repeated
from app.storage.postgres.session import Sessions

Connection = AsyncConnection
# In a connection's info: whether stores' rows lie on several servers.
APART = "apart"
_APART = sa.text("SELECT EXISTS (SELECT FROM pg_extension WHERE extname = 'citus')")
# Connections for statements by key: of a poller's claims (app/worker/dispatcher.py) and its look.
_KEYED = 5
# Connections for shipments that are accepted together (app/storage/orders/ship_batcher.py): two
# reads, two writes.
_GROUPED = 4
# Milliseconds that a transaction waits for a held row: one that is run again, or may be split, only
# for a moment, so that it does not keep its connection from others.
BRIEF, PATIENT = 100, 5000
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

    sharded: bool | None = None


@dataclass(frozen=True, slots=True)
class Database:
    """One PostgreSQL, through a pool of at most pool_size connections.

    limits: settings that each transaction makes for itself, where no session keeps them.
    direct: for single statements, with connections of its own; by_key: for those that name their
    rows by keys, planned once whatever the values, likewise; grouped: the same for what several
    requests ask in one statement, so that no poller of the process is in their way.
    """

    engine: AsyncEngine
    direct: Sessions
    by_key: Sessions
    grouped: Sessions
    limits: Mapping[str, str] = field(default_factory=dict)
    placement: Placement = field(default_factory=Placement)

    async def is_sharded(self) -> bool:
        """Whether stores' rows lie on several servers (Citus); PostgreSQL is asked once.

        Then no statement may be of several stores, nor hold rows of them. Raises NotAvailable.
        """
        if self.placement.sharded is None:
            async with self.begin():
                pass
        return bool(self.placement.sharded)

    @asynccontextmanager
    async def begin(self, **settings: str) -> AsyncIterator[Connection]:
        """A transaction: committed at the end of the block, or nothing happened.

        settings: of PostgreSQL, for this transaction. Raises NotAvailable when PostgreSQL cannot
        be reached or takes no writes now, Busy where another transaction holds what it needs.
        """
        wait = {"lock_timeout": str(BRIEF)} if repeated() else {}
        async with self._connection() as connection, connection.begin():
            await self._prepare(connection, {**self.limits, **wait, **settings})
            yield connection

    @asynccontextmanager
    async def read(self) -> AsyncIterator[Connection]:
        """One consistent picture for several selects; nothing can be written through it."""
        async with self._connection() as connection:
            await connection.execution_options(
                isolation_level="REPEATABLE READ", postgresql_readonly=True
            )
            await self._prepare(connection, self.limits)
            yield connection

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[Connection]:
        with translated():
            with translated(alone=True):
                connection = await self.engine.connect().start()
            async with AsyncExitStack() as stack:
                stack.push_async_exit(connection)
                yield connection

    async def _prepare(self, connection: Connection, settings: Mapping[str, str]) -> None:
        if settings:
            await connection.exec_driver_sql(_local_select(settings))
        if self.placement.sharded is None:
            self.placement.sharded = bool((await connection.execute(_APART)).scalar_one())
        connection.info[APART] = self.placement.sharded

    async def close(self) -> None:
        """Give every connection back."""
        await self.engine.dispose()
        await self.direct.close()
        await self.by_key.close()
        await self.grouped.close()


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
        "lock_timeout": str(PATIENT),
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
    sa.event.listen(engine.sync_engine, "handle_error", _close_read_only)
    arguments = {**asyncpg_arguments(url), **connect_args}
    # Requests, which are run again where a row is held; and claims, which are not.
    brief = {"lock_timeout": str(BRIEF)}
    direct, by_key, grouped = (
        Sessions(
            Pool(
                arguments if pooler else arguments | {"server_settings": {**settings, **more}},
                size=min(pool_size, size),
                patience=pool_timeout,
            ),
            limits=_local({**limits, **more}) if pooler else None,
        )
        for size, more in (
            (pool_size, brief),
            (_KEYED, BY_KEY),
            (_GROUPED, {**BY_KEY, **brief}),
        )
    )
    return Database(engine, direct, by_key, grouped, limits if pooler else {})


def _close_read_only(context: ExceptionContext) -> None:
    """Treat a session that takes no writes as one that is lost, and those as old as it.

    A failover may make a standby of the server that they lead to; a new one finds its successor.
    """
    if sqlstate(context.original_exception) == READ_ONLY:
        context.is_disconnect = True


def _local_select(settings: Mapping[str, str]) -> str:
    """A statement that makes settings for a transaction; names and values are of ours."""
    made = ", ".join(f"set_config('{name}', '{value}', true)" for name, value in settings.items())
    return f"SELECT {made}"


def _local(limits: Mapping[str, str]) -> str:
    """The same as statements that can follow a BEGIN in one round trip."""
    return "; ".join(f"SET LOCAL {name} = '{value}'" for name, value in limits.items())


def _unnamed() -> str:
    """The statement of a protocol that keeps none."""
    return ""
