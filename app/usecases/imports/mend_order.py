"""Reads one order from Walmart, and repairs ours where that is safe."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from app.domain.orders import drift
from app.domain.orders.drift import Cause, Drift
from app.domain.orders.order import Order
from app.domain.orders.snapshot import OrderSnapshot
from app.domain.seller_credentials import SellerCredentials
from app.storage import rate_limits
from app.storage.orders import repository
from app.storage.outbox import updates
from app.storage.recording import settlement
from app.storage.recording.settlement import SettlementInput
from app.usecases.context import AppContext
from app.usecases.imports.reconcile_report import ReconcileReport
from app.usecases.orders import record_drift
from app.usecases.walmart_reader import UNLIMITED, WalmartReader
from app.walmart import errors


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
        report.add(basis.purchase_order_id, order_id, missing)
        return True
    # mutation: reconcile-read-start
    if answer.order is None:
        return True
    found = await _repair(context, basis, answer.order, read_at, reader)
    if found is None:
        return False
    if found:
        report.add(basis.purchase_order_id, order_id, found, believed=True)
        context.wake()
    return True


async def _repair(
    context: AppContext,
    basis: Order,
    snapshot: OrderSnapshot,
    read_at: datetime,
    reader: WalmartReader,
) -> Sequence[Drift] | None:
    """Settle an order with a read, and return how it differed.

    None means that what is stored may be newer than the read, so that nothing is changed.
    """
    async with context.transaction() as connection:
        # mutation: repair-under-import-lease
        await reader.check(connection)
        order = await repository.lock(connection, basis.id)
        compared = drift.compare(order, snapshot, read_at, context.quiet_period)
        found = [each for each in compared if drift.is_drift(each)]
        if not found:
            return found
        # mutation: outdated-snapshot
        if order.sending or not settlement.still_holds(basis, order):
            return None
        observed = SettlementInput(order, snapshot, read_at)
        turns = await settlement.settle(connection, observed, context.new_id)
        await updates.activate_next(connection, turns)
        await record_drift.record(connection, context, order, found, mended=True)
    return found
