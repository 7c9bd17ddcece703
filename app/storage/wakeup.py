"""Waking pollers: one NOTIFY after commits, and a connection that listens for it.

NOTIFY inside the transaction of a request takes a lock that makes commits queue up, so it
is sent afterwards, on a connection of its own, and many wake-ups in a row become one. A
lost one costs a poll interval, nothing else: polling is the safety net.
"""

import asyncio
import contextlib
from types import TracebackType
from typing import Any, Self

import asyncpg
import structlog

from app.storage.urls import asyncpg_arguments

CHANNEL = "waybill_updates"
_RECONNECT_AFTER = 1.0
_PROBE_EVERY = 30.0
_TROUBLE = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError)
_log = structlog.get_logger(__name__)


class _Background:
    """Something that runs beside whatever uses it, from entering to leaving."""

    _task: asyncio.Task[None] | None = None

    async def _run(self) -> None:
        raise asyncio.CancelledError

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._run(), name=type(self).__name__)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task


class Announcer(_Background):
    """Tells every poller that something is due. wake() costs nothing and never raises."""

    def __init__(self, url: str, *, at_most_every: float = 0.005) -> None:
        self._url = url
        self._pause = at_most_every
        self._wanted = asyncio.Event()

    def wake(self) -> None:
        """Announce soon; calls that come before it has happened are one with it."""
        self._wanted.set()

    async def _run(self) -> None:
        connection: Any = None
        try:
            while True:
                await self._wanted.wait()
                self._wanted.clear()
                try:
                    if connection is None or connection.is_closed():
                        connection = await asyncpg.connect(**asyncpg_arguments(self._url))
                    await connection.execute(f"NOTIFY {CHANNEL}")
                except _TROUBLE as error:
                    # Pollers find the update at their next poll all the same; this may be sooner.
                    self._wanted.set()
                    _log.warning("announcement_failed", error=str(error))
                    await asyncio.sleep(_RECONNECT_AFTER)
                await asyncio.sleep(self._pause)
        finally:
            await _close(connection)


class Listener(_Background):
    """Sets an event whenever an update was announced, and after every reconnection."""

    def __init__(self, url: str, heard: asyncio.Event) -> None:
        self._url = url
        self._heard = heard

    async def _run(self) -> None:
        while True:
            connection = None
            try:
                connection = await asyncpg.connect(**asyncpg_arguments(self._url))
                await connection.add_listener(CHANNEL, self._on_notify)
                # What was announced while nobody listened is found by looking once.
                self._heard.set()
                while True:
                    await asyncio.sleep(_PROBE_EVERY)
                    await connection.execute("SELECT 1", timeout=10)
            except _TROUBLE as error:
                _log.warning("listening_failed", error=str(error))
                await asyncio.sleep(_RECONNECT_AFTER)
            finally:
                await _close(connection)

    def _on_notify(self, *_: object) -> None:
        self._heard.set()


async def _close(connection: Any) -> None:  # noqa: ANN401 - asyncpg has no types
    if connection is not None and not connection.is_closed():
        with contextlib.suppress(OSError, asyncpg.PostgresError, TimeoutError):
            await connection.close(timeout=2)
