"""Reads orders into views, with their lines, shipments, cancellation and status details."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from app.domain.orders import fixes, order_links
from app.domain.orders.order import (
    ACKNOWLEDGE_WITHIN,
    FulfillmentStatus,
    OrderLine,
    SyncState,
    sync_state,
)
from app.domain.update import AT_REST, DUE, OPEN, UNRESOLVED, Kind, State
from app.storage.orders.repository import OrderKey
from app.storage.postgres import sql
from app.storage.postgres.query import Reader
from app.storage.postgres.session import Row
from app.storage.postgres.sharding import ShardedQuery, of_one
from app.storage.postgres.sql import Statement
from app.storage.queries import (
    commerce_event_views,
    lane_views,
    order_line_views,
    orders_by_id,
    shipment_views,
    update_views,
)
from app.storage.queries.lane_views import StoppedLane
from app.storage.queries.views import (
    CancellationView,
    CancelRequestedView,
    FixView,
    OrderLinksView,
    OrderView,
    ReturnRequestedView,
    ShipmentView,
    StatusDetail,
    SyncView,
    UpdateView,
)
from app.storage.tables import orders as table

_UNSHIPPED = (FulfillmentStatus.OPEN, FulfillmentStatus.PARTIALLY_SHIPPED)

ROWS = sql.read(
    "queries/order_columns.sql",
    columns=", ".join(f"t.{each.name}" for each in table.c),
    open_returns=orders_by_id.OPEN_RETURNS,
)
"""What `views` needs of an order t and its store s; a sharding template."""
_ORDER = Statement(of_one(sql.read("queries/read_order.sql", rows=ROWS)))
_ORDERS = ShardedQuery(sql.read("queries/list_orders.sql", rows=ROWS))


async def order(reader: Reader, store_id: int, order_id: UUID) -> OrderView | None:
    """One order."""
    rows = await _ORDER.fetch(reader, {"store_id": store_id, "id": order_id})
    found = await views(reader, rows)
    return found[0] if found else None


async def orders(reader: Reader, keys: Sequence[OrderKey]) -> list[OrderView]:
    """Orders, in the order of the keys."""
    # Where tables are sharded, the rows are those of one store after the other.
    rows = {row["id"]: row for row in await orders_by_id.rows(_ORDERS, reader, keys)}
    return await views(reader, [rows[each] for _, each in keys if each in rows])


async def views(reader: Reader, rows: Sequence[Row]) -> list[OrderView]:
    """The views of rows of ROWS.

    Three more statements, however many orders and stores there are; five if an order was canceled
    and one has an update that is due.
    """
    keys = [(row["store_id"], row["id"]) for row in rows]
    if not keys:
        return []
    lines = await order_line_views.lines(reader, keys)
    with_cancellation = [(row["store_id"], row["id"]) for row in rows if row["canceled"]]
    shipped, canceled = await shipment_views.rows(reader, keys, with_cancellation)
    updates = await update_views.of_orders(reader, keys)
    shipments = shipment_views.shipments_of(shipped, updates)
    cancellations = shipment_views.cancellations_of(canceled, updates)
    waiting = {key for key in keys if any(each.state in DUE for each in updates[key[1]])}
    stopped = await lane_views.stops(reader, {store_id for store_id, _ in waiting})
    # Few orders have open events, so most pages need no statement for them.
    with_events = [(row["store_id"], row["id"]) for row in rows if row["commerce_open"] is not None]
    events = await commerce_event_views.details(reader, with_events)
    return [
        _view(
            row,
            lines=lines[row["id"]],
            updates=updates[row["id"]],
            shipments=shipments.get(row["id"], []),
            cancellation=cancellations.get(row["id"]),
            stopped=stopped.get(row["store_id"], []),
            events=events.get(row["id"], ()),
        )
        for row in rows
    ]


def _view(
    row: Row,
    *,
    lines: Sequence[OrderLine],
    updates: Sequence[UpdateView],
    shipments: Sequence[ShipmentView],
    cancellation: CancellationView | None,
    stopped: Sequence[StoppedLane],
    events: Sequence[StatusDetail],
) -> OrderView:
    details = [
        each
        for update in updates
        if update.status_detail is not None
        for each in (update.line_details or (update.status_detail,))
    ]
    codes = {detail.code for detail in details}
    details += [*_unread(row), *events, *_warnings(row)]
    details += [each for each in lane_views.of_order(stopped, updates) if each.code not in codes]
    return OrderView(
        id=row["id"],
        store_id=row["store_uuid"],
        purchase_order_id=row["purchase_order_id"],
        customer_order_id=row["customer_order_id"],
        commerce_order_number=row["commerce_order_number"],
        commerce_order_id=row["commerce_order_id"],
        status=row["status"],
        fulfillment_status=row["fulfillment_status"],
        sync=_sync(updates, row["last_synced_at"]),
        status_details=tuple(details),
        cancel_requested=_cancel_requested(row["cancel_requested"]),
        return_requested=_return_requested(row["id"], row["returns"]),
        ordered_at=row["ordered_at"],
        ship_by=row["ship_by"],
        deliver_by=row["deliver_by"],
        ship_method=row["ship_method"],
        fulfilled_by=row["fulfilled_by"],
        acknowledge_by=_acknowledge_by(row["ordered_at"], updates),
        item_count=sum(line.ordered for line in lines),
        order_value=order_line_views.value(lines),
        links=OrderLinksView(
            commerce_order=order_links.commerce_order(
                row["admin_order_url"], row["commerce_order_id"]
            ),
            seller_center=order_links.seller_center(row["market"], row["purchase_order_id"]),
        ),
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        lines=tuple(order_line_views.view(line) for line in lines),
        shipments=tuple(shipments),
        cancellation=cancellation,
    )


def _acknowledge_by(ordered_at: datetime | None, updates: Sequence[UpdateView]) -> datetime | None:
    """When the acknowledgement must reach Walmart. None means that none is outstanding."""
    waits = any(
        update.kind == Kind.ACKNOWLEDGEMENT and update.state in UNRESOLVED for update in updates
    )
    return ordered_at + ACKNOWLEDGE_WITHIN if waits and ordered_at is not None else None


def _unread(row: Row) -> list[StatusDetail]:
    """Why the order could not be read, so that only its number is known."""
    error = row["import_error"]
    if error is None:
        return []
    fix = fixes.of_order(error["code"], str(row["store_uuid"]), row["purchase_order_id"])
    links = {"order": f"/v1/orders/{row['id']}", "fix": "/v1/orders/import"}
    return [update_views.import_detail(error, fix, links)]


def _warnings(row: Row) -> list[StatusDetail]:
    """Warnings about the ship-by date. They are no errors of an update."""
    if row["ship_by_warned_at"] is None or row["fulfillment_status"] not in _UNSHIPPED:
        return []
    own = f"/v1/orders/{row['id']}"
    warning = "ship_by_passed" if row["late"] else "ship_by_near"
    by = row["ship_by"].strftime("%Y-%m-%d %H:%M UTC")
    late = f"The ship-by date was {by}; Walmart may count the order as late or cancel it."
    return [
        StatusDetail(
            code=warning,
            origin="commerce",
            operation="shipment",
            update_id=None,
            message=late if row["late"] else f"Ship the remaining units by {by}.",
            field=None,
            suggestion="Ship the remaining units, or cancel the order.",
            retryable=False,
            occurred_at=row["ship_by_warned_at"],
            params={"ship_by": row["ship_by"].isoformat().replace("+00:00", "Z")},
            fix=FixView.of(
                fixes.of_order(warning, str(row["store_uuid"]), row["purchase_order_id"])
            ),
            links={"order": own, "fix": f"{own}/shipments"},
        )
    ]


def _sync(updates: Sequence[UpdateView], last_synced_at: datetime | None) -> SyncView:
    if all(update.state in AT_REST for update in updates):
        # This is true of most orders.
        return SyncView(SyncState.SYNCED.value, 0, None, last_synced_at)
    states = Counter(State(update.state) for update in updates)
    due = [u.next_attempt_at for u in updates if u.state in DUE and u.next_attempt_at]
    return SyncView(
        state=sync_state(states).value,
        pending=sum(states[state] for state in OPEN),
        next_attempt_at=min(due, default=None),
        last_synced_at=last_synced_at,
    )


def _cancel_requested(wish: Mapping[str, Any] | None) -> CancelRequestedView | None:
    return CancelRequestedView(tuple(wish["lines"]), wish["seen_at"]) if wish else None


def _return_requested(order_id: UUID, count: int) -> ReturnRequestedView | None:
    return ReturnRequestedView(count, f"/v1/returns?order_id={order_id}") if count else None
