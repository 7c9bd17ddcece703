"""Search of shipments, credit memos and order items by the fields that Commerce's API shows.

Only those of orders that are linked to a Commerce order are found: each has an order_id.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app.domain.update import State
from app.storage.postgres.database import Connection
from app.storage.queries import commerce_search, order_views, return_views
from app.storage.queries.commerce_fields import Field, Number, Text, Time, Words
from app.storage.queries.commerce_search import Criteria, Searched
from app.storage.queries.text_patterns import Condition
from app.storage.queries.views import (
    OrderLineView,
    OrderView,
    RefundOfReturnView,
    ReturnView,
    ShipmentView,
)
from app.storage.tables import archived_updates, order_lines, orders, refunds, shipments, updates

# A line has no id of its own.
_LINES = sa.select(
    order_lines,
    sa.func.concat(order_lines.c.order_id, " ", order_lines.c.line_number).label("id"),
).subquery("lines")


@dataclass(frozen=True, slots=True)
class OfOrder:
    """A field of the order of a row."""

    store_id: int
    order_id: sa.ColumnElement[Any]
    """The column of the row that has the id of its order."""
    field: Field

    @property
    def column(self) -> sa.ColumnElement[Any]:
        """The field of the row's order."""
        own = sa.and_(orders.c.store_id == self.store_id, orders.c.id == self.order_id)
        return sa.select(self.field.column).where(own).correlate_except(orders).scalar_subquery()

    @property
    def expects(self) -> str:
        """Which values there are."""
        return self.field.expects

    def parse(self, operator: str, text: str) -> object | None:
        """The value that a text names."""
        return self.field.parse(operator, text)

    def matches(self, operator: str, values: Sequence[Any]) -> Condition:
        """The rows of the orders that match, which are found by their own indexes."""
        found = sa.select(orders.c.id).where(
            orders.c.store_id == self.store_id, self.field.matches(operator, values)
        )
        return self.order_id.in_(found)


def _linked(row: sa.FromClause) -> Condition:
    """Whether the order of a row is linked to a Commerce order."""
    own = sa.and_(orders.c.store_id == row.c.store_id, orders.c.id == row.c.order_id)
    # mutation: documents-of-linked-orders
    return sa.exists().where(own, orders.c.commerce_order_id.is_not(None)).correlate(row)


def _of_update(row: sa.FromClause, name: str) -> sa.ColumnElement[Any]:
    """A column of the update of a row, which may be archived."""
    found = [
        sa.select(table.c[name])
        .where(table.c.store_id == row.c.store_id, table.c.id == row.c.update_id)
        .correlate(row)
        .scalar_subquery()
        for table in (updates, archived_updates)
    ]
    return sa.func.coalesce(*found)


def _changed(row: sa.Table) -> sa.ColumnElement[Any]:
    """When the update of a shipment or its newest correction changed."""
    corrected = [
        sa.select(sa.func.max(table.c.updated_at))
        .where(
            table.c.store_id == row.c.store_id,
            table.c.order_id == row.c.order_id,
            table.c.payload["shipment_update_id"].astext == sa.cast(row.c.update_id, sa.Text),
        )
        .correlate(row)
        .scalar_subquery()
        for table in (updates, archived_updates)
    ]
    # mutation: search-of-corrected-shipments
    return sa.func.greatest(_of_update(row, "updated_at"), *corrected)


def _sent(store_id: int) -> Mapping[str, Field]:
    return {**_numbered(store_id, shipments), "updated_at": Time(_changed(shipments))}


def _numbered(store_id: int, row: sa.Table) -> Mapping[str, Field]:
    """The fields of shipments and credit memos. increment_id is the number with leading zeros."""
    return {
        "entity_id": Number(row.c.number),
        "increment_id": Number(row.c.number),
        "order_id": OfOrder(store_id, row.c.order_id, Number(orders.c.commerce_order_id)),
        "store_id": Words(row.c.store_id, {str(store_id): sa.true()}),
        "created_at": Time(row.c.created_at),
        "updated_at": Time(_of_update(row, "updated_at")),
    }


def _memos(store_id: int) -> Mapping[str, Field]:
    state = _of_update(refunds, "state")
    # Magento's Sales\Model\Order\Creditmemo: open, refunded, canceled.
    states = {
        "1": state.not_in([State.CONFIRMED, State.DISMISSED]),
        "2": state == State.CONFIRMED,
        "3": state == State.DISMISSED,
    }
    return {**_numbered(store_id, refunds), "state": Words(state, states)}


def _items(store_id: int) -> Mapping[str, Field]:
    row = _LINES.c
    ordered_at = Time(orders.c.ordered_at, orders.c.created_at)
    return {
        "item_id": Number(row.commerce_item_id),
        "order_id": OfOrder(store_id, row.order_id, Number(orders.c.commerce_order_id)),
        "store_id": Words(row.store_id, {str(store_id): sa.true()}),
        "sku": Text(row.sku),
        "name": Text(row.name),
        "ext_order_item_id": Text(row.line_number),
        "qty_ordered": Number(row.ordered),
        "qty_shipped": Number(row.shipped),
        "qty_canceled": Number(row.canceled),
        "qty_refunded": Number(row.refunded),
        "created_at": OfOrder(store_id, row.order_id, ordered_at),
        "updated_at": OfOrder(store_id, row.order_id, Time(orders.c.updated_at)),
    }


SHIPMENTS = Searched(shipments, _sent, _linked(shipments))
REFUNDS = Searched(refunds, _memos, _linked(refunds))
ITEMS = Searched(_LINES, _items, _linked(_LINES))


async def search_shipments(
    connection: Connection, store_id: int, criteria: Criteria
) -> tuple[list[tuple[OrderView, ShipmentView]], int]:
    """A page of shipments, each with its order, and how many match. Raises as commerce_search."""
    found, total = await commerce_search.search(connection, store_id, criteria, SHIPMENTS)
    rows = await _rows(connection, store_id, shipments, found)
    known = await _orders(connection, store_id, {row.order_id for row in rows.values()})
    pairs = [(known[rows[each].order_id], each) for each in found]
    return [(order, _shipment(order, each)) for order, each in pairs], total


async def search_refunds(
    connection: Connection, store_id: int, criteria: Criteria
) -> tuple[list[tuple[OrderView, ReturnView, RefundOfReturnView]], int]:
    """A page of refunds, each with its order and return, and how many match."""
    found, total = await commerce_search.search(connection, store_id, criteria, REFUNDS)
    rows = await _rows(connection, store_id, refunds, found)
    known = await _orders(connection, store_id, {row.order_id for row in rows.values()})
    ids = {row.return_id for row in rows.values()}
    returned = await return_views.of_ids(connection, store_id, ids)
    return [
        (known[rows[each].order_id], returned[rows[each].return_id], refund)
        for each in found
        for refund in returned[rows[each].return_id].refunds
        if refund.id == each
    ], total


async def search_items(
    connection: Connection, store_id: int, criteria: Criteria
) -> tuple[list[tuple[OrderView, OrderLineView]], int]:
    """A page of lines, each with its order, and how many match. Raises as commerce_search."""
    found, total = await commerce_search.search(connection, store_id, criteria, ITEMS)
    keys = [str(each).split(" ", 1) for each in found]
    known = await _orders(connection, store_id, {UUID(order_id) for order_id, _ in keys})
    lines = {
        (str(order.id), line.line_number): line for order in known.values() for line in order.lines
    }
    return [(known[UUID(order_id)], lines[order_id, number]) for order_id, number in keys], total


def _shipment(order: OrderView, shipment_id: UUID) -> ShipmentView:
    return next(each for each in order.shipments if each.id == shipment_id)


async def _orders(
    connection: Connection, store_id: int, order_ids: set[UUID]
) -> dict[UUID, OrderView]:
    found = await order_views.orders(connection, [(store_id, each) for each in sorted(order_ids)])
    return {order.id: order for order in found}


async def _rows(
    connection: Connection, store_id: int, table: sa.Table, ids: Sequence[UUID]
) -> dict[UUID, sa.Row[Any]]:
    statement = sa.select(table).where(table.c.store_id == store_id, table.c.id.in_(ids))
    return {row.id: row for row in await connection.execute(statement)}
