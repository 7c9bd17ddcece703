"""Statements without SQLAlchemy: for the few places where its work would be most of theirs.

They are prepared once for each connection and kept, on connections that are given back as they
are: no statement here leaves anything behind in its session.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

import asyncpg

from app.storage.trouble import not_now, unavailable

Row = Mapping[str, Any]
# How a connection that goes away under a statement shows itself.
_LOST = (asyncpg.InterfaceError, asyncpg.InternalClientError, OSError)
# The loop's and the driver's own "in the wrong state" too, where no code but theirs is at work.
_LOST_ALONE = (*_LOST, RuntimeError)


class _Connection(asyncpg.Connection):  # type: ignore[misc]  # asyncpg has no types
    """One that needs no cleaning when it is given back, which would be a round trip more."""

    def get_reset_query(self) -> str:
        """Nothing."""
        return ""


class Session(Protocol):
    """A connection in a transaction, as asyncpg has it."""

    async def fetch(self, statement: str, *values: object) -> Sequence[Row]:
        """Carry a statement out; answers its rows."""


@contextmanager
def _translated(lost: tuple[type[Exception], ...]) -> Iterator[None]:
    try:
        yield
    except asyncpg.PostgresError as error:
        if not_now(error.sqlstate):
            raise unavailable() from error
        raise
    except lost as error:
        raise unavailable() from error


@dataclass(slots=True)
class Direct:
    """A pool of at most size connections; nothing connects before the first statement.

    arguments: of `asyncpg.connect`. patience: seconds to wait for a free connection.
    limits: a statement that sets each transaction's time-outs, where no session keeps them
    (behind a transaction pooler, which keeps no prepared statements either).
    """

    arguments: Mapping[str, Any]
    size: int
    patience: float
    limits: str | None = None
    _pool: Any = None
    _opening: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def fetch(self, statement: str, *values: object) -> Sequence[Row]:
        """Carry a statement out; answers its rows.

        Raises NotAvailable when PostgreSQL cannot be reached or takes no writes now, and
        asyncpg's own errors for everything else.
        """
        with _translated(_LOST_ALONE):
            async with self._connection() as connection:
                rows: Sequence[Row] = await connection.fetch(statement, *values)
                return rows

    @asynccontextmanager
    async def transaction(self, first: str) -> AsyncIterator[Session]:
        """Open a transaction that ends with the block; raises as `fetch` does.

        first is carried out with its beginning, in one round trip: a statement without values,
        whose rows nobody wants, such as one that holds a row.
        """
        with _translated(_LOST):
            async with self._connection() as connection:
                if self.limits is not None:
                    # It is in one already.
                    await connection.execute(first)
                    yield connection
                    return
                try:
                    await connection.execute(f"BEGIN; {first}")
                    yield connection
                except BaseException:
                    if not connection.is_closed():
                        await connection.execute("ROLLBACK")
                    raise
                await connection.execute("COMMIT")

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Session]:
        """Give a connection for several statements that read; raises as `fetch` does.

        Each is a transaction of its own: beginning and ending one for all of them would be two
        round trips more, and at PostgreSQL's usual level give no common picture either.
        """
        with _translated(_LOST):
            async with self._connection() as connection:
                yield connection

    async def close(self) -> None:
        """Give every connection back."""
        if self._pool is not None:
            await self._pool.close()

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[Any]:
        pool = self._pool or await self._open()
        # A timer costs more than taking a connection that is free.
        free = pool.get_idle_size() > 0
        connection = await pool.acquire(timeout=None if free else self.patience)
        try:
            if self.limits is None:
                yield connection
            else:
                async with connection.transaction():
                    await connection.execute(self.limits)
                    yield connection
        finally:
            await pool.release(connection)

    async def _open(self) -> Any:  # noqa: ANN401 - asyncpg has no types
        async with self._opening:
            if self._pool is None:
                self._pool = await asyncpg.create_pool(
                    **self.arguments,
                    min_size=0,
                    max_size=self.size,
                    connection_class=_Connection,
                    init=_speak_json,
                )
        return self._pool


async def _speak_json(connection: Any) -> None:  # noqa: ANN401 - asyncpg has no types
    await connection.set_type_codec(
        "jsonb", schema="pg_catalog", encoder=json.dumps, decoder=json.loads
    )
