"""Reconciles a store's recent orders with Walmart's, line by line, and repairs what is safe.

Walmart's list finds candidates. An order that seems to differ is read by itself before anything is
written, as a refresh does, so that no read older than our knowledge is believed. A person decides
about units that Walmart no longer shows, and about orders that only one side knows.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from app.domain.errors import OrderError
from app.domain.orders import drift
from app.domain.orders.drift import Cause, Drift
from app.domain.seller_credentials import SellerCredentials
from app.storage import rate_limits
from app.storage.imports import reconciliations
from app.storage.orders import repository
from app.storage.outbox import updates
from app.storage.postgres.surveys import survey
from app.storage.recording import settlement
from app.storage.recording.settlement import SettlementInput
from app.usecases.context import AppContext
from app.usecases.imports import paginate
from app.usecases.orders import record_drift
from app.usecases.walmart_reader import UNLIMITED, WalmartReader
from app.walmart import errors
from app.walmart.client import ChangeWindow, OrderPage

RECENT = timedelta(hours=24)
_PAGE = 200
MOST_KEPT = 1000
"""Findings that are kept; all are counted."""


@dataclass(frozen=True, slots=True)
class ReconcileFinding:
    """A difference between our order and Walmart's."""

    purchase_order_id: str
    order_id: UUID | None
    drift: Drift
    mended: bool
    """Our order was brought in line with Walmart."""

    @property
    def shown(self) -> dict[str, object]:
        """The finding as it is kept for a person."""
        return {
            "number": self.purchase_order_id,
            "order_id": str(self.order_id) if self.order_id else None,
            "cause": self.drift.cause.value,
            "line_number": self.drift.line_number,
            "message": self.drift.sentence,
        }


@dataclass(slots=True)
class ReconcileReport:
    """The result of a store's run."""

    store_id: int
    orders: int = 0
    unread: int = 0
    """Orders that could not be read one by one."""
    findings: list[ReconcileFinding] = field(default_factory=list)
    stopped: str | None = None
    """Why the run stopped early. None means that it finished."""

    @property
    def left(self) -> Sequence[ReconcileFinding]:
        """Findings that need a person."""
        return [each for each in self.findings if not each.mended]

    @property
    def tally(self) -> reconciliations.ReconcileTotals:
        """The counts of the run."""
        causes = Counter(each.drift.cause.value for each in self.left)
        repaired = len(self.findings) - len(self.left)
        shown = [each.shown for each in self.left[:MOST_KEPT]]
        return reconciliations.ReconcileTotals(self.orders, repaired, causes, self.stopped, shown)


async def reconcile(
    context: AppContext, store_id: int, since: datetime, *, every: float = 0.0
) -> ReconcileReport | None:
    """Compare and repair what changed since then.

    None means that another run is in progress, or finished less than `every` seconds ago. An error
    of Walmart stops the run and is reported. Raises NotAvailable while the database is away.
    """
    async with context.transaction() as connection:
        if not await reconciliations.begin(connection, store_id, every):
            return None
    report = ReconcileReport(store_id)
    try:
        account = await context.account(store_id)
        seen = await _listed(context, account, since, report)
        await _not_listed(context, account, since, seen, report)
    except errors.WalmartError as error:
        report.stopped = f"Walmart cannot be read any further: {error}"
    except OrderError as error:
        report.stopped = str(error)
    async with context.transaction() as connection:
        await reconciliations.end(connection, store_id, report.tally)
    return report


async def due(context: AppContext, every: float) -> list[int]:
    """Stores with a last run at least that many seconds ago."""
    async with survey(context.database) as connection:
        return await reconciliations.due(connection, every)


async def _listed(
    context: AppContext, account: SellerCredentials, since: datetime, report: ReconcileReport
) -> set[str]:
    """Compare the orders of Walmart's list; answers their purchase order numbers."""
    seen: set[str] = set()
    quiet = context.quiet_period

    async def ask(window: ChangeWindow, cursor: str | None) -> OrderPage:
        return await context.walmart.list_orders(account, window, cursor)

    async for page in paginate.pages(ask, ChangeWindow.up_to(context.now(), since)):
        numbers = [each.purchase_order_id for each in page.orders]
        async with context.transaction() as connection:
            ids = await reconciliations.known(connection, account.store_id, numbers)
            known = await repository.load_many(connection, account.store_id, list(ids.values()))
            at = await rate_limits.now(connection)
        for snapshot in page.orders:
            number = snapshot.purchase_order_id
            if number in seen:
                continue
            seen.add(number)
            report.orders += 1
            if number not in ids:
                if context.age_limits.passes_order(snapshot, context.now()):
                    continue
                _report(report, number, None, [drift.of_order(Cause.ORDER_UNKNOWN_HERE)])
            elif any(map(drift.is_drift, drift.compare(known[ids[number]], snapshot, at, quiet))):
                await _mend_or_report(context, account, (number, ids[number]), report)
        for number in filter(None, page.unreadable):
            seen.add(number)
            ordered_at = page.ended.get(number)
            # One that is stored is compared by reading it; here it would be new.
            if context.age_limits.passes_ended(ordered_at, context.now()):
                continue
            _report(report, number, None, [drift.of_order(Cause.ORDER_UNREADABLE)])
    return seen


async def _not_listed(
    context: AppContext,
    account: SellerCredentials,
    since: datetime,
    seen: set[str],
    report: ReconcileReport,
) -> None:
    """Read our changed orders that Walmart's list does not contain, one by one."""
    after: UUID | None = None
    while True:
        async with context.transaction() as connection:
            ids = await reconciliations.changed(connection, account.store_id, since, after, _PAGE)
            found = await repository.load_many(connection, account.store_id, ids)
        if not ids:
            return
        for order_id in ids:
            if found[order_id].purchase_order_id not in seen:
                report.orders += 1
                number = found[order_id].purchase_order_id
                await _mend_or_report(context, account, (number, order_id), report)
        after = ids[-1]


async def _mend_or_report(
    context: AppContext,
    account: SellerCredentials,
    key: tuple[str, UUID],
    report: ReconcileReport,
) -> None:
    """Repair an order; one that cannot be read is reported and does not stop the others."""
    number, order_id = key
    try:
        await mend(context, account, order_id, report)
    except errors.WalmartError as error:
        report.unread += 1
        if errors.is_about_all(error) or report.unread > paginate.MOST_UNREAD:
            raise
        _report(report, number, order_id, [drift.of_order(Cause.ORDER_UNREADABLE)])


async def mend(
    context: AppContext,
    account: SellerCredentials,
    order_id: UUID,
    report: ReconcileReport,
    *,
    reader: WalmartReader = UNLIMITED,
) -> bool:
    """Read one order and repair ours where that is safe; adds findings to the report.

    False means that a poller or request works on the order: read it again later. Raises
    WalmartError.
    """
    async with context.transaction() as connection:
        basis = (await repository.load_many(connection, account.store_id, [order_id]))[order_id]
        # mutation: reconcile-read-clock
        read_at = await rate_limits.now(connection)
    if basis.sending:
        return False
    try:
        answer = await reader.read_order(context, account, basis.purchase_order_id)
    except errors.NotFound:
        missing = [drift.of_order(Cause.ORDER_UNKNOWN_AT_WALMART)]
        async with context.transaction() as connection:
            await reader.check(connection)
            await record_drift.record(connection, context, basis, missing, mended=False)
        _report(report, basis.purchase_order_id, order_id, missing)
        return True
    # mutation: reconcile-read-start
    if answer.order is None:
        return True
    async with context.transaction() as connection:
        # mutation: repair-under-import-lease
        await reader.check(connection)
        order = await repository.lock(connection, order_id)
        compared = drift.compare(order, answer.order, read_at, context.quiet_period)
        found = [each for each in compared if drift.is_drift(each)]
        if not found:
            return True
        # mutation: outdated-snapshot
        if order.sending or not settlement.still_holds(basis, order):
            # What is stored is newer than the read.
            return False
        observed = SettlementInput(order, answer.order, read_at)
        turns = await settlement.settle(connection, observed, context.new_id)
        await updates.activate_next(connection, turns)
        await record_drift.record(connection, context, order, found, mended=True)
    _report(report, order.purchase_order_id, order_id, found, believed=True)
    context.wake()
    return True


def _report(
    report: ReconcileReport,
    number: str,
    order_id: UUID | None,
    found: Sequence[Drift],
    *,
    believed: bool = False,
) -> None:
    for each in found:
        mended = believed and each.repair is not drift.Repair.PERSON
        report.findings.append(ReconcileFinding(number, order_id, each, mended))
