"""What a poller does beside delivering: lapsed leases, the ship-by clock, counts and the like."""

import asyncio
import dataclasses
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from uuid import UUID

import structlog

from app.domain.errors import NotAvailable
from app.domain.outbox.doubt import QUIET_PERIOD
from app.storage.orders import counts, ship_by
from app.storage.outbox import rescue, retention
from app.storage.postgres.database import Database
from app.usecases.commerce_events import handle
from app.usecases.context import AppContext
from app.usecases.imports import reconcile
from app.worker.importer.importer import Importer
from app.worker.importer.webhook_events import WebhookEventReader
from app.worker.maintenance.doubts import DoubtResolver
from app.worker.maintenance.error_notifier import ErrorNotifier
from app.worker.maintenance.task_pool import TaskPool

# Seconds between two batches of deletions.
_BREATH = 0.1
# Seconds between two sweeps of old tries, each of which passes by those that stay.
_SWEEP_EVERY = 600.0
# Stores that a poller imports from at once, and whose announcements it looks at.
_IMPORTS, _LOOKS = 5, 10
# Seconds between two looks at what Walmart announced: it costs one look into an empty index.
_ANNOUNCED = 1.0
# Days in which an event is known again, and in which one waits for its order to be linked.
_EVENTS_KEPT, _UNLINKED_KEPT = 7, 30
_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Sweep:
    """How far old tries are looked at, and when the next sweep begins (the loop's time).

    left: whose tries are swept yet, the last first.
    """

    left: list[tuple[int, ...]] = field(default_factory=list)
    after: retention.SweepPosition = retention.START
    again_at: float = 0.0


@dataclass(frozen=True, slots=True)
class MaintenanceScheduler:
    """Work that every poller does now and then; doing it twice at once harms nothing.

    interval: seconds between two looks, more or less. ship_by_warning: seconds before its
    ship-by time at which people are warned of an order. reconcile_every: seconds between two
    reconciliations of a store, 0 for none. wake: updates are due again. retain_updates,
    retain_attempts and retain_keys: days, 0 for ever. quiet: seconds after the end of a lease in
    which a write may still take effect.
    """

    database: Database
    interval: float
    ship_by_warning: float
    reconcile_every: float
    context: AppContext | None
    importer: Importer | None
    random: Callable[[], float]
    new_id: Callable[[int], UUID]
    wake: Callable[[], None]
    quiet: float = QUIET_PERIOD
    retain_updates: int = 0
    retain_attempts: int = 0
    retain_keys: int = 0
    announcements: WebhookEventReader | None = None
    doubts: DoubtResolver | None = None
    _swept: _Sweep = field(default_factory=_Sweep)
    _importing: TaskPool = field(default_factory=lambda: TaskPool(_IMPORTS))
    _looking: TaskPool = field(default_factory=lambda: TaskPool(_LOOKS))
    _ending: TaskPool = field(default_factory=lambda: TaskPool(_LOOKS))
    notifier: ErrorNotifier | None = None

    async def run(self) -> None:
        """Work until cancelled."""
        try:
            await self._work()
        finally:
            await asyncio.gather(self._importing.stop(), self._looking.stop(), self._ending.stop())

    async def _work(self) -> None:
        await asyncio.gather(
            self._again_and_again(self._take_back),
            self._again_and_again(self._watch_deadlines),
            self._again_and_again(self._reconcile),
            self._again_and_again(self._import),
            self._again_and_again(self._look_at_announcements, _ANNOUNCED),
            self._again_and_again(self._end_doubts, _ANNOUNCED),
            self._again_and_again(self._carry_out_what_waited),
            self._again_and_again(self._forget),
            self._again_and_again(self._sweep),
            self._again_and_again(self._count),
            self._again_and_again(self._tell),
        )

    async def _take_back(self) -> bool:
        """Take back what pollers held that stopped answering."""
        if await rescue.rescue(self.database, self.new_id, self.quiet):
            self.wake()
        return False

    async def _watch_deadlines(self) -> bool:
        """Mark orders that must leave soon."""
        marked = await ship_by.mark(self.database, self.ship_by_warning, self.new_id)
        return marked >= ship_by.BATCH

    async def _reconcile(self) -> bool:
        """Compare a store with Walmart whose turn it is; one run at a time in each poller."""
        if self.context is None or not self.reconcile_every:
            return False
        for store_id in await reconcile.due(self.context, self.reconcile_every):
            since = self.context.now() - reconcile.RECENT
            report = await reconcile.reconcile(
                self.context, store_id, since, every=self.reconcile_every
            )
            if report is not None and (report.findings or report.stopped):
                _log.warning(
                    "reconciled",
                    store_id=store_id,
                    orders=report.orders,
                    repaired=report.tally.repaired,
                    left=len(report.left),
                    stopped=report.stopped,
                )
        return False

    async def _import(self) -> bool:
        """Read the orders of the stores whose turn it is, some at a time."""
        if self.importer is None:
            return False
        await self._importing.room()
        return self._importing.start(await self.importer.due(), self._import_store)

    async def _import_store(self, store_id: int) -> None:
        if self.importer is not None:
            await _alone("import", store_id, _imported(self.importer, store_id))

    async def _look_at_announcements(self) -> bool:
        """Look at what Walmart announced, some stores at a time."""
        if self.announcements is None:
            return False
        await self._looking.room()
        return self._looking.start(await self.announcements.due(), self._look_at_store)

    async def _look_at_store(self, store_id: int) -> None:
        if self.announcements is not None:
            await _alone("look", store_id, self.announcements.look(store_id))

    async def _end_doubts(self) -> bool:
        """Read what updates at rest are about whose doubt may end, some stores at a time."""
        if self.doubts is None:
            return False
        await self._ending.room()
        return self._ending.start(await self.doubts.due(), self._end_doubts_of)

    async def _end_doubts_of(self, store_id: int) -> None:
        if self.doubts is not None:
            await _alone("doubts", store_id, self.doubts.end(store_id))

    async def _carry_out_what_waited(self) -> bool:
        """Carry out what Commerce told that waited for a link, or for the end of a doubt."""
        return self.context is not None and await handle.work(self.context)

    async def _forget(self) -> bool:
        """Move or delete a little of what is kept long enough."""
        most = 0
        for leave, days in (
            (retention.archive_updates, self.retain_updates),
            (retention.forget_keys, self.retain_keys),
            (retention.forget_events, _EVENTS_KEPT),
            (retention.forget_event_ids, _EVENTS_KEPT),
            (retention.forget_unlinked, _UNLINKED_KEPT),
        ):
            if days:
                most = max(most, await leave(self.database, days))
        # Behind a full batch there is more, but the traffic comes first.
        await asyncio.sleep(_BREATH)
        return most >= retention.BATCH

    async def _sweep(self) -> bool:
        """Delete some tries that are old enough; after the last of them, rest."""
        now = asyncio.get_running_loop().time()
        if not self.retain_attempts or now < self._swept.again_at:
            return False
        after, left, days = self._swept.after, self._swept.left, self.retain_attempts
        if not left:
            left += await retention.sweeps(self.database, days)
        if left:
            swept = await retention.forget_attempts(self.database, days, after, stores=left[-1])
            self._swept.after = swept if swept.more else retention.START
            if not swept.more:
                left.pop()
        self._swept.again_at = now if left else now + _SWEEP_EVERY
        await asyncio.sleep(_BREATH)
        return bool(left)

    async def _count(self) -> bool:
        """Add up the changes of how many orders there are."""
        return await counts.fold(self.database) >= counts.BATCH

    async def _tell(self) -> bool:
        """Tell stores' people of new errors."""
        return self.notifier is not None and await self.notifier.work()

    async def _again_and_again(
        self, work: Callable[[], Awaitable[bool]], interval: float | None = None
    ) -> None:
        """Do it at intervals; at once again where it says that there is more."""
        interval = min(self.interval, interval or self.interval)
        while True:
            more = False
            try:
                more = await work()
            except NotAvailable as error:
                _log.warning("upkeep_waits", work=work.__name__, error=str(error))
            except Exception:  # noqa: BLE001 - logged; the loop must live on
                _log.exception("upkeep_failed", work=work.__name__)
            if not more:
                # Spread over time, so that pollers that started together do not stay together.
                await asyncio.sleep(interval * (0.5 + self.random()))


async def _imported(importer: Importer, store_id: int) -> None:
    tally = await importer.run(store_id)
    if tally is None:
        return
    trouble = tally.stopped or tally.unreadable or tally.postponed
    tell = _log.warning if trouble else _log.info
    if trouble or any((tally.imported, tally.changed, tally.returns)):
        tell("imported", store_id=store_id, **dataclasses.asdict(tally))


async def _alone(what: str, store_id: int, work: Awaitable[None]) -> None:
    """One store's trouble is not the others'."""
    try:
        await work
    except NotAvailable as error:
        _log.warning(f"{what}_waits", store_id=store_id, error=str(error))
    except Exception:  # noqa: BLE001 - logged; the other stores must go on
        _log.exception(f"{what}_failed", store_id=store_id)
