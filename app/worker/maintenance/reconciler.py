"""Compares the recent orders of stores with Walmart's, one store at a time."""

import structlog

from app import logs
from app.usecases.context import AppContext
from app.usecases.imports import reconcile

_log = structlog.get_logger(__name__)


async def reconcile_stores(context: AppContext, interval: float) -> bool:
    """Reconcile the stores that are due, each every `interval` seconds; 0 turns this off."""
    if not interval:
        return False
    for store_id in await reconcile.due(context, interval):
        logs.now_about(store_id=store_id, correlation_id=None)
        since = context.now() - reconcile.RECENT
        report = await reconcile.reconcile(context, store_id, since, every=interval)
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
