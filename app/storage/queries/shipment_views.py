"""Reads shipments and cancellations into views, each with the state of its update."""

from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

from app.domain.orders.carrier_of_number import belongs_elsewhere
from app.domain.orders.order import Item
from app.domain.orders.order_links import tracking_page
from app.domain.orders.tracking_correction import WINDOW
from app.domain.orders.tracking_key import visible
from app.domain.update import State
from app.storage.orders.repository import OrderKey, items_of
from app.storage.postgres.query import Reader
from app.storage.postgres.session import Row
from app.storage.postgres.sharding import ShardedQuery
from app.storage.postgres.sql import Statement
from app.storage.queries import orders_by_id, update_views
from app.storage.queries.pagination import After, KeysetPage, cut
from app.storage.queries.views import (
    CancellationView,
    ItemView,
    ShipmentView,
    StockLevelView,
    UpdateView,
    WarningView,
)

# The API shows neither that a poller holds an update nor that the update is read back.
_SHOWN = {
    State.SENDING.value: State.PENDING.value,
    State.VERIFYING.value: State.RETRYING.value,
}
_SHIPMENT = Statement(
    "SELECT * FROM shipments WHERE store_id = :store_id AND order_id = :order_id AND id = :id"
)
_SHIPMENTS = ShardedQuery(orders_by_id.of("shipments", "t.*") + " ORDER BY t.order_id, t.number")
_CANCELLATIONS = ShardedQuery(
    orders_by_id.of("cancellations", "t.*") + " ORDER BY t.created_at, t.id"
)


async def shipment(
    reader: Reader, store_id: int, order_id: UUID, shipment_id: UUID
) -> ShipmentView | None:
    """One shipment of an order."""
    key = {"store_id": store_id, "order_id": order_id, "id": shipment_id}
    found = await _SHIPMENT.fetch(reader, key)
    if not found:
        return None
    known = await update_views.of_orders(reader, [(store_id, order_id)])
    return shipments_of(found, known)[order_id][0]


async def shipments_by_id(
    reader: Reader, store_id: int, order_id: UUID, wanted: Sequence[UUID]
) -> list[ShipmentView]:
    """Shipments of an order that are known to exist, in the order of their ids as given."""
    keys = [(store_id, order_id)]
    found = await orders_by_id.rows(_SHIPMENTS, reader, keys)
    known = await update_views.of_orders(reader, keys)
    views = {view.id: view for view in shipments_of(found, known)[order_id]}
    return [views[each] for each in wanted]


async def shipment_of_update(
    reader: Reader, store_id: int, order_id: UUID, update_id: UUID
) -> ShipmentView | None:
    """The shipment of an order that an update sends."""
    rows_of = await orders_by_id.rows(_SHIPMENTS, reader, [(store_id, order_id)])
    found = [row for row in rows_of if row["update_id"] == update_id]
    if not found:
        return None
    known = await update_views.of_orders(reader, [(store_id, order_id)])
    return shipments_of(found, known)[order_id][0]


async def shipments(
    reader: Reader, store_id: int, order_id: UUID, page: KeysetPage
) -> tuple[list[ShipmentView], After | None]:
    """A page of an order's shipments, oldest first."""
    keys = [(store_id, order_id)]
    sent = await orders_by_id.rows(_SHIPMENTS, reader, keys)
    known = await update_views.of_orders(reader, keys)
    found = shipments_of(sent, known).get(order_id, [])
    # An order has few shipments, so all of them are read for each page.
    behind = page.after[0] if page.after is not None else 0
    shown, more = cut([view for view in found if view.number > behind], page.limit)
    return list(shown), (shown[-1].number,) if more else None


async def cancellation(reader: Reader, store_id: int, order_id: UUID) -> CancellationView | None:
    """The newest cancellation of an order."""
    keys = [(store_id, order_id)]
    canceled = await orders_by_id.rows(_CANCELLATIONS, reader, keys)
    known = await update_views.of_orders(reader, keys)
    return cancellations_of(canceled, known).get(order_id)


async def rows(
    reader: Reader, keys: Sequence[OrderKey], canceled: Sequence[OrderKey]
) -> tuple[Sequence[Row], Sequence[Row]]:
    """Rows of the shipments of orders, and of the cancellations of those in canceled.

    Read them before the updates: a row is committed together with its update, so a later read of
    the updates finds the update of each row.
    """
    shipments = await orders_by_id.rows(_SHIPMENTS, reader, keys)
    if not canceled:
        return shipments, []
    return shipments, await orders_by_id.rows(_CANCELLATIONS, reader, canceled)


def shipments_of(
    rows: Sequence[Row], known: Mapping[UUID, Sequence[UpdateView]]
) -> dict[UUID, list[ShipmentView]]:
    """The shipments of each order that has any, oldest first. known: the updates by order."""
    by_id = _by_id(known)
    # Of several corrections the newest remains: updates are in the order's own sequence.
    corrections = {each.corrects: each for each in by_id.values() if each.corrects}
    found: dict[UUID, list[ShipmentView]] = {}
    for row in rows:
        update_id = row["update_id"]
        view = shipment_view(row, by_id[update_id], corrections.get(update_id))
        found.setdefault(row["order_id"], []).append(view)
    return found


def cancellations_of(
    rows: Sequence[Row], known: Mapping[UUID, Sequence[UpdateView]]
) -> dict[UUID, CancellationView]:
    """The newest cancellation of each order that has one. known: the updates by order."""
    by_id = _by_id(known)
    return {row["order_id"]: cancellation_view(row, by_id[row["update_id"]]) for row in rows}


def _by_id(known: Mapping[UUID, Sequence[UpdateView]]) -> dict[UUID, UpdateView]:
    return {update.id: update for some in known.values() for update in some}


def state_of(update: UpdateView) -> str:
    """The state of an update as the API shows it for what it sends."""
    return _SHOWN.get(update.state, update.state)


def shipment_warnings(tracking_number: str, carrier: Mapping[str, str]) -> tuple[WarningView, ...]:
    """Warnings of a shipment with one of Walmart's carriers, or another."""
    name = carrier.get("carrier") or carrier.get("other", "")
    issuer = belongs_elsewhere(tracking_number, name)
    # mutation: carrier-number-warning
    if issuer is None:
        return ()
    message = f"{visible(tracking_number)} is a tracking number of {issuer}, not of {name}."
    return (WarningView("/tracking_number", "tracking_number_of_another_carrier", message),)


def passed_over_warnings(items: Iterable[int]) -> tuple[WarningView, ...]:
    """Warnings of Commerce items that belong to no line, of an order with linked lines only."""
    return tuple(
        WarningView(
            "/items",
            "commerce_item_passed_over",
            f"Commerce item {item} belongs to no line of the order, so nothing of it is sent.",
        )
        for item in items
    )


def shipment_view(
    row: Row, update: UpdateView, correction: UpdateView | None = None
) -> ShipmentView:
    """The view of a row of shipments. correction: the newest one of its tracking number."""
    carrier = dict(row["walmart_carrier"])
    found_by = carrier.pop("found_by", None)
    # A new shipment has no such value yet.
    confirmed_at = row.get("first_confirmed_at")
    return ShipmentView(
        id=row["id"],
        order_id=row["order_id"],
        number=row["number"],
        carrier_code=row["carrier_code"],
        carrier_title=row["carrier_title"],
        tracking_number=row["tracking_number"],
        tracking_url=row["tracking_url"],
        tracking_page=tracking_page(carrier, row["tracking_number"], row["tracking_url"]),
        shipped_at=row["shipped_at"],
        method_code=row["method_code"],
        reference=row["reference"],
        override_cancel_request=row["override_cancel_request"],
        walmart_carrier=carrier,
        carrier_found_by=found_by,
        warnings=(
            *shipment_warnings(row["tracking_number"], carrier),
            *passed_over_warnings((row["commerce_items"] or {}).get("passed_over", ())),
        ),
        state=state_of(update),
        items=_items(items_of(row["items"])),
        correctable_until=None if confirmed_at is None else confirmed_at + WINDOW,
        update=update,
        created_at=row["created_at"],
        correction=correction,
    )


def cancellation_view(row: Row, update: UpdateView) -> CancellationView:
    """The view of a row of cancellations."""
    return CancellationView(
        id=row["id"],
        order_id=row["order_id"],
        reason=row["reason"],
        comment=row["comment"],
        inventory=tuple(StockLevelView(**level) for level in row["inventory"]),
        state=state_of(update),
        items=_items(items_of(row["items"])),
        update=update,
        created_at=row["created_at"],
    )


def _items(items: Iterable[Item]) -> tuple[ItemView, ...]:
    return tuple(ItemView(item.line_number, item.quantity, item.confirmed) for item in items)
