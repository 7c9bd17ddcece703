"""A look at one order: read from Walmart, written where nobody knew it, mended where it differs."""

from dataclasses import dataclass

from app.usecases.context import AppContext
from app.usecases.imports import import_orders_page, reconcile
from app.usecases.imports.reconcile import ReconcileReport
from app.usecases.walmart_reader import UNLIMITED, WalmartReader
from app.walmart.credentials import SellerCredentials


@dataclass(frozen=True, slots=True)
class SyncedOrder:
    """What a look came to. settled False: somebody is at work on the order; look again later."""

    imported: bool = False
    changed: bool = False
    settled: bool = True


async def sync_order(
    context: AppContext, account: SellerCredentials, number: str, *, hold: WalmartReader = UNLIMITED
) -> SyncedOrder:
    """Look at an order by its number. Raises WalmartError, NotFound among them."""
    answer = await hold.read_order(context, account, number)
    shown = [answer.order] if answer.order is not None else []
    page = await import_orders_page.import_page(context, account.store_id, shown, (), hold=hold)
    settled = True
    for order_id in page.differing:
        report = ReconcileReport(account.store_id)
        settled = await reconcile.mend(context, account, order_id, report, hold=hold)
    return SyncedOrder(bool(page.imported), bool(page.differing), settled)
