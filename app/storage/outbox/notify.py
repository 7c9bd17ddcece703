"""Wake-up of pollers by LISTEN and NOTIFY: a publisher and a listener, each with a connection.

NOTIFY inside the transaction of a request takes a lock that makes commits queue up, so it is sent
after the commit, on a connection of its own, and many wake-ups in a row become one. A lost one
costs a poll interval and nothing else, because pollers poll as well.
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

# A store, and the kind of an update of it that became due.
DueHint = tuple[int, Kind]
CHANNEL = "waybill_updates"
# With more hints than these a notification says that anything may be due. PostgreSQL allows 8,000
# bytes.
MOST_HINTS = 200
# A NOTIFY is flushed to disk like any commit, which is not needed. Set for this transaction only,
# because a transaction pooler gives the session to others. NOTIFY takes no parameters.
_ANNOUNCE = f"BEGIN; SET LOCAL synchronous_commit = off; NOTIFY {CHANNEL}, '{{}}'; COMMIT"
_TAKES_NO_WRITES = "SELECT current_setting('transaction_read_only') = 'on'"
_RECONNECT_AFTER = 1.0
_PROBE_EVERY = 30.0
# Seconds after which a server that does not answer counts as lost.
_PATIENCE = 10.0
_log = structlog.get_logger(__name__)


class WakeSignal:
    """Due hints since the last `take`; several notifications become one."""

    def __init__(self) -> None:
        self._event = asyncio.Event()
        self._hints: set[DueHint] = set()
        self._anything = False

    def notify(self, *hints: DueHint) -> None:
        """Add hints of what became due. No hint means that anything may be due."""
        self._anything |= not hints
        self._hints.update(hints)
        self._event.set()

    def poke(self) -> None:
        """End a wait without a hint."""
        self._event.set()

    async def wait(self) -> None:
        """Wait for a notification or a poke."""
        await self._event.wait()

    def take(self) -> tuple[frozenset[DueHint], bool]:
        """Take the hints, and whether anything else may be due; both are then empty."""
        found = frozenset(self._hints), self._anything
        self._hints.clear()
        self._anything = False
        self._event.clear()
        return found


class _Background:
    """A task that runs while the context manager is open."""

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
    """Notifies every poller that something is due. wake() is cheap and never raises."""

    def __init__(self, url: str, *, at_most_every: float = 0.005) -> None:
        self._url = url
        self._pause = at_most_every
        self._signal = WakeSignal()

    def wake(self, *hints: DueHint) -> None:
        """Notify soon; further calls until then are part of the same notification."""
        self._signal.notify(*hints)

    async def _run(self) -> None:
        connection: Any = None
        try:
            while True:
                await self._signal.wait()
                hints, anything = self._signal.take()
                payload = "" if anything else _written(hints)
                try:
                    if connection is None or connection.is_closed():
                        arguments = asyncpg_arguments(self._url)
                        connection = await asyncpg.connect(
                            **arguments, timeout=_PATIENCE, command_timeout=_PATIENCE
                        )
                    await connection.execute(_ANNOUNCE.format(payload))
                except Exception as error:  # noqa: BLE001 - logged; it must live on
                    # Pollers find the update at their next poll; trying again may be sooner. A
                    # standby accepts no NOTIFY, and the connection stays with it.
                    await _close(connection)
                    self._signal.notify()
                    _log.warning("announcement_failed", error=repr(error))
                    await asyncio.sleep(_RECONNECT_AFTER)
                await asyncio.sleep(self._pause)
        finally:
            await _close(connection)


class NotifyListener(_Background):
    """Passes notifications on; after each reconnection, that anything may be due.

    of_poller: the session also shows that a poller works on the database (presence.py).
    """

    def __init__(self, url: str, wake_signal: WakeSignal, *, of_poller: bool = False) -> None:
        self._url = url
        self._signal = wake_signal
        self._of_poller = of_poller
        # Set once the session shows the poller, or failed to open: then only leases show it.
        self.shown = asyncio.Event()

    async def _run(self) -> None:
        while True:
            connection = None
            # mutation: listener-reconnect
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
        """Listen until the connection is of no use any more; raises what ended it."""
        # mutation: recovery-without-pollers
        if self._of_poller:
            await connection.execute(presence.SHARE)
        self.shown.set()
        async with asyncio.timeout(_PATIENCE):
            await connection.add_listener(CHANNEL, self._on_notify)
        # Notifications before this connection are lost, so pollers look for anything due.
        self._signal.notify()
        while True:
            await asyncio.sleep(_PROBE_EVERY)
            # mutation: listener-on-standby
            if await connection.fetchval(_TAKES_NO_WRITES, timeout=_PATIENCE):
                # A failover made the server a standby, which sends no notifications.
                raise ConnectionError("the server takes no writes")

    def _on_notify(self, _connection: object, _pid: int, _channel: str, payload: str) -> None:
        self._signal.notify(*_read(payload))


def _written(hints: Iterable[DueHint]) -> str:
    """The payload of a notification; empty if there are too many hints."""
    words = [f"{store_id}:{kind.value}" for store_id, kind in sorted(hints)]
    return " ".join(words) if len(words) <= MOST_HINTS else ""


def _read(payload: str) -> list[DueHint]:
    """The hints of a payload; none if another version of Waybill wrote something else."""
    hints = []
    for word in payload.split():
        store_id, _, kind = word.partition(":")
        if not store_id.isdecimal() or kind not in set(Kind):
            return []
        # mutation: notification-payload
        hints.append((int(store_id), Kind(kind)))
    return hints


async def _close(connection: Any) -> None:  # noqa: ANN401 - asyncpg has no types
    if connection is not None and not connection.is_closed():
        # A new connection is opened, whatever is wrong with this one.
        with contextlib.suppress(Exception):
            await connection.close(timeout=2)
