"""Results of deliveries, written down in batches: the next one gathers while one is written."""

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
# Seconds between two batches, unless so many wait or somebody waits for them: a transaction for
# each result costs several times as much, and Walmart has them already.
GATHER = 0.05
ENOUGH = 20
_AFTER_TROUBLE = 0.5
# Milliseconds that a part of a batch waits for a held row. A row costs the others that wait for
# each halving of its batch, once.
_SPLIT_WAIT = 20
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A result that is to be written until some time, and who waits for that."""

    result: DeliveryResult
    written: asyncio.Future[None]
    until: float


@dataclass(slots=True)
class Completer:
    """Writes results.

    A delivery keeps its slot until its result is written, so that a slow database slows
    claiming down instead of filling memory.

    give_up_after: seconds after which a result is dropped; its lease has ended by then, and
    the update is read at Walmart before anything is sent again. due is called where what was
    written may have made something due. waited_for: whether nothing else goes on until these
    results, so many of them, are written.
    """

    database: Database
    new_id: Callable[[int], UUID]
    monotonic: Callable[[], float]
    give_up_after: float
    breaker: Breaker
    due: Callable[[], None] = lambda: None
    waited_for: Callable[[int], bool] = lambda _: True
    _next: float = 0.0
    _waiting: list[_Waiting] = field(default_factory=list)
    _wanted: asyncio.Event = field(default_factory=asyncio.Event)
    _busy: asyncio.Queue[_Waiting] = field(default_factory=asyncio.Queue)

    async def write(self, result: DeliveryResult) -> None:
        """Wait until a result is written, or dropped because its lease has ended."""
        written: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        until = self.monotonic() + self.give_up_after
        self._enqueue([_Waiting(result, written, until)])
        await written

    async def run(self) -> None:
        """Write batches until cancelled; beside them, one by one, what a held row kept back."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._write_batches())
            group.create_task(self._write_busy())

    async def _write_batches(self) -> None:
        while True:
            await self._gathered()
            batch, self._waiting = self._waiting[:BATCH], self._waiting[BATCH:]
            left = await self._flush(self._in_time(batch))
            if left:
                # Behind those of other stores, whose servers may be there.
                self._enqueue(left)
                await asyncio.sleep(_AFTER_TROUBLE)

    async def _write_busy(self) -> None:
        while True:
            held = [await self._busy.get()]
            await asyncio.sleep(_AFTER_TROUBLE)
            held += [self._busy.get_nowait() for _ in range(self._busy.qsize())]
            for each in self._in_time(held):
                self._enqueue(await self._write([each], _SPLIT_WAIT))

    def _enqueue(self, waiting: Sequence[_Waiting]) -> None:
        self._waiting += waiting
        self._wanted.set()

    async def _gathered(self) -> None:
        """Wait for results, and a moment for more."""
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
        return waiting >= ENOUGH or self.monotonic() >= self._next or self.waited_for(waiting)

    def _in_time(self, batch: Sequence[_Waiting]) -> list[_Waiting]:
        now = self.monotonic()
        late = [each for each in batch if now >= each.until]
        if late:
            _log.error("results_dropped", results=len(late))
            _end(late)
        return [each for each in batch if now < each.until]

    async def _flush(self, batch: Sequence[_Waiting]) -> list[_Waiting]:
        """Write results; answers those that have to wait for the database."""
        if not batch:
            return []
        try:
            parts = _by_store(batch) if await self.database.is_sharded() else [batch]
        except NotAvailable as error:
            _tell_waits(error, batch)
            return list(batch)
        return [each for part in parts for each in await self._write(part)]

    async def _write(self, batch: Sequence[_Waiting], wait: int = BRIEF) -> Sequence[_Waiting]:
        """Write results together; answers those that have to wait for the database.

        Those that wait for a held row are found by halves, and wait by themselves.
        """
        results = [each.result for each in batch]
        try:
            written = await delivery_results.record(
                self.database, results, self.new_id, self.breaker, wait
            )
        except Busy as error:
            if len(batch) > 1:
                return await self._halves(batch)
            _tell_waits(error, batch)
            self._busy.put_nowait(batch[0])
            return []
        except NotAvailable as error:
            _tell_waits(error, batch)
            return batch
        except Exception:  # noqa: BLE001 - logged; the loop must live on
            _log.exception("recording_failed", results=len(batch))
            if len(batch) > 1:
                # One that cannot be written must not keep the others from it.
                return await self._halves(batch)
            return await self._write_without_evidence(batch[0])
        else:
            _tell_lost(results, written.kept)
            _tell_stopped(written.stopped)
            if written.more:
                self.due()
        _end(batch)
        return []

    async def _write_without_evidence(self, waiting: _Waiting) -> Sequence[_Waiting]:
        """Write what becomes of a delivery whose result cannot be written.

        Its lease would end, and the same would happen again, without an end.
        """
        instead = waiting.result.instead()
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
        if not each.written.done():
            each.written.set_result(None)


def _by_store(batch: Sequence[_Waiting]) -> list[list[_Waiting]]:
    """Each store's by themselves: one store's server keeps no other's from being written."""
    of_store: dict[int, list[_Waiting]] = defaultdict(list)
    for each in batch:
        of_store[each.result.update.store_id].append(each)
    return [of_store[store_id] for store_id in sorted(of_store)]


def _tell_waits(error: NotAvailable, batch: Sequence[_Waiting]) -> None:
    _log.warning("recording_waits", error=str(error), results=len(batch))


def _tell_lost(results: Sequence[DeliveryResult], kept: Sequence[DeliveryResult]) -> None:
    held = {result.update.id for result in kept}
    for result in results:
        if result.update.id not in held:
            _log.warning("lease_lost", update_id=str(result.update.id))


def _tell_stopped(stopped: Sequence[Lane]) -> None:
    """One alert for a store or an endpoint of it, however many updates wait behind it."""
    for lane in stopped:
        tell = _log.error if lane.reason in BLOCKED else _log.warning
        tell("lane_stopped", store_id=lane.store_id, endpoint=lane.endpoint, reason=lane.reason)
