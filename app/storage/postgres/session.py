"""Statements without SQLAlchemy: for the few places where its work would be most of theirs.

They are prepared once for each connection and kept, on connections that are given back as they
are: no statement here leaves anything behind in its session.
"""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import asyncpg

from app.domain.errors import Stale
from app.storage.postgres.errors import LOST, translated
from app.storage.postgres.pool import Pool

Row = Mapping[str, Any]


class Session(Protocol):
    """A connection that is lent for several statements."""

    async def fetch(self, statement: str, *values: object) -> Sequence[Row]:
        """Carry a statement out; answers its rows."""


@dataclass(slots=True)
class _Autocommit:
    """Statements that are their own transactions. sound: it is known how the last one ended."""

    connection: Any
    sound: bool = True

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


@dataclass(slots=True)
class Sessions:
    """Statements through connections that are lent one at a time.

    limits: a statement that sets each transaction's time-outs, where no session keeps them
    (behind a transaction pooler, which keeps no prepared statements either).
    """

    pool: Pool
    limits: str | None = None

    async def fetch(self, statement: str, *values: object) -> Sequence[Row]:
        """Carry a statement out, its own transaction; answers its rows.

        Raises NotAvailable when PostgreSQL cannot be reached or takes no writes now, and
        asyncpg's own errors for everything else.
        """
        if self.limits is None:
            async with self.session() as session:
                return await session.fetch(statement, *values)
        with translated(alone=True):
            async with self.transaction() as session:
                return await session.fetch(statement, *values)

    @asynccontextmanager
    async def session(self) -> AsyncIterator[Session]:
        """Lend a connection for several statements, each its own transaction; raises as `fetch`.

        For statements that follow each other at once. Nobody else may use the connection between.
        """
        if self.limits is not None:
            # Behind a pooler a connection is nobody's but for a transaction.
            yield self
            return
        with translated(alone=True):
            loan = await self.pool.take()
        session = _Autocommit(loan.connection)
        with self._renewing():
            try:
                yield session
            finally:
                self.pool.give_back(loan, circuit_open=not session.sound)

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Session]:
        """Lend a connection for several statements that read; raises as `fetch` does.

        Each is a transaction of its own: beginning and ending one for all of them would be two
        round trips more, and at PostgreSQL's usual level give no common picture either.
        """
        # Behind a pooler one transaction costs less than one for each of them.
        lent = self.session() if self.limits is None else self.transaction()
        async with lent as session:
            yield session

    @asynccontextmanager
    async def transaction(self, first: str = "") -> AsyncIterator[Session]:
        """Open a transaction that ends with the block; raises as `fetch` does.

        first is carried out with its beginning, in one round trip: a statement without values,
        whose rows nobody wants, such as one that holds a row.
        """
        words = "; ".join(each for each in ("BEGIN", self.limits, first) if each)
        with self._renewing(), translated():
            with translated(alone=True):
                loan = await self.pool.take()
            sound = False
            try:
                await loan.connection.execute(words)
                yield loan.connection
                await loan.connection.execute("COMMIT")
                sound = True
            except Exception as error:
                if not isinstance(error, LOST) and not loan.connection.is_closed():
                    await loan.connection.execute("ROLLBACK")
                    sound = True
                raise
            finally:
                self.pool.give_back(loan, circuit_open=not sound)

    @contextmanager
    def _renewing(self) -> Iterator[None]:
        """Use no connection again where one was stale: the others are as old."""
        try:
            yield
        except Stale:
            self.pool.renew()
            raise

    async def close(self) -> None:
        """Give every connection back."""
        await self.pool.close()
