"""Sync one order from Walmart: import it if it is new, repair it if it differs."""

from dataclasses import dataclass

from app.domain.seller_credentials import SellerCredentials
from app.usecases.context import AppContext
from app.usecases.imports import import_orders_page, mend_order
from app.usecases.imports.reconcile_report import ReconcileReport
from app.usecases.walmart_reader import UNLIMITED, WalmartReader


@dataclass(frozen=True, slots=True)
class SyncedOrder:
    """The result of a sync."""

    imported: bool = False
    changed: bool = False
    settled: bool = True
    """False means that a poller or request works on the order: sync it again later."""


async def sync_order(
    context: AppContext,
    account: SellerCredentials,
    number: str,
    *,
    reader: WalmartReader = UNLIMITED,
) -> SyncedOrder:
    """Sync an order by its purchase order number. Raises WalmartError, NotFound among them."""
    answer = await reader.read_order(context, account, number)
    shown = [answer.order] if answer.order is not None else []
    page = await import_orders_page.import_page(context, account.store_id, shown, (), reader=reader)
    settled = True
    for order_id in page.differing:
        report = ReconcileReport(account.store_id)
        settled = await mend_order.mend(context, account, order_id, report, reader=reader)
    return SyncedOrder(bool(page.imported), bool(page.differing), settled)
