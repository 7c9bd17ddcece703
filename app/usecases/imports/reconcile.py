"""Reconcile: our view of a store's recent orders against Walmart's, per line; mend what is safe.

Walmart's list is the screen: an order that seems to differ is read by itself before anything
is written, exactly as a refresh does, so that no picture is believed that is older than what
we know. Units that Walmart shows no more, and orders that only one side knows, are left to a
person.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from app.domain.errors import OrderError
from app.domain.orders import drift
from app.domain.orders.drift import Cause, Drift
from app.storage import rate_limits
from app.storage.imports import reconciliations
from app.storage.orders import repository
from app.storage.outbox import updates
from app.storage.recording import settlement
from app.storage.recording.settlement import SettlementInput
from app.usecases.context import AppContext
from app.usecases.imports import paginate
from app.usecases.orders import record_drift
from app.usecases.orders.refresh import busy
from app.usecases.walmart_reader import UNLIMITED, WalmartReader
from app.walmart import errors
from app.walmart.client import ChangeWindow, OrderPage
from app.walmart.credentials import SellerCredentials

RECENT = timedelta(hours=24)
_PAGE = 200
# Orders that cannot be read; with more of them it is Walmart that cannot be.
_MOST_UNREAD = 10


@dataclass(frozen=True, slots=True)
class ReconcileFinding:
    """A difference; mended: the order was brought in line with Walmart's word."""

    purchase_order_id: str
    order_id: UUID | None
    drift: Drift
    mended: bool


@dataclass(slots=True)
class ReconcileReport:
    """A store's run. stopped: why it broke off, None where it came to its end."""

    store_id: int
    orders: int = 0
    # That could not be read by themselves.
    unread: int = 0
    findings: list[ReconcileFinding] = field(default_factory=list)
    stopped: str | None = None

    @property
    def left(self) -> Sequence[ReconcileFinding]:
        """What a person has to look at."""
        return [each for each in self.findings if not each.mended]

    @property
    def tally(self) -> reconciliations.ReconcileTotals:
        """The run in numbers."""
        causes = Counter(each.drift.cause.value for each in self.left)
        repaired = len(self.findings) - len(self.left)
        return reconciliations.ReconcileTotals(self.orders, repaired, causes, self.stopped)


async def reconcile(
    context: AppContext, store_id: int, since: datetime, *, every: float = 0.0
) -> ReconcileReport | None:
    """Compare and mend what changed since then; None where another run is at it, or just was.

    Raises NotAvailable while the database is away; Walmart's trouble ends the run politely.
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
        report.stopped = f"Walmart cannot be asked on: {error}"
    except OrderError as error:
        report.stopped = str(error)
    async with context.transaction() as connection:
        await reconciliations.end(connection, store_id, report.tally)
    return report


async def due(context: AppContext, every: float) -> list[int]:
    """Stores whose last run is that many seconds ago."""
    async with context.transaction() as connection:
        return await reconciliations.due(connection, every)


async def _listed(
    context: AppContext, account: SellerCredentials, since: datetime, report: ReconcileReport
) -> set[str]:
    """Go through Walmart's list; answers the purchase orders on it."""
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
                _tell(report, number, None, [drift.whole(Cause.ORDER_UNKNOWN_HERE)])
            elif any(map(drift.is_drift, drift.compare(known[ids[number]], snapshot, at, quiet))):
                await _mended(context, account, (number, ids[number]), report)
        for number in filter(None, page.unreadable):
            seen.add(number)
            _tell(report, number, None, [drift.whole(Cause.ORDER_UNREADABLE)])
    return seen


async def _not_listed(
    context: AppContext,
    account: SellerCredentials,
    since: datetime,
    seen: set[str],
    report: ReconcileReport,
) -> None:
    """Read orders of ours by themselves that changed here and not on Walmart's list."""
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
                await _mended(context, account, (number, order_id), report)
        after = ids[-1]


async def _mended(
    context: AppContext,
    account: SellerCredentials,
    place: tuple[str, UUID],
    report: ReconcileReport,
) -> None:
    """Mend an order; one that cannot be read is left to a person and does not stop the others."""
    number, order_id = place
    try:
        await mend(context, account, order_id, report)
    except errors.WalmartError as error:
        report.unread += 1
        if errors.is_about_all(error) or report.unread > _MOST_UNREAD:
            raise
        _tell(report, number, order_id, [drift.whole(Cause.ORDER_UNREADABLE)])


async def mend(
    context: AppContext,
    account: SellerCredentials,
    order_id: UUID,
    report: ReconcileReport,
    *,
    hold: WalmartReader = UNLIMITED,
) -> bool:
    """Read one order, and bring ours in line where that is safe; the report tells what was found.

    Answers False where somebody is at work on the order: the next look has to find it. Raises
    WalmartError.
    """
    async with context.transaction() as connection:
        basis = (await repository.load_many(connection, account.store_id, [order_id]))[order_id]
        read_at = await rate_limits.now(connection)
    if busy(basis):
        return False
    try:
        answer = await hold.read_order(context, account, basis.purchase_order_id)
    except errors.NotFound:
        missing = [drift.whole(Cause.ORDER_UNKNOWN_AT_WALMART)]
        async with context.transaction() as connection:
            await hold.check(connection)
            await record_drift.record(connection, context, basis, missing, mended=False)
        _tell(report, basis.purchase_order_id, order_id, missing)
        return True
    if answer.order is None:
        return True
    async with context.transaction() as connection:
        await hold.check(connection)
        order = await repository.lock(connection, order_id)
        compared = drift.compare(order, answer.order, read_at, context.quiet_period)
        found = [each for each in compared if drift.is_drift(each)]
        if not found:
            return True
        if busy(order) or not settlement.still_holds(basis, order):
            # What we know now is newer than what was read.
            return False
        picture = SettlementInput(order, answer.order, read_at)
        turns = await settlement.settle(connection, picture, context.new_id)
        await updates.activate_next(connection, turns)
        await record_drift.record(connection, context, order, found, mended=True)
    _tell(report, order.purchase_order_id, order_id, found, believed=True)
    context.wake()
    return True


def _tell(
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
