"""Hints to open pages and clients: which orders changed, and the counts of each status.

One reader per process asks the database once a second, and only while somebody listens. Nothing is
written, and no request waits for a hint. A stream has no data of an order: its reader asks for what
it shows again, by the usual requests with the usual checks.
"""

import asyncio
import contextvars
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from fastapi.responses import StreamingResponse

from app.domain.errors import NotAvailable, OrderError
from app.storage.postgres.database import Database
from app.storage.queries import changes
from app.storage.queries.changes import ChangedOrder
from app.web.problems import TooManyAttempts, Unauthorized

# Streams of a process, and those of one key or session in it.
MOST_STREAMS, MOST_OF_ONE = 1000, 20
# Seconds between two looks at the database.
_EVERY = 1.0
# Streams say at least this often that they live, in seconds.
_HEARTBEAT = 5.0
# A transaction may commit so long after the time that it wrote.
_LATE = timedelta(seconds=10)
# Ids of one hint. Beyond, it says that any order may have changed.
_MOST_IDS = 200
_ALIVE = b"event: alive\ndata: {}\n\n"
_log = structlog.get_logger(__name__)


class EventStream(StreamingResponse):
    """Server-sent events."""

    media_type = "text/event-stream"


@dataclass(slots=True, eq=False)
class Listener:
    """Somebody who listens. store_id: None means every store."""

    store_id: int | None
    owner: str
    """The key or the session."""
    woken: asyncio.Event = field(default_factory=asyncio.Event)
    pending: bytes | None = None
    """The event that waits for this listener."""

    def take(self) -> bytes | None:
        """The event that waits, once."""
        event, self.pending = self.pending, None
        return event


@dataclass(frozen=True, slots=True)
class _Check:
    """Whether a caller may listen on, for all its streams."""

    until: float
    allowed: asyncio.Task[bool]


@dataclass(slots=True)
class LiveHints:
    """The streams of a process, and their one reader."""

    database: Database
    stopping: asyncio.Event
    """Set when the process stops: the streams end at once."""
    listeners: set[Listener] = field(default_factory=set)
    _reading: asyncio.Task[None] | None = None
    _seen: dict[UUID, datetime] = field(default_factory=dict)
    """When each order changed that was hinted at lately."""
    _checks: dict[str, _Check] = field(default_factory=dict)
    """By key or session."""

    async def stream(
        self, store_id: int | None, owner: str, check: Callable[[], Awaitable[object]]
    ) -> EventStream:
        """Hints about the orders of a store, or of all. Raises NotAvailable too_many_streams.

        owner: the key or the session. check raises when the caller may not listen any longer; it is
        asked once a second for all streams of an owner.
        """
        own = sum(each.owner == owner for each in self.listeners)
        # mutation: streams-of-one-caller
        if own >= MOST_OF_ONE:
            message = f"A key or a session has at most {MOST_OF_ONE} event streams: close one."
            raise NotAvailable("too_many_streams", message, 10)
        if len(self.listeners) >= MOST_STREAMS:
            message = "This process has as many event streams as it may have."
            raise NotAvailable("too_many_streams", message, 10)
        headers = {"X-Accel-Buffering": "no"}
        return EventStream(self._events(Listener(store_id, owner), check), headers=headers)

    async def _events(
        self, listener: Listener, check: Callable[[], Awaitable[object]]
    ) -> AsyncIterator[bytes]:
        self._join(listener)
        loop = asyncio.get_running_loop()
        try:
            yield b"retry: 3000\n" + _ALIVE
            said = loop.time()
            while not self.stopping.is_set():
                with suppress(TimeoutError):
                    async with asyncio.timeout(_EVERY):
                        await listener.woken.wait()
                listener.woken.clear()
                # mutation: stream-of-a-revoked-key
                if not await self._may(listener.owner, check):
                    return
                event = listener.take()
                if event is None and loop.time() >= said + _HEARTBEAT:
                    event = _ALIVE
                if event is not None:
                    said = loop.time()
                    yield event
        finally:
            self.listeners.discard(listener)
            if all(each.owner != listener.owner for each in self.listeners):
                self._checks.pop(listener.owner, None)

    async def _may(self, owner: str, check: Callable[[], Awaitable[object]]) -> bool:
        """Whether the owner may listen on. An answer is for all its streams."""
        now = asyncio.get_running_loop().time()
        known = self._checks.get(owner)
        # mutation: check-of-a-stream-again
        if known is None or now >= known.until:
            # In a context of its own, as it is not of one stream.
            asked = asyncio.create_task(
                _passes(check), name="live-check", context=contextvars.Context()
            )
            known = self._checks[owner] = _Check(now + _EVERY / 2, asked)
        return await asyncio.shield(known.allowed)

    def _join(self, listener: Listener) -> None:
        self.listeners.add(listener)
        if self._reading is None or self._reading.done():
            # In a context of its own: it outlives the request that it began in.
            self._reading = asyncio.create_task(
                self._read(), name="live-hints", context=contextvars.Context()
            )

    async def _read(self) -> None:
        """Look for changes until the last listener leaves or the process stops."""
        since: datetime | None = None
        while self.listeners and not self.stopping.is_set():
            try:
                since = await self._look(since)
            except OrderError as error:
                _log.warning("live_hints_wait", error=str(error))
            except Exception:  # noqa: BLE001 - logged; the next look comes in a second
                _log.exception("live_hints_failed")
            with suppress(TimeoutError):
                async with asyncio.timeout(_EVERY):
                    await self.stopping.wait()
        self._seen.clear()
        for each in self.listeners:
            each.woken.set()

    async def _look(self, since: datetime | None) -> datetime:
        """Look for what changed since then; answers from when on the next look has to."""
        database, stores = self.database.direct, self._stores()
        now = await changes.database_now(database)
        if since is None:
            since = now
        found = await changes.changed_orders(database, since - _LATE, stores)
        new = [each for each in found if self._seen.get(each.id, since - _LATE) < each.at]
        self._seen = {key: at for key, at in self._seen.items() if at > now - 3 * _LATE} | {
            each.id: each.at for each in new
        }
        if new:
            counts = await changes.counts_by_store(database, stores)
            self._spread(new, counts)
        return now

    def _stores(self) -> set[int] | None:
        """The stores that are listened to. None means every store."""
        stores = {each.store_id for each in self.listeners}
        return None if None in stores else {each for each in stores if each is not None}

    def _spread(self, new: Iterable[ChangedOrder], counts: dict[int, dict[str, int]]) -> None:
        by_store: dict[int | None, list[UUID]] = {None: []}
        for each in new:
            by_store[None].append(each.id)
            by_store.setdefault(each.store_id, []).append(each.id)
        # Listeners to the same orders get the same text.
        events = {
            store: _event(ids, _summed(counts, store)) for store, ids in by_store.items() if ids
        }
        for listener in self.listeners:
            # mutation: hints-of-a-store
            event = events.get(listener.store_id)
            if event is not None:
                late = listener.pending is not None
                # Who reads slowly gets one hint for all that it missed.
                listener.pending = (
                    _event(None, _summed(counts, listener.store_id)) if late else event
                )
                listener.woken.set()


async def _passes(check: Callable[[], Awaitable[object]]) -> bool:
    try:
        await check()
    except NotAvailable:
        # The database is away. The stream ends if the caller is refused once it is back.
        return True
    except (OrderError, Unauthorized, TooManyAttempts):
        return False
    return True


def _event(orders: list[UUID] | None, counts: dict[str, int]) -> bytes:
    """A hint as an event. orders None, or too many of them: any may have changed."""
    few = orders is not None and len(orders) <= _MOST_IDS
    ids = [str(each) for each in dict.fromkeys(orders or ())] if few else None
    data = json.dumps({"orders": ids, "counts": counts}, separators=(",", ":"))
    return f"event: changes\ndata: {data}\n\n".encode()


def _summed(counts: dict[int, dict[str, int]], store_id: int | None) -> dict[str, int]:
    summed: dict[str, int] = {}
    for store, of_store in counts.items():
        if store_id in {None, store}:
            for status, orders in of_store.items():
                summed[status] = summed.get(status, 0) + orders
    return summed
