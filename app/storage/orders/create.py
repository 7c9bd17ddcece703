"""Inserts orders, once per store and purchase order number, and fills what is learned later."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from app.domain.orders.order import OrderLine
from app.storage import audit
from app.storage.postgres import sql
from app.storage.postgres.database import Connection
from app.storage.tables import order_lines, orders

_IMPORT = sql.load("orders/import_orders.sql")


@dataclass(frozen=True, slots=True)
class ExistingOrder:
    """An order that exists."""

    id: UUID
    lines: Mapping[str, tuple[str, int]]
    """SKU and ordered units, by line number."""
    details: Mapping[str, Any]
    """Its columns."""


async def add_order(
    connection: Connection, store_id: int, order_id: UUID, values: Mapping[str, Any]
) -> bool:
    """Insert an order. False means that the store has one with that purchase order number.

    Waits for another transaction that inserts the same order.
    """
    statement = insert(orders).values(store_id=store_id, id=order_id, **values)
    statement = statement.on_conflict_do_nothing(
        index_elements=[orders.c.store_id, orders.c.purchase_order_id]
    )
    return (await connection.execute(statement.returning(orders.c.id))).first() is not None


@dataclass(frozen=True, slots=True)
class ListedOrder:
    """An order of a list of Walmart's, to import."""

    id: UUID
    event: UUID
    """Id of its first event."""
    purchase_order_id: str
    details: Mapping[str, Any]
    """Its other columns."""
    lines: Sequence[OrderLine] = ()
    acknowledgement: UUID | None = None
    """Id of the update that acknowledges it. None means that it needs none."""
    error: Mapping[str, Any] | None = None
    """Why its lines could not be read."""


async def add_listed(
    connection: Connection, store_id: int, listed: Sequence[ListedOrder], actor: str
) -> set[UUID]:
    """Insert orders with their lines and acknowledgements. Returns the ids of the new ones.

    An order that another transaction inserts at the same time is inserted once.
    """
    if not listed:
        return set()
    values = {
        "store_id": store_id,
        "actor": actor,
        **audit.origin.get().thread,
        "orders": [_listed(each) for each in listed],
        "lines": [line for each in listed for line in _lines(each)],
    }
    rows = await _IMPORT.execute(connection, values)
    return {row.id for row in rows}


def _listed(order: ListedOrder) -> dict[str, Any]:
    details = {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name, value in order.details.items()
    }
    own = order.acknowledgement
    return {
        **details,
        "id": str(order.id),
        "event": str(order.event),
        "purchase_order_id": order.purchase_order_id,
        "acknowledgement": str(own) if own else None,
        "import_error": order.error,
    }


def _lines(order: ListedOrder) -> Iterator[dict[str, Any]]:
    for position, line in enumerate(order.lines):
        price = line.unit_price
        yield {
            "order_id": str(order.id),
            "line_number": line.line_number,
            "position": position,
            "sku": line.sku,
            "name": line.name,
            "unit_price": str(price.amount) if price else None,
            "currency": price.currency if price else None,
            "other_charges": None if line.other_charges is None else str(line.other_charges),
            "ordered": line.ordered,
            "shipped": line.shipped,
            "canceled": line.canceled,
            "refunded": line.refunded,
        }


async def fill_blanks(
    connection: Connection, store_id: int, order_id: UUID, values: Mapping[str, Any]
) -> None:
    """Fill columns that are NULL; the others stay."""
    await connection.execute(
        sa.update(orders)
        .where(orders.c.store_id == store_id, orders.c.id == order_id)
        .values({name: sa.func.coalesce(orders.c[name], value) for name, value in values.items()})
    )


async def became_readable(
    connection: Connection, store_id: int, order_id: UUID, details: Mapping[str, Any]
) -> None:
    """Save the columns of an order that could not be read before."""
    await connection.execute(
        sa.update(orders)
        .where(orders.c.store_id == store_id, orders.c.id == order_id)
        .values(**details, import_error=sa.null())
    )


async def known(connection: Connection, store_id: int, purchase_order_id: str) -> ExistingOrder:
    """Lock the order with this number until the transaction ends, and read it."""
    statement = (
        sa.select(orders)
        .where(orders.c.store_id == store_id, orders.c.purchase_order_id == purchase_order_id)
        .with_for_update()
    )
    row = (await connection.execute(statement)).mappings().one()
    lines = await connection.execute(
        sa.select(order_lines.c.line_number, order_lines.c.sku, order_lines.c.ordered).where(
            order_lines.c.store_id == store_id, order_lines.c.order_id == row["id"]
        )
    )
    return ExistingOrder(row["id"], {line[0]: (line[1], line[2]) for line in lines}, dict(row))


async def fill(
    connection: Connection, store_id: int, order_id: UUID, values: Mapping[str, Any]
) -> None:
    """Save columns that were unknown until now, or that link the order to Commerce."""
    if values:
        await connection.execute(
            sa.update(orders)
            .where(orders.c.store_id == store_id, orders.c.id == order_id)
            .values(**values, updated_at=sa.func.now())
        )


async def link_lines(
    connection: Connection, store_id: int, order_id: UUID, links: Mapping[str, Mapping[str, Any]]
) -> None:
    """Save the columns that link each line to items of the Commerce order."""
    for line_number, columns in links.items():
        await connection.execute(
            sa.update(order_lines)
            .where(
                order_lines.c.store_id == store_id,
                order_lines.c.order_id == order_id,
                order_lines.c.line_number == line_number,
            )
            .values(**columns)
        )
