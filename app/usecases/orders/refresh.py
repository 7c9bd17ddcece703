"""Refreshes an order: reads it from Walmart now and settles it with what Walmart shows."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Self
from uuid import UUID

from app.domain.errors import Conflict, Unknown, refuse
from app.domain.orders import drift, held_units, readback
from app.domain.orders.drift import Cause
from app.domain.orders.order import Order
from app.domain.orders.order_event import OrderEvent
from app.domain.orders.snapshot import OrderSnapshot
from app.domain.outbox import doubt
from app.storage import idempotency, queries, rate_limits, timeline
from app.storage.idempotency import IdempotentRequest
from app.storage.orders import repository
from app.storage.outbox import updates
from app.storage.postgres.database import Connection
from app.storage.queries.views import OrderView, View
from app.storage.recording import settlement
from app.storage.recording.settlement import SettlementInput
from app.usecases import read_order
from app.usecases.context import AppContext
from app.usecases.orders import record_drift
from app.usecases.walmart_reader import UNLIMITED, WalmartReader


@dataclass(frozen=True, slots=True)
class UnitsAtWalmart(View):
    """Units of a line with the same status and package at Walmart."""

    status: str
    """Created, Acknowledged, Shipped, Delivered, Cancelled, Refund, or Other for any other."""
    quantity: int
    carrier: str | None
    tracking_number: str | None


@dataclass(frozen=True, slots=True)
class LineAtWalmart(View):
    """A line of an order, as Walmart shows it."""

    line_number: str
    units: tuple[UnitsAtWalmart, ...]


@dataclass(frozen=True, slots=True)
class OrderAtWalmart(View):
    """An order, as Walmart showed it in one read."""

    read_at: datetime
    """When the read began."""
    lines: tuple[LineAtWalmart, ...]

    @classmethod
    def of(cls, snapshot: OrderSnapshot, read_at: datetime) -> Self:
        """The view of a snapshot."""
        return cls(
            read_at,
            tuple(
                LineAtWalmart(
                    line.line_number,
                    tuple(
                        UnitsAtWalmart(
                            str(each.status), each.quantity, each.carrier, each.tracking_number
                        )
                        for each in line.units
                    ),
                )
                for line in snapshot.lines.values()
            ),
        )


@dataclass(frozen=True, slots=True)
class Refreshed(View):
    """The order after a refresh."""

    refreshed: bool
    """false means that a poller is delivering an update of the order, so Walmart was not read."""
    explanation: str
    walmart: OrderAtWalmart | None
    """What Walmart showed. null means that it was not read."""
    order: OrderView


async def refresh(
    context: AppContext,
    order_id: UUID,
    *,
    actor: str,
    accept_walmart: bool = False,
    once: IdempotentRequest | None = None,
    then: Callable[[Connection], Awaitable[None]] | None = None,
    reader: WalmartReader = UNLIMITED,
) -> Refreshed:
    """Read an order from Walmart and settle ours with it.

    accept_walmart: units that Walmart does not show (any more) are taken back. then: what follows
    in the same transaction. Raises Unknown, NotAvailable walmart_unavailable, Conflict
    credentials_rejected or order_not_at_walmart, and order_in_doubt where units are to be taken
    back that may still arrive, or that a read which lags behind does not show yet.
    """
    async with context.transaction(once) as connection:
        order = await repository.lock(connection, order_id)
        if order.sending:
            return await _not_refreshed(connection, order, once)
        if accept_walmart:
            _refuse_doubt(order)
        # mutation: doubt-by-database-clock
        # mutation: refresh-read-clock
        read_at = await rate_limits.now(connection)
    snapshot = await read_order.read(context, order.store_id, order.purchase_order_id, reader)
    # mutation: refresh-read-start
    if snapshot is None:
        raise Conflict(
            "order_not_at_walmart",
            f"Walmart knows no purchase order {order.purchase_order_id} for this store.",
        )
    async with context.transaction(once) as connection:
        basis, order = order, await repository.lock(connection, order_id)
        if order.sending or not settlement.still_holds(basis, order):
            return await _not_refreshed(connection, order, once)
        if accept_walmart:
            _refuse_doubt(order)
            _refuse_lag(order, snapshot, read_at, context.quiet_period)
        seen = SettlementInput(order, snapshot, read_at, accept_walmart)
        await _settle(connection, context, seen, actor)
        refreshed = Refreshed(
            refreshed=True,
            explanation="Walmart was read just now.",
            walmart=OrderAtWalmart.of(snapshot, read_at),
            order=await view_of(connection, order),
        )
        await idempotency.store(connection, once, refreshed)
        if then is not None:
            await then(connection)
    context.wake()
    return refreshed


async def _settle(
    connection: Connection, context: AppContext, seen: SettlementInput, actor: str
) -> None:
    """Settle a locked order with a read, and write to its timeline which units were missing."""
    order, accepted = seen.order, seen.accept_walmart
    # Accepted differences are all reported, lagging ones were refused before.
    quiet = timedelta(0) if accepted else context.quiet_period
    found = drift.compare(order, seen.snapshot, seen.at, quiet)
    turns = await settlement.settle(connection, seen, context.new_id)
    lower = [each for each in found if each.cause is Cause.MISSING_AT_WALMART]
    if accepted:
        detail = {"drift": record_drift.shown(lower, mended=True)}
        event = timeline.TimelineEvent(OrderEvent.WALMART_ACCEPTED, actor, detail=detail)
    else:
        await record_drift.record(connection, context, order, lower, mended=False)
        event = timeline.TimelineEvent(OrderEvent.ORDER_REFRESHED, actor)
    await timeline.add(connection, order.store_id, order.id, event, context.new_id)
    await updates.activate_next(connection, turns)


def _refuse_doubt(order: Order) -> None:
    """Raise Conflict while a write of the order to Walmart is in doubt.

    A write to Commerce changes no unit at Walmart (decision 0025).
    """
    # mutation: take-back-beside-commerce-note
    doubtful = [task for task in order.walmart_tasks if task.in_doubt_until is not None]
    # mutation: take-back-during-doubt
    if doubtful:
        message = "Nothing is taken back while a write may still take effect."
        refuse([held_units.refusal("order_in_doubt", message, doubtful)])


def _refuse_lag(order: Order, snapshot: OrderSnapshot, read_at: datetime, quiet: timedelta) -> None:
    """Raise Conflict if the read shows less of an update than was just confirmed."""
    for task in order.walmart_tasks:
        if task.confirmed_at is None or task.confirmed_at <= read_at - quiet:
            continue
        shown = readback.read(order, task, snapshot).shown
        # mutation: take-back-by-lagging-read
        if any(shown[item.line_number] < item.confirmed for item in task.items):
            message = doubt.read_lag_message(task.update_id, task.confirmed_at + quiet)
            raise Conflict("order_in_doubt", message)


async def view_of(connection: Connection, order: Order) -> OrderView:
    """The order as the API shows it. Raises Unknown if it is gone."""
    view = await queries.order(connection, order.store_id, order.id)
    if view is None:
        raise Unknown("order", order.id)
    return view


async def _not_refreshed(
    connection: Connection, order: Order, once: IdempotentRequest | None
) -> Refreshed:
    refreshed = Refreshed(
        refreshed=False,
        explanation="An update is being delivered, or was just now; this is the stored state.",
        walmart=None,
        order=await view_of(connection, order),
    )
    await idempotency.store(connection, once, refreshed)
    return refreshed
