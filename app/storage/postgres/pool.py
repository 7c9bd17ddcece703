"""Connections of asyncpg, lent one at a time: what is left of a pool when nothing is superfluous.

asyncpg's own pool took 31 of the 52 microseconds of processor time of a small statement, mostly
for wrappers, shields and resets that are of no use here (decision 0017).
"""

import asyncio
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import asyncpg

# Seconds that a connection is kept unused, since a firewall may cut it without telling, and in all.
_IDLE, _AGE = 300.0, 1800.0


class PoolClosed(asyncpg.InterfaceError):  # type: ignore[misc]  # asyncpg has no types
    """No connection is lent any more."""


@dataclass(slots=True)
class PooledConnection:
    """A connection, when it was opened and when it was given back last."""

    connection: Any
    opened_at: float
    since: float

    def stale(self, now: float) -> bool:
        """Whether it should be used no more."""
        return (
            now - self.since > _IDLE or now - self.opened_at > _AGE or self.connection.is_closed()
        )


@dataclass(slots=True)
class Pool:
    """At most size connections; nothing connects before the first is asked for.

    arguments: of `asyncpg.connect`. patience: seconds to wait for a connection while all are lent.
    The one that was used last is lent first, so that where few are needed few stay open.
    """

    arguments: Mapping[str, Any]
    size: int
    patience: float
    _kept: list[PooledConnection] = field(default_factory=list)
    _closed: bool = False
    _renewed_at: float = float("-inf")
    _places: asyncio.Semaphore = field(init=False)

    def __post_init__(self) -> None:
        self._places = asyncio.Semaphore(self.size)

    async def take(self) -> PooledConnection:
        """Borrow a connection. Raises TimeoutError, PoolClosed, and what connecting raises."""
        if self._places.locked():
            # Whoever has waited longest is next.
            async with asyncio.timeout(self.patience):
                await self._places.acquire()
        else:
            await self._places.acquire()
        try:
            return self._usable() or await self._connect()
        except BaseException:
            self._places.release()
            raise

    def give_back(self, loan: PooledConnection, *, circuit_open: bool = False) -> None:
        """End a loan. broken: nobody knows what still goes on in the connection; it is cut."""
        loan.since = time.monotonic()
        if (
            circuit_open
            or self._closed
            or loan.stale(loan.since)
            or loan.opened_at <= self._renewed_at
        ):
            loan.connection.terminate()
        else:
            self._kept.append(loan)
            if self._kept[0].stale(loan.since):
                self._kept.pop(0).connection.terminate()
        self._places.release()

    def renew(self) -> None:
        """Lend no connection again that is open now; those that are lent end with their loans."""
        self._renewed_at = time.monotonic()
        while self._kept:
            self._kept.pop().connection.terminate()

    async def close(self) -> None:
        """Lend nothing more, wait for what is lent, end every connection."""
        self._closed = True
        for _ in range(self.size):
            await self._places.acquire()
        while self._kept:
            await self._kept.pop().connection.close()
        for _ in range(self.size):
            self._places.release()

    def _usable(self) -> PooledConnection | None:
        if self._closed:
            raise PoolClosed("closed")
        now = time.monotonic()
        while self._kept:
            loan = self._kept.pop()
            if not loan.stale(now):
                return loan
            loan.connection.terminate()
        return None

    async def _connect(self) -> PooledConnection:
        connection = await asyncpg.connect(**self.arguments)
        try:
            await connection.set_type_codec(
                "jsonb", schema="pg_catalog", encoder=json.dumps, decoder=json.loads
            )
        except BaseException:
            connection.terminate()
            raise
        now = time.monotonic()
        return PooledConnection(connection, now, now)
