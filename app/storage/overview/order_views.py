"""Orders as people see them: one, a page of them, or counted by status."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app.orders.order import ERROR, FulfillmentStatus, Line, Money, sync_state
from app.orders.update import DUE, OPEN, State
from app.storage.database import Connection
from app.storage.overview import search, shipment_views, update_views
from app.storage.overview.paging import After, Page, cut
from app.storage.tables import order_lines, stores
from app.storage.tables import orders as table
from app.storage.views import OrderView, ShipmentView, SyncView, UpdateView

_UNSHIPPED = sa.text("fulfillment_status IN ('open', 'partially_shipped')")
_STATUSES = (*(status.value for status in FulfillmentStatus), ERROR)


@dataclass(frozen=True, slots=True)
class OrderFilter:
    """Which orders to list; None filters nothing. Times are aware.

    ship_before: only orders with unshipped units, the soonest ship-by first. updated_since:
    in the order of their last change, so that a reader can go on where it stopped.
    """

    store_id: int | None = None
    status: str | None = None
    q: str | None = None
    updated_since: datetime | None = None
    ship_before: datetime | None = None


async def order(connection: Connection, store_id: int, order_id: UUID) -> OrderView | None:
    """One order."""
    statement = _select().where(table.c.store_id == store_id, table.c.id == order_id)
    rows = (await connection.execute(statement)).mappings().all()
    found = await _views(connection, rows)
    return found[0] if found else None


async def exists(connection: Connection, store_id: int, order_id: UUID) -> bool:
    """Whether there is such an order."""
    statement = sa.select(table.c.id).where(table.c.store_id == store_id, table.c.id == order_id)
    return (await connection.execute(statement)).first() is not None


async def orders(
    connection: Connection, wanted: OrderFilter, page: Page
) -> tuple[list[OrderView], After | None]:
    """A page of orders."""
    key, ascending = _sorting(wanted)
    statement = _select()
    for condition in _conditions(wanted):
        statement = statement.where(condition)
    if page.after is not None:
        value, identifier = datetime.fromisoformat(page.after[0]), UUID(page.after[1])
        place = sa.tuple_(key, table.c.id)
        behind = place > (value, identifier) if ascending else place < (value, identifier)
        statement = statement.where(behind)
    direction = sa.asc if ascending else sa.desc
    statement = statement.order_by(direction(key), direction(table.c.id)).limit(page.limit + 1)
    found: Sequence[Any] = (await connection.execute(statement)).mappings().all()
    rows, more = cut(found, page.limit)
    after = (_sort_value(wanted, rows[-1]).isoformat(), str(rows[-1]["id"])) if more else None
    return await _views(connection, rows), after


# An order whose date nobody knows comes last among the newest first.
_NEVER = datetime.fromisoformat("0001-01-01T00:00:00+00:00")
_ORDERED = sa.func.coalesce(table.c.ordered_at, sa.literal(_NEVER, sa.DateTime(timezone=True)))


def _sorting(wanted: OrderFilter) -> tuple[sa.ColumnElement[Any], bool]:
    if wanted.updated_since is not None:
        return table.c.updated_at, True
    if wanted.ship_before is not None:
        return table.c.ship_by, True
    return _ORDERED, False


def _sort_value(wanted: OrderFilter, row: sa.RowMapping) -> datetime:
    if wanted.updated_since is not None:
        name = "updated_at"
    else:
        name = "ship_by" if wanted.ship_before is not None else "ordered_at"
    value: datetime = row[name] or _NEVER
    return value


def _conditions(wanted: OrderFilter) -> list[sa.ColumnElement[bool]]:
    conditions: list[Any] = []
    if wanted.store_id is not None:
        conditions.append(table.c.store_id == wanted.store_id)
    if wanted.status is not None:
        conditions.append(table.c.status == wanted.status)
    if wanted.updated_since is not None:
        conditions.append(table.c.updated_at >= wanted.updated_since)
    if wanted.ship_before is not None:
        conditions += [_UNSHIPPED, table.c.ship_by < wanted.ship_before]
    if wanted.q is not None:
        conditions.append(search.matches(wanted.q))
    return conditions


async def summary(connection: Connection, store_id: int | None) -> dict[str, int]:
    """How many orders are in each status, of one store or of all, and in total."""
    statement = sa.select(table.c.status, sa.func.count()).group_by(table.c.status)
    if store_id is not None:
        statement = statement.where(table.c.store_id == store_id)
    counted = {row[0]: row[1] for row in await connection.execute(statement)}
    counts = {status: counted.get(status, 0) for status in _STATUSES}
    return counts | {"total": sum(counts.values())}


def _select() -> sa.Select[Any]:
    return sa.select(table, stores.c.id.label("store_uuid")).select_from(
        table.join(stores, stores.c.store_id == table.c.store_id)
    )


async def _views(connection: Connection, rows: Sequence[sa.RowMapping]) -> list[OrderView]:
    by_store: dict[int, list[UUID]] = defaultdict(list)
    for row in rows:
        by_store[row["store_id"]].append(row["id"])
    parts: dict[UUID, dict[str, Any]] = {}
    for store_id, ids in by_store.items():
        lines = await _lines(connection, store_id, ids)
        known = await update_views.of_orders(connection, store_id, ids)
        sent = await shipment_views.shipments_of(connection, store_id, ids, known)
        canceled = await shipment_views.cancellations_of(connection, store_id, ids, known)
        for each in ids:
            parts[each] = {
                "lines": lines[each],
                "known": known[each],
                "sent": sent[each],
                "cancellation": canceled.get(each),
            }
    return [_view(row, **parts[row["id"]]) for row in rows]


async def _lines(
    connection: Connection, store_id: int, ids: Sequence[UUID]
) -> dict[UUID, list[Line]]:
    statement = (
        sa.select(order_lines)
        .where(order_lines.c.store_id == store_id, order_lines.c.order_id.in_(ids))
        .order_by(order_lines.c.order_id, order_lines.c.position)
    )
    found: dict[UUID, list[Line]] = {order_id: [] for order_id in ids}
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
    cancellation: Any,  # noqa: ANN401 - a CancellationView or None
) -> OrderView:
    details = [update.status_detail for update in known if update.status_detail is not None]
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
        ordered_at=row["ordered_at"],
        ship_by=row["ship_by"],
        deliver_by=row["deliver_by"],
        ship_method=row["ship_method"],
        item_count=sum(line.ordered for line in lines),
        order_value=_value(lines),
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        lines=lines,
        shipments=sent,
        cancellation=cancellation,
    )


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
