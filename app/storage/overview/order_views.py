"""Orders as people see them, with all that belongs to them."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app.orders.order import ACKNOWLEDGE_WITHIN, FulfillmentStatus, Line, Money, sync_state
from app.orders.update import DUE, OPEN, UNRESOLVED, Kind, State
from app.storage.database import Connection
from app.storage.overview import lane_views, places, return_views, shipment_views, update_views
from app.storage.overview.lane_views import Stop
from app.storage.overview.places import Place
from app.storage.tables import order_lines, stores
from app.storage.tables import orders as table
from app.storage.views import (
    CancellationView,
    OrderView,
    ShipmentView,
    StatusDetail,
    SyncView,
    UpdateView,
)

_UNSHIPPED = (FulfillmentStatus.OPEN, FulfillmentStatus.PARTIALLY_SHIPPED)


async def order(connection: Connection, store_id: int, order_id: UUID) -> OrderView | None:
    """One order."""
    statement = select().where(table.c.store_id == store_id, table.c.id == order_id)
    rows = (await connection.execute(statement)).mappings().all()
    found = await views(connection, rows)
    return found[0] if found else None


async def exists(connection: Connection, store_id: int, order_id: UUID) -> bool:
    """Whether there is such an order."""
    statement = sa.select(table.c.id).where(table.c.store_id == store_id, table.c.id == order_id)
    return (await connection.execute(statement)).first() is not None


async def by_commerce_id(
    connection: Connection, store_id: int, commerce_order_id: int
) -> UUID | None:
    """The order that became a Commerce order; of several the newest, as Commerce edits orders."""
    statement = (
        sa.select(table.c.id)
        .where(table.c.store_id == store_id, table.c.commerce_order_id == commerce_order_id)
        .order_by(table.c.id.desc())
        .limit(1)
    )
    return (await connection.execute(statement)).scalar_one_or_none()


async def by_numbers(
    connection: Connection, store_id: int, numbers: Sequence[str]
) -> list[tuple[str, UUID]]:
    """Orders that bear one of these numbers, Walmart's or Commerce's; each with that number."""
    found: list[tuple[str, UUID]] = []
    for column in (table.c.purchase_order_id, table.c.commerce_order_number):
        statement = sa.select(column, table.c.id).where(
            table.c.store_id == store_id, column.in_(numbers)
        )
        found += [(row[0], row[1]) for row in await connection.execute(statement)]
    return found


def select() -> sa.Select[Any]:
    """Orders with the id of their store: the rows that `views` takes."""
    late = table.c.ship_by < sa.func.now()
    return sa.select(table, late.label("late"), stores.c.id.label("store_uuid")).select_from(
        table.join(stores, stores.c.store_id == table.c.store_id)
    )


async def views(connection: Connection, rows: Sequence[sa.RowMapping]) -> list[OrderView]:
    """Views of some orders: six more statements, however many orders and stores there are."""
    asked = [(row["store_id"], row["id"]) for row in rows]
    if not asked:
        return []
    lines = await _lines(connection, asked)
    read = await shipment_views.read(connection, asked)
    known = await update_views.of_orders(connection, asked)
    sent = shipment_views.shipments_of(read.shipments, known)
    canceled = shipment_views.cancellations_of(read.cancellations, known)
    returned = await return_views.counts(connection, rows)
    stopped = await lane_views.stops(connection, {store_id for store_id, _ in asked})
    return [
        _view(
            row,
            lines=lines[row["id"]],
            known=known[row["id"]],
            sent=sent.get(row["id"], []),
            cancellation=canceled.get(row["id"]),
            stopped=stopped.get(row["store_id"], []),
            returns=returned.get(row["id"], 0),
        )
        for row in rows
    ]


async def _lines(connection: Connection, asked: Sequence[Place]) -> dict[UUID, list[Line]]:
    statement = (
        sa.select(order_lines)
        .select_from(order_lines.join(*places.of(asked, order_lines)))
        .order_by(order_lines.c.order_id, order_lines.c.position)
    )
    found: dict[UUID, list[Line]] = {order_id: [] for _, order_id in asked}
    for row in (await connection.execute(statement)).mappings():
        found[row["order_id"]].append(_line(row))
    return found


def _line(row: sa.RowMapping) -> Line:
    price = row["unit_price"]
    return Line(
        line_number=row["line_number"],
        sku=row["sku"],
        ordered=row["ordered"],
        pending=row["pending"],
        shipped=row["shipped"],
        canceled=row["canceled"],
        refunded=row["refunded"],
        name=row["name"],
        commerce_item_id=row["commerce_item_id"],
        unit_price=Money(price, row["currency"]) if price is not None else None,
    )


def _view(
    row: sa.RowMapping,
    *,
    lines: Sequence[Line],
    known: Sequence[UpdateView],
    sent: Sequence[ShipmentView],
    cancellation: CancellationView | None,
    stopped: Sequence[Stop],
    returns: int,
) -> OrderView:
    details = [update.status_detail for update in known if update.status_detail is not None]
    told = {detail.code for detail in details}
    details += _unread(row)
    details += _warnings(row)
    details += [each for each in lane_views.of_order(stopped, known) if each.code not in told]
    return OrderView(
        id=row["id"],
        store_id=row["store_uuid"],
        purchase_order_id=row["purchase_order_id"],
        customer_order_id=row["customer_order_id"],
        commerce_order_number=row["commerce_order_number"],
        commerce_order_id=row["commerce_order_id"],
        status=row["status"],
        fulfillment_status=row["fulfillment_status"],
        sync=_sync(known, row["last_synced_at"]),
        status_details=details,
        cancel_requested=row["cancel_requested"],
        returns=returns,
        ordered_at=row["ordered_at"],
        ship_by=row["ship_by"],
        deliver_by=row["deliver_by"],
        ship_method=row["ship_method"],
        fulfilled_by=row["fulfilled_by"],
        acknowledge_by=_acknowledge_by(row["ordered_at"], known),
        item_count=sum(line.ordered for line in lines),
        order_value=_value(lines),
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        lines=lines,
        shipments=sent,
        cancellation=cancellation,
    )


def _acknowledge_by(ordered_at: datetime | None, known: Sequence[UpdateView]) -> datetime | None:
    """Until when Walmart wants to be told that the order was received, while it is not."""
    waits = any(
        update.kind == Kind.ACKNOWLEDGEMENT and State(update.state) in UNRESOLVED
        for update in known
    )
    return ordered_at + ACKNOWLEDGE_WITHIN if waits and ordered_at is not None else None


def _unread(row: sa.RowMapping) -> list[StatusDetail]:
    """Why nothing but the order's number is known."""
    error = row["import_error"]
    return [] if error is None else [update_views.import_detail(error)]


def _warnings(row: sa.RowMapping) -> list[StatusDetail]:
    """What people should know before it costs them; no fault of any update."""
    if row["ship_by_warned_at"] is None or row["fulfillment_status"] not in _UNSHIPPED:
        return []
    by = row["ship_by"].strftime("%Y-%m-%d %H:%M UTC")
    late = f"Units should have left by {by}; Walmart may count it as late or cancel it."
    return [
        StatusDetail(
            code="ship_by_passed" if row["late"] else "ship_by_near",
            origin="commerce",
            operation="shipment",
            update_id=None,
            message=late if row["late"] else f"Units that are not shipped must leave by {by}.",
            field=None,
            suggestion="Ship what remains, or cancel the order.",
            retryable=False,
            occurred_at=row["ship_by_warned_at"],
        )
    ]


def _sync(known: Sequence[UpdateView], last_synced_at: datetime | None) -> SyncView:
    states = Counter(State(update.state) for update in known)
    due = [u.next_attempt_at for u in known if State(u.state) in DUE and u.next_attempt_at]
    return SyncView(
        state=sync_state(states).value,
        pending=sum(states[state] for state in OPEN),
        next_attempt_at=min(due, default=None),
        last_synced_at=last_synced_at,
    )


def _value(lines: Sequence[Line]) -> Money | None:
    prices = [line.unit_price for line in lines]
    currencies = {price.currency for price in prices if price is not None}
    if None in prices or len(currencies) != 1:
        return None
    total = sum(
        (line.unit_price.amount * line.ordered for line in lines if line.unit_price), Decimal()
    )
    return Money(total, currencies.pop())
