"""Waking pollers: one NOTIFY after commits, and a connection that listens for it.

NOTIFY inside the transaction of a request takes a lock that makes commits queue up, so it
is sent afterwards, on a connection of its own, and many wake-ups in a row become one. A
lost one costs a poll interval, nothing else: polling is the safety net.
"""

import asyncio
import contextlib
from collections.abc import Iterable
from types import TracebackType
from typing import Any, Self

import asyncpg
import structlog

from app.domain.update import Kind
from app.storage.postgres import presence
from app.storage.postgres.dsn import asyncpg_arguments

# A store, and a kind of its updates that became due.
DueHint = tuple[int, Kind]
CHANNEL = "waybill_updates"
# More than that in one announcement, and it says that anything may be due. PostgreSQL takes 8,000
# bytes.
MOST_HINTS = 200
# A NOTIFY is written to disk as any commit, which nobody needs. Said for this transaction alone: a
# pooler would leave it to others.
_ANNOUNCE = f"BEGIN; SET LOCAL synchronous_commit = off; NOTIFY {CHANNEL}, '{{}}'; COMMIT"
_TAKES_NO_WRITES = "SELECT current_setting('transaction_read_only') = 'on'"
_RECONNECT_AFTER = 1.0
_PROBE_EVERY = 30.0
# Seconds until a server that does not answer is taken for one that is gone.
_PATIENCE = 10.0
_log = structlog.get_logger(__name__)


class WakeSignal:
    """What was announced since it was last taken note of; several announcements become one."""

    def __init__(self) -> None:
        self._event = asyncio.Event()
        self._told: set[DueHint] = set()
        self._anything = False

    def tell(self, *told: DueHint) -> None:
        """Say what became due; nothing named: anything may."""
        self._anything |= not told
        self._told.update(told)
        self._event.set()

    def poke(self) -> None:
        """End a wait though nothing was announced."""
        self._event.set()

    async def wait(self) -> None:
        """Wait until something was announced, or somebody stirs."""
        await self._event.wait()

    def take(self) -> tuple[frozenset[DueHint], bool]:
        """Take note: what was named, and whether anything may be due besides."""
        found = frozenset(self._told), self._anything
        self._told.clear()
        self._anything = False
        self._event.clear()
        return found


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


class NotifyPublisher(_Background):
    """Tells every poller that something is due. wake() costs nothing and never raises."""

    def __init__(self, url: str, *, at_most_every: float = 0.005) -> None:
        self._url = url
        self._pause = at_most_every
        self._wanted = WakeSignal()

    def wake(self, *told: DueHint) -> None:
        """Announce soon; calls that come before it has happened are one with it."""
        self._wanted.tell(*told)

    async def _run(self) -> None:
        connection: Any = None
        try:
            while True:
                await self._wanted.wait()
                told, anything = self._wanted.take()
                words = "" if anything else _written(told)
                try:
                    if connection is None or connection.is_closed():
                        arguments = asyncpg_arguments(self._url)
                        connection = await asyncpg.connect(
                            **arguments, timeout=_PATIENCE, command_timeout=_PATIENCE
                        )
                    await connection.execute(_ANNOUNCE.format(words))
                except Exception as error:  # noqa: BLE001 - logged; it must live on
                    # Pollers find the update at their next poll all the same; this may be sooner.
                    # A standby takes no announcement for as long as the connection leads to it.
                    await _close(connection)
                    self._wanted.tell()
                    _log.warning("announcement_failed", error=repr(error))
                    await asyncio.sleep(_RECONNECT_AFTER)
                await asyncio.sleep(self._pause)
        finally:
            await _close(connection)


class NotifyListener(_Background):
    """Tells what was announced; after every reconnection, that anything may be due.

    of_poller: its session also shows that a poller works on the database (presence.py).
    """

    def __init__(self, url: str, wake_signal: WakeSignal, *, of_poller: bool = False) -> None:
        self._url = url
        self._heard = wake_signal
        self._of_poller = of_poller
        # Set once the session shows the poller, or could not be had: then leases alone do.
        self.shown = asyncio.Event()

    async def _run(self) -> None:
        while True:
            connection = None
            try:
                arguments = asyncpg_arguments(self._url)
                connection = await asyncpg.connect(**arguments, timeout=_PATIENCE)
                await self._hear(connection)
            except Exception as error:  # noqa: BLE001 - logged; it must live on
                self.shown.set()
                _log.warning("listening_failed", error=repr(error))
                await asyncio.sleep(_RECONNECT_AFTER)
            finally:
                await _close(connection)

    async def _hear(self, connection: Any) -> None:  # noqa: ANN401 - asyncpg has no types
        """Hear announcements until the connection is of no use any more; raises what ended it."""
        if self._of_poller:
            await connection.execute(presence.SHARE)
        self.shown.set()
        async with asyncio.timeout(_PATIENCE):
            await connection.add_listener(CHANNEL, self._on_notify)
        # Announcements made before this connection are lost: one look finds what is due.
        self._heard.tell()
        while True:
            await asyncio.sleep(_PROBE_EVERY)
            if await connection.fetchval(_TAKES_NO_WRITES, timeout=_PATIENCE):
                # A failover made a standby of it, and nothing is announced there.
                raise ConnectionError("the server takes no writes")

    def _on_notify(self, _connection: object, _pid: int, _channel: str, words: str) -> None:
        self._heard.tell(*_read(words))


def _written(told: Iterable[DueHint]) -> str:
    """As it stands in an announcement; empty where it is too much to name."""
    words = [f"{store_id}:{kind.value}" for store_id, kind in sorted(told)]
    return " ".join(words) if len(words) <= MOST_HINTS else ""


def _read(words: str) -> list[DueHint]:
    """Out of an announcement; another version's, which names something else, names nothing."""
    told = []
    for word in words.split():
        store_id, _, kind = word.partition(":")
        if not store_id.isdecimal() or kind not in set(Kind):
            return []
        told.append((int(store_id), Kind(kind)))
    return told


async def _close(connection: Any) -> None:  # noqa: ANN401 - asyncpg has no types
    if connection is not None and not connection.is_closed():
        # Whatever is wrong with it, another one is made.
        with contextlib.suppress(Exception):
            await connection.close(timeout=2)
