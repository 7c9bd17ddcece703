"""Databases that stay open between the tests of a process.

A connection costs 8 ms of a processor, and everything that PostgreSQL and its driver then learn in
it (catalogs, statements, plans) as much again. A test that leaves its connections idle hands them to
the next one, as requests do in production. All tests share an event loop for that.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import CoroutineType
from typing import Any

import asyncpg
import sqlalchemy as sa

import app
from app.storage.postgres.database import Database
from tests.harness.databases import open_compiled

_APP = str(Path(app.__file__).parent)


@dataclass
class _Kept:
    """An open database with the connections of its engine."""

    database: Database
    connections: list[asyncpg.Connection] = field(default_factory=list)

    def watch(self) -> None:
        """Note each connection that the engine opens."""
        engine = self.database.engine.sync_engine
        sa.event.listen(engine, "connect", self._note)

    def _note(self, dbapi_connection: Any, _: object) -> None:
        self.connections.append(dbapi_connection.driver_connection)

    def idle(self) -> bool:
        """Whether the test gave all connections back, closed none, and played no cluster."""
        in_use = any(use.in_use or use.waiting for use in self.database.pools().values())
        closed = any(each.is_closed() for each in self.all())
        return not (in_use or closed or self.database.placement.sharded)

    def all(self) -> list[asyncpg.Connection]:
        """The connections of the engine and of the other pools."""
        opened = self.database
        pools = (opened.direct.pool, opened.by_key.pool, opened.grouped.pool)
        return [*self.connections, *(each.connection for pool in pools for each in pool._kept)]


@dataclass
class KeptDatabases:
    """Open databases by their URLs."""

    keeps: bool = True
    """False on a cluster, of which each node has sessions of its own for those of a test."""
    _kept: dict[str, _Kept] = field(default_factory=dict)

    @asynccontextmanager
    async def lent(self, url: str) -> AsyncIterator[Database]:
        """Lend an open database during the block."""
        kept = self._kept.pop(url, None)
        if kept is None:
            kept = _Kept(open_compiled(url))
            kept.watch()
        try:
            async with self._alone():
                yield kept.database
        finally:
            if self.keeps and kept.idle():
                self._kept[url] = kept
            else:
                await kept.database.close()

    def sessions(self, url: str) -> list[int]:
        """The server processes of a database's idle connections."""
        kept = self._kept.get(url)
        return [each.get_server_pid() for each in kept.all()] if kept else []

    @asynccontextmanager
    async def _alone(self) -> AsyncIterator[None]:
        """End the tasks that Waybill's code began during the block, and that would go on after it.

        The loop is that of the next test as well, where they would write into its database.
        """
        before = asyncio.all_tasks()
        try:
            yield
        finally:
            left = [task for task in asyncio.all_tasks() - before if _is_ours(task)]
            for task in left:
                task.cancel()
            await asyncio.gather(*left, return_exceptions=True)

    async def close(self) -> None:
        """Close all databases."""
        while self._kept:
            _, kept = self._kept.popitem()
            await kept.database.close()


def _is_ours(task: asyncio.Task[Any]) -> bool:
    coroutine = task.get_coro()
    return isinstance(coroutine, CoroutineType) and coroutine.cr_code.co_filename.startswith(_APP)
