"""A database: its connection pools, and the transaction that every use case opens for itself."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

import sqlalchemy as sa
from sqlalchemy.engine import ExceptionContext

from app import tracing
from app.storage.postgres.dsn import asyncpg_arguments, sqlalchemy_url
from app.storage.postgres.engine import AsyncConnection, AsyncEngine, create_async_engine
from app.storage.postgres.errors import READ_ONLY, sqlstate, translated
from app.storage.postgres.placement import (
    IS_SHARDED,
    PLAN_BY_VALUES,
    PLAN_BY_VALUES_LOCALLY,
    Placement,
)
from app.storage.postgres.pool import Pool, PoolUse
from app.storage.postgres.retry import repeated
from app.storage.postgres.session import Sessions
from app.tracing import Work

Connection = AsyncConnection
# In a connection's info: whether the tables are distributed by store over several servers.
SHARDED = "sharded"
# Connections for statements by key: a poller's claims (app/worker/dispatcher.py).
CLAIMING = 5
# Connections for shipments and cancellations that are accepted in batches: 2 reads, 2 writes. Where
# tables are distributed by store a batch is of one, so there are more.
ACCEPTING, ACCEPTING_BY_STORE = 4, 10
# Milliseconds that a transaction waits for a locked row. One that is repeated, or may be split,
# waits only a moment, so that its connection serves other requests.
# mutation: brief-lock-wait
BRIEF, PATIENT = 100, 5000
# Planning such a statement for each call took longer than running it, and while tables are small
# the planner would read all of their rows.
_PLANS = "plan_cache_mode"
BY_KEY = {
    _PLANS: "force_generic_plan",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "enable_seqscan": "off",
}


@dataclass(slots=True)
class _Entering:
    """Callers that wait for a connection of the engine, or open one."""

    callers: int = 0


@dataclass(frozen=True, slots=True)
class Database:
    """A PostgreSQL database with its connection pools."""

    engine: AsyncEngine
    """The pool of transactions."""
    direct: Sessions
    """For single statements."""
    by_key: Sessions
    """For statements that find their rows by keys, planned once for all values."""
    grouped: Sessions
    """The same for the statements of several requests, so that pollers do not delay them."""
    limits: Mapping[str, str] = field(default_factory=dict)
    """Settings of each transaction, for lack of a session that has them."""
    placement: Placement = field(default_factory=Placement)
    survey_interval: float = 1.0
    """Seconds between two statements of a deployment that ask all shards."""
    _entering: _Entering = field(default_factory=_Entering)

    def pools(self) -> dict[str, PoolUse]:
        """How many connections of each pool this process uses now, by the pool's work."""
        return {
            "transactions": self._engine_use(),
            "statements": self.direct.pool.use,
            "claims": self.by_key.pool.use,
            "batches": self.grouped.pool.use,
        }

    def _engine_use(self) -> PoolUse:
        pool = self.engine.pool
        if not isinstance(pool, sa.QueuePool):
            return PoolUse(0, 0, 0, 0)
        in_use, size = pool.checkedout(), pool.size()
        # A connection that is being opened counts as in use, so only a full pool lets callers wait.
        waiting = self._entering.callers if in_use >= size else 0
        return PoolUse(size, in_use, pool.checkedin(), waiting)

    async def is_sharded(self) -> bool:
        """Whether the tables are distributed by store (Citus); PostgreSQL is asked once.

        If so, no statement may read or lock rows of several stores. Raises NotAvailable.
        """
        if self.placement.sharded is None:
            async with self.begin():
                pass
        return bool(self.placement.sharded)

    @asynccontextmanager
    async def begin(self, **settings: str) -> AsyncIterator[Connection]:
        """A transaction, committed at the end of the block, rolled back by an exception.

        settings: of PostgreSQL, for this transaction. Raises NotAvailable if PostgreSQL cannot be
        reached or takes no writes now, Busy if another transaction locks a row that it needs.
        """
        wait = {"lock_timeout": str(BRIEF)} if repeated() else {}
        with tracing.span(Work.TRANSACTION):
            async with self._connection() as connection, connection.begin():
                await self._prepare(connection, {**self.limits, **wait, **settings})
                yield connection

    @asynccontextmanager
    async def read(self, **settings: str) -> AsyncIterator[Connection]:
        """A read-only transaction: one consistent snapshot for several selects.

        settings: of PostgreSQL, for this transaction. Raises NotAvailable.
        """
        async with self._connection() as connection:
            # mutation: one-snapshot-of-a-search
            await connection.execution_options(
                isolation_level="REPEATABLE READ", postgresql_readonly=True
            )
            await self._prepare(connection, {**self.limits, **settings})
            yield connection

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[Connection]:
        with translated():
            self._entering.callers += 1
            try:
                # mutation: connection-lost-during-setup
                with translated(alone=True):
                    connection = await self.engine.connect().start()
            finally:
                self._entering.callers -= 1
            async with AsyncExitStack() as stack:
                stack.push_async_exit(connection)
                yield connection

    async def _prepare(self, connection: Connection, settings: Mapping[str, str]) -> None:
        if self.placement.sharded is None:
            found = await connection.exec_driver_sql(IS_SHARDED)
            self.placement.sharded = bool(found.scalar_one())
        if self.placement.sharded:
            # mutation: sharded-plans-of-transactions
            settings = {name: each for name, each in settings.items() if name != _PLANS}
        if settings:
            await connection.exec_driver_sql(_local_select(settings))
        connection.info[SHARDED] = self.placement.sharded

    async def close(self) -> None:
        """Close every connection."""
        await self.engine.dispose()
        await self.direct.close()
        await self.by_key.close()
        await self.grouped.close()


def open_database(
    url: str,
    *,
    pool_size: int = 10,
    pool_timeout: float = 10.0,
    statement_timeout_ms: int = 15_000,
    pooler: bool = False,
    survey_interval: float = 1.0,
) -> Database:
    """The database of a `postgresql://` URL; nothing connects before the first use.

    pool_timeout: seconds to wait for a connection while all are in use.
    pooler: connections go through a transaction pooler such as PgBouncer, which keeps no session:
    no named prepared statements, no settings outside a transaction (decision 0006).
    survey_interval: seconds between two statements that ask all shards (Citus).
    """
    limits = {
        "statement_timeout": str(statement_timeout_ms),
        "lock_timeout": str(PATIENT),
        "idle_in_transaction_session_timeout": "30000",
    }
    # The server ends a statement itself. A server that does not answer at all would block its
    # connection, and its request, until TCP gives up after a quarter of an hour.
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
        # Few connections then know most plans; in turn, each would make all of them.
        pool_use_lifo=True,
        connect_args=connect_args | named,
    )
    sa.event.listen(engine.sync_engine, "handle_error", _close_read_only)
    arguments = {**asyncpg_arguments(url), **connect_args}
    # Requests are repeated after a lock time-out; claims are not.
    brief = {"lock_timeout": str(BRIEF)}
    placement = Placement()
    direct, by_key, grouped = (
        Sessions(
            Pool(
                arguments if pooler else arguments | {"server_settings": {**settings, **more}},
                size=min(pool_size, size),
                patience=pool_timeout,
                placement=placement,
                if_sharded="" if pooler else PLAN_BY_VALUES,
            ),
            limits=_local({**limits, **more}) if pooler else None,
            if_sharded=PLAN_BY_VALUES_LOCALLY if pooler else "",
        )
        for size, more in (
            (pool_size, brief),
            (CLAIMING, BY_KEY),
            (ACCEPTING_BY_STORE, {**BY_KEY, **brief}),
        )
    )
    return Database(
        engine,
        direct,
        by_key,
        grouped,
        limits if pooler else {},
        placement,
        survey_interval=survey_interval,
    )


def _close_read_only(context: ExceptionContext) -> None:
    """Discard a session that takes no writes, and all others as old as it.

    A failover made their server a standby; a new session finds the new primary.
    """
    if sqlstate(context.original_exception) == READ_ONLY:
        # mutation: read-only-sessions
        context.is_disconnect = True


def _local_select(settings: Mapping[str, str]) -> str:
    """A statement that makes settings for a transaction; names and values are our own."""
    made = ", ".join(f"set_config('{name}', '{value}', true)" for name, value in settings.items())
    return f"SELECT {made}"


def _local(limits: Mapping[str, str]) -> str:
    """The same settings as statements that can follow a BEGIN in one round trip."""
    return "; ".join(f"SET LOCAL {name} = '{value}'" for name, value in limits.items())


def _unnamed() -> str:
    """The name of an unnamed prepared statement."""
    return ""
