"""Sessions: raw asyncpg for hot statements, where SQLAlchemy's overhead dominates.

A statement is prepared once for each connection. Connections are given back as they are, because no
statement leaves anything behind in its session.
"""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import asyncpg

from app import tracing
from app.domain.errors import Stale
from app.storage.postgres.errors import LOST, translated
from app.storage.postgres.placement import Placement
from app.storage.postgres.pool import Pool
from app.tracing import Work

Row = Mapping[str, Any]
_SNAPSHOT = "ISOLATION LEVEL REPEATABLE READ READ ONLY"


class Session(Protocol):
    """A connection for several statements."""

    async def fetch(self, statement: str, *values: object) -> Sequence[Row]:
        """Run a statement with $1, $2 …; answers its rows."""

    async def is_sharded(self) -> bool:
        """Whether the tables are distributed by store (Citus). Raises NotAvailable."""


@dataclass(slots=True)
class _Translated:
    """A session on a connection, which translates errors of the driver."""

    connection: Any
    placement: Placement
    sound: bool = True
    """Whether it is known how the last statement ended."""

    async def fetch(self, statement: str, *values: object) -> Sequence[Row]:
        self.sound = False
        with translated(alone=True):
            try:
                rows: Sequence[Row] = await self.connection.fetch(statement, *values)
            except asyncpg.PostgresError:
                self.sound = True
                raise
        self.sound = True
        return rows

    async def is_sharded(self) -> bool:
        return bool(self.placement.sharded)


@dataclass(slots=True)
class Sessions:
    """Sessions on the connections of a pool."""

    pool: Pool
    limits: str | None = None
    """Statements that set a transaction's time-outs behind a transaction pooler, which keeps no
    session and no prepared statements. None means that there is no pooler."""
    if_sharded: str = ""
    """More of these, where the tables are sharded."""

    async def fetch(self, statement: str, *values: object) -> Sequence[Row]:
        """Run a statement as a transaction; answers its rows.

        Raises NotAvailable if PostgreSQL cannot be reached or takes no writes now, and asyncpg's
        own errors for everything else.
        """
        if self.limits is None:
            async with self.session() as session:
                return await session.fetch(statement, *values)
        with translated(alone=True):
            async with self.transaction() as session:
                return await session.fetch(statement, *values)

    async def is_sharded(self) -> bool:
        """Whether the tables are distributed by store (Citus). Raises NotAvailable."""
        if self.pool.placement.sharded is None:
            with translated(alone=True):
                self.pool.give_back(await self.pool.take())
        return bool(self.pool.placement.sharded)

    @asynccontextmanager
    async def session(self) -> AsyncIterator[Session]:
        """A session for several statements, each a transaction; raises as `fetch`.

        For statements that follow each other at once: the connection is not shared meanwhile.
        """
        if self.limits is not None:
            # Behind a pooler a connection is assigned for one transaction only.
            yield self
            return
        with translated(alone=True):
            pooled = await self.pool.take()
        session = _Translated(pooled.connection, self.pool.placement)
        with self._renewing():
            try:
                yield session
            finally:
                self.pool.give_back(pooled, broken=not session.sound)

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Session]:
        """A session for the statements of one view, which read one snapshot; raises as `fetch`.

        Without it a view shows an order half before a delivery was recorded, and half after. The
        transaction costs two more round trips (decision 0042), so a single statement needs `fetch`.
        """
        # mutation: one-snapshot-of-a-view
        async with self.transaction(mode=_SNAPSHOT) as connection:
            yield _Translated(connection, self.pool.placement)

    @asynccontextmanager
    async def transaction(self, first: str = "", *, mode: str = "") -> AsyncIterator[Session]:
        """A transaction that ends with the block; raises as `fetch` does.

        first runs in the same round trip as its BEGIN: a statement without parameters of which the
        rows are not needed, such as one that locks a row. mode: the transaction modes of BEGIN.
        """
        with tracing.span(Work.TRANSACTION), self._renewing(), translated():
            with translated(alone=True):
                pooled = await self.pool.take()
            sound = False
            try:
                with translated(alone=True):
                    await pooled.connection.execute(self._begin(mode, first))
                yield pooled.connection
                await pooled.connection.execute("COMMIT")
                sound = True
            except Exception as error:
                lost = isinstance(error.__cause__ or error, (*LOST, RuntimeError))
                if not lost and not pooled.connection.is_closed():
                    await pooled.connection.execute("ROLLBACK")
                    sound = True
                raise
            finally:
                self.pool.give_back(pooled, broken=not sound)

    def _begin(self, mode: str, first: str) -> str:
        sharded = self.if_sharded if self.pool.placement.sharded else ""
        return "; ".join(each for each in (f"BEGIN {mode}", self.limits, sharded, first) if each)

    @contextmanager
    def _renewing(self) -> Iterator[None]:
        """Discard all connections if one was stale: the others are as old."""
        try:
            yield
        except Stale:
            # mutation: read-only-connections
            self.pool.renew()
            raise

    async def close(self) -> None:
        """Close every connection."""
        await self.pool.close()
