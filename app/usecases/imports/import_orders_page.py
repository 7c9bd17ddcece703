"""Imports a page of Walmart's order list: stores new orders, reports changed ones.

All new orders of a page are stored in one transaction of a few statements, whatever their number.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from app.domain.orders import drift
from app.domain.orders.order import Order
from app.domain.orders.order_event import OrderEvent
from app.domain.orders.settlement import lines_of
from app.domain.orders.snapshot import OrderSnapshot
from app.domain.outbox import doubt
from app.storage import rate_limits, timeline
from app.storage.commerce import updates as commerce_updates
from app.storage.imports import reconciliations
from app.storage.orders import create, repository
from app.storage.orders.create import ListedOrder
from app.storage.outbox import updates
from app.storage.postgres.database import Connection
from app.storage.recording import settlement
from app.storage.recording.settlement import SettlementInput
from app.usecases.context import AppContext
from app.usecases.imports.acknowledge import acknowledge
from app.usecases.walmart_reader import UNLIMITED, WalmartReader

_NONE: Mapping[str, datetime] = {}
UNREADABLE = {
    "code": "order_unreadable",
    "message": "Walmart lists this order, but its lines or units could not be parsed.",
    "suggestion": "Look at it in Seller Center; POST /v1/orders/import reads it again.",
}


@dataclass(frozen=True, slots=True)
class ImportedPage:
    """The result of importing a page."""

    imported: Sequence[str]
    """Purchase order numbers of new orders."""
    differing: Mapping[UUID, str]
    """Known orders that differ: purchase order numbers by our order id."""
    unreadable: int
    """How many orders of the page could not be parsed."""


async def import_page(
    context: AppContext,
    store_id: int,
    snapshots: Iterable[OrderSnapshot],
    unreadable: Sequence[str],
    *,
    ended: Mapping[str, datetime] = _NONE,
    reader: WalmartReader = UNLIMITED,
) -> ImportedPage:
    """Store new orders of a page, but for those above the age limit.

    unreadable: numbers of orders that cannot be read. ended: when those of them were ordered that
    are over.
    `mend_order.mend` repairs known ones that differ.
    """
    shown = {each.purchase_order_id: each for each in snapshots}
    bad = [number for number in dict.fromkeys(unreadable) if number and number not in shown]
    async with context.transaction() as connection:
        await reader.check(connection)
        ids = await reconciliations.known(connection, store_id, [*shown, *bad])
        now = context.now()
        fresh = [
            each
            for number, each in shown.items()
            if number not in ids and not context.age_limits.passes_order(each, now)
        ]
        blank = [
            number
            for number in bad
            if number not in ids and not context.age_limits.passes_ended(ended.get(number), now)
        ]
        imported = await _add(connection, context, store_id, fresh, blank)
        known = await repository.load_many(
            connection, store_id, [ids[number] for number in shown if number in ids]
        )
        differing = await _compare(connection, context, known.values(), shown)
    if imported:
        context.wake()
    return ImportedPage(imported, differing, len(unreadable))


async def _compare(
    connection: Connection,
    context: AppContext,
    known: Iterable[Order],
    shown: Mapping[str, OrderSnapshot],
) -> dict[UUID, str]:
    """Complete known orders of a page from its snapshots, and return those that differ."""
    differing = {}
    at = await rate_limits.now(connection)
    for order in known:
        snapshot = shown[order.purchase_order_id]
        if order.unreadable:
            await adopt(connection, context, order.id, snapshot)
            continue
        if order.ordered_at is None or order.ship_method is None:
            await create.fill_blanks(connection, order.store_id, order.id, details(snapshot))
        found = drift.compare(order, snapshot, at, context.quiet_period)
        # mutation: import-detects-changes
        if any(map(drift.is_drift, found)):
            differing[order.id] = order.purchase_order_id
    return differing


async def _add(
    connection: Connection,
    context: AppContext,
    store_id: int,
    fresh: Sequence[OrderSnapshot],
    blank: Sequence[str],
) -> list[str]:
    listed = {each.purchase_order_id: _listed(context, store_id, each) for each in fresh}
    rows = [*listed.values(), *(_blank(context, store_id, number) for number in blank)]
    added = await create.add_listed(connection, store_id, rows, timeline.WAYBILL)
    snapshots = {listed[each.purchase_order_id].id: each for each in fresh}
    written = await repository.lock_many(
        connection, [(store_id, order_id) for order_id in added if order_id in snapshots]
    )
    observed = [
        SettlementInput(order, snapshots[order_id], doubt.UNTIMED)
        for order_id, order in written.items()
    ]
    # First, so that notes about an order follow its creation in Commerce.
    await commerce_updates.enqueue_order(connection, list(written.values()), context.new_id)
    await settlement.settle_many(connection, observed, context.new_id)
    return [row.purchase_order_id for row in rows if row.id in added]


def _listed(context: AppContext, store_id: int, snapshot: OrderSnapshot) -> ListedOrder:
    if not lines_of(snapshot):
        return _blank(context, store_id, snapshot.purchase_order_id)
    # mutation: walmart-fulfilled-orders
    waits = snapshot.created and not snapshot.fulfilled_by_walmart
    return ListedOrder(
        id=context.new_id(store_id),
        event=context.new_id(store_id),
        purchase_order_id=snapshot.purchase_order_id,
        details=details(snapshot),
        lines=lines_of(snapshot),
        acknowledgement=context.new_id(store_id) if waits else None,
    )


def _blank(context: AppContext, store_id: int, number: str) -> ListedOrder:
    """An order that could not be parsed, except for its number."""
    at = context.now().isoformat().replace("+00:00", "Z")
    return ListedOrder(
        id=context.new_id(store_id),
        event=context.new_id(store_id),
        purchase_order_id=number,
        details={"fulfilled_by": repository.FULFILLED_BY_SELLER},
        error=UNREADABLE | {"occurred_at": at},
    )


def details(snapshot: OrderSnapshot) -> dict[str, Any]:
    """The columns of an order that come from a snapshot."""
    walmart = snapshot.fulfilled_by_walmart
    return {
        "customer_order_id": snapshot.customer_order_id,
        "ordered_at": snapshot.ordered_at,
        "ship_by": snapshot.ship_by,
        "deliver_by": snapshot.deliver_by,
        "ship_method": snapshot.ship_method,
        "fulfilled_by": repository.FULFILLED_BY_WALMART
        if walmart
        else repository.FULFILLED_BY_SELLER,
    }


async def adopt(
    connection: Connection, context: AppContext, order_id: UUID, snapshot: OrderSnapshot
) -> None:
    """Store the content of an order that could not be parsed before."""
    order = await repository.lock(connection, order_id)
    if not order.unreadable or not lines_of(snapshot):
        return
    store_id = order.store_id
    await create.became_readable(connection, store_id, order_id, details(snapshot))
    if snapshot.created and not snapshot.fulfilled_by_walmart:
        await acknowledge(
            connection, context, order_id, subject=order.purchase_order_id, actor=timeline.WAYBILL
        )
    await repository.add_lines(connection, store_id, order_id, lines_of(snapshot))
    readable = await repository.lock(connection, order_id)
    await commerce_updates.enqueue_order(connection, [readable], context.new_id)
    turns = await settlement.settle(
        connection, SettlementInput(readable, snapshot, doubt.UNTIMED), context.new_id
    )
    await updates.activate_next(connection, turns)
    await timeline.add(
        connection,
        store_id,
        order_id,
        timeline.TimelineEvent(OrderEvent.ORDER_IMPORTED, timeline.WAYBILL),
        context.new_id,
    )
