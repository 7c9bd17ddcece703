"""A minimal asyncpg connection pool.

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

from app.storage.postgres import json_values
from app.storage.postgres.placement import IS_SHARDED, Placement

# Seconds that a connection is kept unused (a firewall may cut it silently), and in all.
_IDLE, _AGE = 300.0, 1800.0


class PoolClosed(asyncpg.InterfaceError):  # type: ignore[misc]  # asyncpg has no types
    """The pool is closed."""


class PoolExhausted(TimeoutError):
    """All connections of the pool stayed in use."""


@dataclass(slots=True)
class PooledConnection:
    """A connection of a pool, with the times when it was opened and last given back."""

    connection: Any
    opened_at: float
    since: float

    def stale(self, now: float) -> bool:
        """Whether the connection should not be used any more."""
        return (
            now - self.since > _IDLE or now - self.opened_at > _AGE or self.connection.is_closed()
        )


@dataclass(frozen=True, slots=True)
class PoolUse:
    """How many connections of a pool are used now."""

    size: int
    """The most connections that it opens."""
    in_use: int
    idle: int
    """Open and not used."""
    waiting: int
    """Callers that wait for a connection because all are in use."""


@dataclass(slots=True)
class Pool:
    """A pool of at most size connections, each opened when it is first needed.

    The connection that was used last is taken first, so that few stay open if few are needed.
    """

    arguments: Mapping[str, Any]
    """Of `asyncpg.connect`."""
    size: int
    patience: float
    """Seconds to wait for a connection while all are taken."""
    placement: Placement = field(default_factory=Placement)
    """Known once a connection was opened."""
    if_sharded: str = ""
    """Settings of each connection, where the tables are sharded."""
    _kept: list[PooledConnection] = field(default_factory=list)
    _closed: bool = False
    _taken: int = 0
    _waiting: int = 0
    _renewed_at: float = float("-inf")
    _places: asyncio.Semaphore = field(init=False)

    def __post_init__(self) -> None:
        self._places = asyncio.Semaphore(self.size)

    async def take(self) -> PooledConnection:
        """Take a connection. Raises PoolExhausted, PoolClosed, and what connecting raises."""
        if self._places.locked():
            # The longest waiting request is next.
            self._waiting += 1
            try:
                async with asyncio.timeout(self.patience):
                    await self._places.acquire()
            except TimeoutError as error:
                why = f"all {self.size} connections were in use for {self.patience:g} s"
                raise PoolExhausted(why) from error
            finally:
                self._waiting -= 1
        else:
            await self._places.acquire()
        self._taken += 1
        try:
            return self._usable() or await self._connect()
        except BaseException:
            self._release()
            raise

    def give_back(self, pooled: PooledConnection, *, broken: bool = False) -> None:
        """Give a connection back. broken: its state is not known, so it is terminated."""
        pooled.since = time.monotonic()
        if (
            broken
            or self._closed
            or pooled.stale(pooled.since)
            or pooled.opened_at <= self._renewed_at
        ):
            pooled.connection.terminate()
        else:
            self._kept.append(pooled)
            if self._kept[0].stale(pooled.since):
                self._kept.pop(0).connection.terminate()
        self._release()

    @property
    def use(self) -> PoolUse:
        """How many connections are used now."""
        return PoolUse(self.size, self._taken, len(self._kept), self._waiting)

    def _release(self) -> None:
        self._taken -= 1
        self._places.release()

    def renew(self) -> None:
        """Discard all open connections; those that are taken end when they are given back."""
        self._renewed_at = time.monotonic()
        while self._kept:
            self._kept.pop().connection.terminate()

    async def close(self) -> None:
        """Close the pool: wait for the connections that are taken, and close all."""
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
            pooled = self._kept.pop()
            if not pooled.stale(now):
                return pooled
            pooled.connection.terminate()
        return None

    async def _connect(self) -> PooledConnection:
        connection = await asyncpg.connect(**self.arguments)
        try:
            await connection.set_type_codec(
                "jsonb", schema="pg_catalog", encoder=json_values.encode, decoder=json.loads
            )
            if self.placement.sharded is None:
                self.placement.sharded = await connection.fetchval(IS_SHARDED)
            if self.placement.sharded and self.if_sharded:
                await connection.execute(self.if_sharded)
        except BaseException:
            connection.terminate()
            raise
        now = time.monotonic()
        return PooledConnection(connection, now, now)
