"""What a poller does beside delivering: lapsed leases, the ship-by clock, counts and the like."""

import asyncio
import dataclasses
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from uuid import UUID

import structlog

from app.intake import commerce_events, reconcile
from app.intake.desk import Desk
from app.orders.errors import NotAvailable
from app.storage import deadlines, imports, order_counts, rescue, retention
from app.storage.database import Database
from app.sync.announcements import Announcements
from app.sync.importer import Importer

# Seconds between two batches of deletions.
_BREATH = 0.1
# Stores that a poller imports from at once: one that hangs does not hold up the others.
_IMPORTS = 5
# Seconds between two looks at what Walmart announced: it costs one look into an empty index.
_ANNOUNCED = 1.0
# Days in which an event is known again, and in which one waits for its order to be linked.
_EVENTS_KEPT, _UNLINKED_KEPT = 7, 30
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Upkeep:
    """Work that every poller does now and then; doing it twice at once harms nothing.

    interval: seconds between two looks, more or less. ship_by_warning: seconds before its
    ship-by time at which people are warned of an order. reconcile_every: seconds between two
    reconciliations of a store, 0 for none. wake: updates are due again. retain_updates,
    retain_attempts and retain_keys: days, 0 for ever.
    """

    database: Database
    interval: float
    ship_by_warning: float
    reconcile_every: float
    desk: Desk | None
    importer: Importer | None
    random: Callable[[], float]
    new_id: Callable[[int], UUID]
    wake: Callable[[], None]
    retain_updates: int = 0
    retain_attempts: int = 0
    retain_keys: int = 0

    async def run(self) -> None:
        """Work until cancelled."""
        await asyncio.gather(
            self._again_and_again(self._take_back),
            self._again_and_again(self._watch_deadlines),
            self._again_and_again(self._reconcile),
            self._again_and_again(self._import),
            self._again_and_again(self._look_at_announcements, _ANNOUNCED),
            self._again_and_again(self._carry_out_what_waited),
            self._again_and_again(self._forget),
            self._again_and_again(self._count),
        )

    async def _take_back(self) -> bool:
        """Take back what pollers held that stopped answering."""
        if await rescue.take_back(self.database, self.new_id):
            self.wake()
        return False

    async def _watch_deadlines(self) -> bool:
        """Mark orders that must leave soon."""
        marked = await deadlines.mark(self.database, self.ship_by_warning, self.new_id)
        return marked >= deadlines.BATCH

    async def _reconcile(self) -> bool:
        """Compare a store with Walmart whose turn it is; one run at a time in each poller."""
        if self.desk is None or not self.reconcile_every:
            return False
        for store_id in await reconcile.due(self.desk, self.reconcile_every):
            since = self.desk.now() - reconcile.RECENT
            report = await reconcile.reconcile(
                self.desk, store_id, since, every=self.reconcile_every
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
        slots = asyncio.Semaphore(_IMPORTS)
        due = await self.importer.due()
        await asyncio.gather(*(self._import_store(self.importer, each, slots) for each in due))
        return len(due) >= imports.MOST_DUE

    async def _look_at_announcements(self) -> bool:
        """Look at what Walmart announced."""
        if self.desk is None:
            return False
        return await Announcements(self.desk).work()

    async def _carry_out_what_waited(self) -> bool:
        """Carry out what Commerce told of orders that are linked to it by now."""
        return self.desk is not None and await commerce_events.work(self.desk)

    async def _import_store(
        self, importer: Importer, store_id: int, slots: asyncio.Semaphore
    ) -> None:
        """One store's trouble is not the others'."""
        try:
            async with slots:
                tally = await importer.run(store_id)
        except NotAvailable as error:
            _log.warning("import_waits", store_id=store_id, error=str(error))
            return
        except Exception:  # noqa: BLE001 - logged; the other stores must go on
            _log.exception("import_failed", store_id=store_id)
            return
        if tally is None:
            return
        tell = _log.warning if tally.stopped or tally.unreadable else _log.info
        if any((tally.stopped, tally.unreadable, tally.imported, tally.changed, tally.returns)):
            tell("imported", store_id=store_id, **dataclasses.asdict(tally))

    async def _forget(self) -> bool:
        """Move or delete a little of what is kept long enough."""
        most = 0
        for leave, days in (
            (retention.archive_updates, self.retain_updates),
            (retention.forget_attempts, self.retain_attempts),
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

    async def _count(self) -> bool:
        """Add up the changes of how many orders there are."""
        return await order_counts.fold(self.database) >= order_counts.BATCH

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
