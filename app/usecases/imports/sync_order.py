"""A look at one order: read from Walmart, written where nobody knew it, mended where it differs."""

from dataclasses import dataclass

from app.usecases.context import Desk
from app.usecases.imports import import_orders_page, reconcile
from app.usecases.imports.reconcile import Report
from app.usecases.walmart_reader import FREE, Hold
from app.walmart.credentials import Account


@dataclass(frozen=True, slots=True)
class Look:
    """What a look came to. settled False: somebody is at work on the order; look again later."""

    imported: bool = False
    changed: bool = False
    settled: bool = True


async def look(desk: Desk, account: Account, number: str, *, hold: Hold = FREE) -> Look:
    """Look at an order by its number. Raises WalmartError, NotFound among them."""
    answer = await hold.read_order(desk, account, number)
    shown = [answer.order] if answer.order is not None else []
    page = await import_orders_page.import_page(desk, account.store_id, shown, (), hold=hold)
    settled = True
    for order_id in page.differing:
        report = Report(account.store_id)
        settled = await reconcile.mend(desk, account, order_id, report, hold=hold)
    return Look(bool(page.imported), bool(page.differing), settled)
