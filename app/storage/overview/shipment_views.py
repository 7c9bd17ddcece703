"""Shipments and cancellations as people see them, each with the state of its update."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple
from uuid import UUID

from app.orders.update import State
from app.storage.direct import Row
from app.storage.forms import Question
from app.storage.orders import items_of
from app.storage.overview import places, update_views
from app.storage.overview.paging import After, Page, cut
from app.storage.overview.places import Place
from app.storage.reading import Reader, fetch
from app.storage.views import CancellationView, ShipmentView, UpdateView

# People need not know that a poller holds it, or that it is being read back.
_SHOWN = {
    State.SENDING.value: State.PENDING.value,
    State.VERIFYING.value: State.RETRYING.value,
}
_SHIPMENT = "SELECT * FROM shipments WHERE store_id = $1 AND order_id = $2 AND id = $3"
_SHIPMENTS = Question(places.of("shipments", "t.*") + " ORDER BY t.order_id, t.number")
_CANCELLATIONS = Question(places.of("cancellations", "t.*") + " ORDER BY t.created_at, t.id")


class Asked(NamedTuple):
    """Shipments and cancellations of some orders, as rows that still want their updates.

    They are read before the updates: each is written together with its update, so whatever
    is committed meanwhile, the update of every row that was read is there to be found.
    """

    shipments: Sequence[Row]
    cancellations: Sequence[Row]


async def shipment(
    reader: Reader, store_id: int, order_id: UUID, shipment_id: UUID
) -> ShipmentView | None:
    """One shipment of an order."""
    rows = await fetch(reader, _SHIPMENT, store_id, order_id, shipment_id)
    if not rows:
        return None
    update = await update_views.update(reader, store_id, rows[0]["update_id"])
    return _shipment(rows[0], update) if update else None


async def shipments(
    reader: Reader, store_id: int, order_id: UUID, page: Page
) -> tuple[list[ShipmentView], After | None]:
    """A page of an order's shipments, oldest first."""
    sent = await _shipment_rows(reader, [(store_id, order_id)])
    known = await update_views.of_orders(reader, [(store_id, order_id)])
    found = shipments_of(sent, known).get(order_id, [])
    # An order has few, and all of them were read for the states of their updates.
    behind = page.after[0] if page.after is not None else 0
    rows, more = cut([view for view in found if view.number > behind], page.limit)
    return list(rows), (rows[-1].number,) if more else None


async def cancellation(reader: Reader, store_id: int, order_id: UUID) -> CancellationView | None:
    """The newest cancellation of an order."""
    canceled = await _cancellation_rows(reader, [(store_id, order_id)])
    known = await update_views.of_orders(reader, [(store_id, order_id)])
    return cancellations_of(canceled, known).get(order_id)


async def read(reader: Reader, asked: Sequence[Place], canceled: Sequence[Place]) -> Asked:
    """The rows of some orders, some of which were canceled; read their updates only afterwards."""
    sent = await _shipment_rows(reader, asked)
    return Asked(sent, await _cancellation_rows(reader, canceled) if canceled else [])


def shipments_of(
    rows: Sequence[Row], known: Mapping[UUID, Sequence[UpdateView]]
) -> dict[UUID, list[ShipmentView]]:
    """The shipments of each order that has any, oldest first; known are the orders' updates."""
    by_id = _by_id(known)
    found: dict[UUID, list[ShipmentView]] = {}
    for row in rows:
        found.setdefault(row["order_id"], []).append(_shipment(row, by_id[row["update_id"]]))
    return found


def cancellations_of(
    rows: Sequence[Row], known: Mapping[UUID, Sequence[UpdateView]]
) -> dict[UUID, CancellationView]:
    """The newest cancellation of each order that has one; known are the orders' updates."""
    by_id = _by_id(known)
    return {row["order_id"]: _cancellation(row, by_id[row["update_id"]]) for row in rows}


async def _shipment_rows(reader: Reader, asked: Sequence[Place]) -> Sequence[Row]:
    return await places.rows(_SHIPMENTS, reader, asked)


async def _cancellation_rows(reader: Reader, asked: Sequence[Place]) -> Sequence[Row]:
    return await places.rows(_CANCELLATIONS, reader, asked)


def _by_id(known: Mapping[UUID, Sequence[UpdateView]]) -> dict[UUID, UpdateView]:
    return {update.id: update for some in known.values() for update in some}


def _state(update: UpdateView) -> str:
    return _SHOWN.get(update.state, update.state)


def _shipment(row: Row, update: UpdateView) -> ShipmentView:
    return ShipmentView(
        id=row["id"],
        order_id=row["order_id"],
        number=row["number"],
        carrier_code=row["carrier_code"],
        carrier_title=row["carrier_title"],
        tracking_number=row["tracking_number"],
        tracking_url=row["tracking_url"],
        shipped_at=row["shipped_at"],
        method_code=row["method_code"],
        reference=row["reference"],
        override_cancel_request=row["override_cancel_request"],
        walmart_carrier=row["walmart_carrier"],
        state=_state(update),
        items=items_of(row["items"]),
        update=update,
        created_at=row["created_at"],
    )


def _cancellation(row: Row, update: UpdateView) -> CancellationView:
    return CancellationView(
        id=row["id"],
        order_id=row["order_id"],
        reason=row["reason"],
        comment=row["comment"],
        inventory=row["inventory"],
        state=_state(update),
        items=items_of(row["items"]),
        update=update,
        created_at=row["created_at"],
    )
