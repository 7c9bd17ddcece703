"""Reconciles a store's recent orders with Walmart's, line by line, and repairs what is safe.

Walmart's list finds candidates. An order that seems to differ is read by itself before anything is
written, as a refresh does, so that no read older than our knowledge is believed. A person decides
about units that Walmart no longer shows, and about orders that only one side knows.
"""

from datetime import datetime, timedelta
from uuid import UUID

from app.domain.errors import OrderError
from app.domain.orders import drift
from app.domain.orders.drift import Cause
from app.domain.seller_credentials import SellerCredentials
from app.storage import rate_limits
from app.storage.imports import reconciliations
from app.storage.orders import repository
from app.storage.postgres.surveys import survey
from app.usecases.context import AppContext
from app.usecases.imports import mend_order, paginate
from app.usecases.imports.reconcile_report import ReconcileReport
from app.walmart import errors
from app.walmart.client import ChangeWindow, OrderPage

RECENT = timedelta(hours=24)
_PAGE = 200


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
                report.add(number, None, [drift.of_order(Cause.ORDER_UNKNOWN_HERE)])
            elif any(map(drift.is_drift, drift.compare(known[ids[number]], snapshot, at, quiet))):
                await _mend_or_report(context, account, (number, ids[number]), report)
        for number in filter(None, page.unreadable):
            seen.add(number)
            ordered_at = page.ended.get(number)
            # One that is stored is compared by reading it; here it would be new.
            if context.age_limits.passes_ended(ordered_at, context.now()):
                continue
            report.add(number, None, [drift.of_order(Cause.ORDER_UNREADABLE)])
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
        await mend_order.mend(context, account, order_id, report)
    except errors.WalmartError as error:
        report.unread += 1
        if errors.is_about_all(error) or report.unread > paginate.MOST_UNREAD:
            raise
        report.add(number, order_id, [drift.of_order(Cause.ORDER_UNREADABLE)])
