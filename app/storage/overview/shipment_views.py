"""Shipments and cancellations as people see them, each with the state of its update."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple
from uuid import UUID

import sqlalchemy as sa

from app.orders.update import State
from app.storage.database import Connection
from app.storage.orders import items_of
from app.storage.overview import places, update_views
from app.storage.overview.paging import After, Page, cut
from app.storage.overview.places import Place
from app.storage.tables import cancellations as cancellations_table
from app.storage.tables import shipments as table
from app.storage.views import CancellationView, ShipmentView, UpdateView

# People need not know that a poller holds it, or that it is being read back.
_SHOWN = {State.SENDING: State.PENDING, State.VERIFYING: State.RETRYING}


class Asked(NamedTuple):
    """Shipments and cancellations of some orders, as rows that still want their updates.

    They are read before the updates: each is written together with its update, so whatever
    is committed meanwhile, the update of every row that was read is there to be found.
    """

    shipments: Sequence[sa.RowMapping]
    cancellations: Sequence[sa.RowMapping]


async def shipment(
    connection: Connection, store_id: int, order_id: UUID, shipment_id: UUID
) -> ShipmentView | None:
    """One shipment of an order."""
    statement = sa.select(table).where(
        table.c.store_id == store_id, table.c.order_id == order_id, table.c.id == shipment_id
    )
    row = (await connection.execute(statement)).mappings().one_or_none()
    if row is None:
        return None
    update = await update_views.update(connection, store_id, row["update_id"])
    return _shipment(row, update) if update else None


async def shipments(
    connection: Connection, store_id: int, order_id: UUID, page: Page
) -> tuple[list[ShipmentView], After | None]:
    """A page of an order's shipments, oldest first."""
    sent = await _shipment_rows(connection, [(store_id, order_id)])
    known = await update_views.of_orders(connection, [(store_id, order_id)])
    found = shipments_of(sent, known).get(order_id, [])
    # An order has few, and all of them were read for the states of their updates.
    behind = page.after[0] if page.after is not None else 0
    rows, more = cut([view for view in found if view.number > behind], page.limit)
    return list(rows), (rows[-1].number,) if more else None


async def cancellation(
    connection: Connection, store_id: int, order_id: UUID
) -> CancellationView | None:
    """The newest cancellation of an order."""
    canceled = await _cancellation_rows(connection, [(store_id, order_id)])
    known = await update_views.of_orders(connection, [(store_id, order_id)])
    return cancellations_of(canceled, known).get(order_id)


async def read(connection: Connection, asked: Sequence[Place]) -> Asked:
    """The rows of some orders; read their updates only afterwards."""
    sent = await _shipment_rows(connection, asked)
    return Asked(sent, await _cancellation_rows(connection, asked))


def shipments_of(
    rows: Sequence[sa.RowMapping], known: Mapping[UUID, Sequence[UpdateView]]
) -> dict[UUID, list[ShipmentView]]:
    """The shipments of each order that has any, oldest first; known are the orders' updates."""
    by_id = _by_id(known)
    found: dict[UUID, list[ShipmentView]] = {}
    for row in rows:
        found.setdefault(row["order_id"], []).append(_shipment(row, by_id[row["update_id"]]))
    return found


def cancellations_of(
    rows: Sequence[sa.RowMapping], known: Mapping[UUID, Sequence[UpdateView]]
) -> dict[UUID, CancellationView]:
    """The newest cancellation of each order that has one; known are the orders' updates."""
    by_id = _by_id(known)
    return {row["order_id"]: _cancellation(row, by_id[row["update_id"]]) for row in rows}


async def _shipment_rows(connection: Connection, asked: Sequence[Place]) -> Sequence[Any]:
    statement = sa.select(table).select_from(table.join(*places.of(asked, table)))
    statement = statement.order_by(table.c.order_id, table.c.number)
    return (await connection.execute(statement)).mappings().all()


async def _cancellation_rows(connection: Connection, asked: Sequence[Place]) -> Sequence[Any]:
    canceled = cancellations_table
    statement = sa.select(canceled).select_from(canceled.join(*places.of(asked, canceled)))
    statement = statement.order_by(canceled.c.created_at, canceled.c.id)
    return (await connection.execute(statement)).mappings().all()


def _by_id(known: Mapping[UUID, Sequence[UpdateView]]) -> dict[UUID, UpdateView]:
    return {update.id: update for some in known.values() for update in some}


def _state(update: UpdateView) -> str:
    state = State(update.state)
    return _SHOWN.get(state, state).value


def _shipment(row: sa.RowMapping, update: UpdateView) -> ShipmentView:
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


def _cancellation(row: sa.RowMapping, update: UpdateView) -> CancellationView:
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
