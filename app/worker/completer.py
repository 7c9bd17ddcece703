"""The completer: records results of deliveries in batches, and gathers the next one meanwhile."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from uuid import UUID

import structlog

from app.domain.errors import Busy, NotAvailable
from app.domain.outbox.delivery_result import DeliveryResult
from app.domain.outbox.rate_limits import BLOCKED, Breaker, Lane
from app.storage.postgres.database import BRIEF, Database
from app.storage.recording import delivery_results

BATCH = 100
# Seconds between two batches, unless ENOUGH results wait or the dispatcher waits for them: a
# transaction for each result costs several times as much, and Walmart has the calls already.
GATHER = 0.05
ENOUGH = 20
# Seconds after an error.
_AFTER_ERROR = 0.5
# Milliseconds that a part of a batch waits for a locked row. The other results of its batch wait
# this long at each halving, once.
_SPLIT_WAIT = 20
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A result that is not recorded yet."""

    result: DeliveryResult
    recorded: asyncio.Future[None]
    until: float
    """Monotonic time at which the result is dropped."""


@dataclass(slots=True)
class Completer:
    """Records results.

    A delivery counts as unrecorded until its result is: so many are allowed (`MOST_UNRECORDED` of
    executor.py), and a slow database slows claiming down instead of filling memory.
    """

    database: Database
    new_id: Callable[[int], UUID]
    monotonic: Callable[[], float]
    give_up_after: float
    """Seconds after which a result is dropped. Its lease has ended by then, and Walmart is read
    before anything is sent again."""
    breaker: Breaker
    due: Callable[[], None] = lambda: None
    """Called when recorded results may have made an update due."""
    waited_for: Callable[[int], bool] = lambda _: True
    """Whether all slots wait for this number of results to be recorded."""
    _next: float = 0.0
    """Monotonic time of the next batch."""
    _waiting: list[_Waiting] = field(default_factory=list)
    _wanted: asyncio.Event = field(default_factory=asyncio.Event)
    _busy: asyncio.Queue[_Waiting] = field(default_factory=asyncio.Queue)
    """Results that wait for a locked row."""

    async def write(self, result: DeliveryResult) -> None:
        """Wait until a result is recorded, or dropped because its lease has ended."""
        recorded: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        until = self.monotonic() + self.give_up_after
        self._enqueue([_Waiting(result, recorded, until)])
        await recorded

    async def run(self) -> None:
        """Record batches until cancelled, and beside them, one by one, results of locked rows."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._write_batches())
            group.create_task(self._write_busy())

    async def _write_batches(self) -> None:
        while True:
            await self._gathered()
            batch, self._waiting = self._waiting[:BATCH], self._waiting[BATCH:]
            left = await self._flush(self._in_time(batch))
            if left:
                # Behind the results of other stores, as their servers may answer.
                self._enqueue(left)
                await asyncio.sleep(_AFTER_ERROR)

    async def _write_busy(self) -> None:
        while True:
            locked = [await self._busy.get()]
            await asyncio.sleep(_AFTER_ERROR)
            locked += [self._busy.get_nowait() for _ in range(self._busy.qsize())]
            for each in self._in_time(locked):
                self._enqueue(await self._write([each], _SPLIT_WAIT))

    def _enqueue(self, waiting: Sequence[_Waiting]) -> None:
        self._waiting += waiting
        self._wanted.set()

    async def _gathered(self) -> None:
        """Wait for a result, then up to GATHER seconds for more."""
        while not self._waiting:
            self._wanted.clear()
            await self._wanted.wait()
        while not self._enough():
            self._wanted.clear()
            left = max(self._next - self.monotonic(), 0.001)
            timer = asyncio.get_running_loop().call_later(left, self._wanted.set)
            await self._wanted.wait()
            timer.cancel()
        self._next = self.monotonic() + GATHER

    def _enough(self) -> bool:
        waiting = len(self._waiting)
        # mutation: record-at-once-on-demand
        return waiting >= ENOUGH or self.monotonic() >= self._next or self.waited_for(waiting)

    def _in_time(self, batch: Sequence[_Waiting]) -> list[_Waiting]:
        now = self.monotonic()
        late = [each for each in batch if now >= each.until]
        if late:
            _log.error("results_dropped", results=len(late))
            _end(late)
        return [each for each in batch if now < each.until]

    async def _flush(self, batch: Sequence[_Waiting]) -> list[_Waiting]:
        """Record results; returns those that have to wait for the database."""
        if not batch:
            return []
        try:
            # mutation: sharded-results-by-store
            parts = _by_store(batch) if await self.database.is_sharded() else [batch]
        except NotAvailable as error:
            _log_waits(error, batch)
            return list(batch)
        return [each for part in parts for each in await self._write(part)]

    async def _write(self, batch: Sequence[_Waiting], wait: int = BRIEF) -> Sequence[_Waiting]:
        """Record results together; returns those that have to wait for the database.

        A result that waits for a locked row is found by halving the batch, and waits alone.
        """
        results = [each.result for each in batch]
        # mutation: locked-row-delays-one-result
        try:
            written = await delivery_results.record(
                self.database, results, self.new_id, self.breaker, wait
            )
        except Busy as error:
            if len(batch) > 1:
                return await self._halves(batch)
            _log_waits(error, batch)
            # mutation: result-after-lock
            self._busy.put_nowait(batch[0])
            return []
        except NotAvailable as error:
            _log_waits(error, batch)
            return batch
        except Exception:  # noqa: BLE001 - logged; the loop goes on
            _log.exception("recording_failed", results=len(batch))
            if len(batch) > 1:
                # A result that cannot be recorded must not stop the others.
                return await self._halves(batch)
            return await self._write_without_evidence(batch[0])
        else:
            _log_lost(results, written.kept)
            _log_stopped(written.stopped)
            if written.more:
                self.due()
        _end(batch)
        return []

    async def _write_without_evidence(self, waiting: _Waiting) -> Sequence[_Waiting]:
        """Record an internal error in place of a result that cannot be recorded.

        Otherwise the lease would end, and the same would happen again, for ever.
        """
        instead = waiting.result.fallback()
        if instead is not None:
            return await self._write([replace(waiting, result=instead)])
        _end([waiting])
        return []

    async def _halves(self, batch: Sequence[_Waiting]) -> Sequence[_Waiting]:
        middle = len(batch) // 2
        first = await self._write(batch[:middle], _SPLIT_WAIT)
        return [*first, *await self._write(batch[middle:], _SPLIT_WAIT)]


def _end(batch: Sequence[_Waiting]) -> None:
    for each in batch:
        if not each.recorded.done():
            each.recorded.set_result(None)


def _by_store(batch: Sequence[_Waiting]) -> list[list[_Waiting]]:
    """A part for each store: the server of one store must not block the others'."""
    parts: dict[int, list[_Waiting]] = defaultdict(list)
    for each in batch:
        parts[each.result.update.store_id].append(each)
    return [parts[store_id] for store_id in sorted(parts)]


def _log_waits(error: NotAvailable, batch: Sequence[_Waiting]) -> None:
    _log.warning("recording_waits", error=str(error), results=len(batch))


def _log_lost(results: Sequence[DeliveryResult], recorded: Sequence[DeliveryResult]) -> None:
    known = {result.update.id for result in recorded}
    for result in results:
        if result.update.id not in known:
            update = result.update
            _log.warning(
                "lease_lost",
                store_id=update.store_id,
                order_id=str(update.order_id),
                update_id=str(update.id),
                request_id=update.request_id,
            )


def _log_stopped(stopped: Sequence[Lane]) -> None:
    """Log one alert for each stopped lane, however many updates wait for it."""
    for lane in stopped:
        log = _log.error if lane.reason in BLOCKED else _log.warning
        log("lane_stopped", store_id=lane.store_id, endpoint=lane.endpoint, reason=lane.reason)
