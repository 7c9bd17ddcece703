"""Orders as they come into being: written once per store and purchase order number."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from app.domain.orders.order import OrderLine
from app.storage.postgres import sql
from app.storage.postgres.database import Connection
from app.storage.tables import order_lines, orders


@dataclass(frozen=True, slots=True)
class ExistingOrder:
    """An order that exists: its lines as (SKU, units ordered), its other fields by name."""

    id: UUID
    lines: Mapping[str, tuple[str, int]]
    details: Mapping[str, Any]


async def add_order(
    connection: Connection, store_id: int, order_id: UUID, values: Mapping[str, Any]
) -> bool:
    """Write an order; False when the store has one with that purchase order number already.

    It waits for another transaction that writes the same order, so the answer is certain.
    """
    statement = insert(orders).values(store_id=store_id, id=order_id, **values)
    statement = statement.on_conflict_do_nothing(
        index_elements=[orders.c.store_id, orders.c.purchase_order_id]
    )
    return (await connection.execute(statement.returning(orders.c.id))).first() is not None


_IMPORT = sql.load("orders/import_orders.sql")


@dataclass(frozen=True, slots=True)
class ListedOrder:
    """An order to import. details: its other columns; error: why its lines could not be read.

    acknowledgement: the id of the update that tells Walmart of it, None where none is needed.
    """

    id: UUID
    event: UUID
    purchase_order_id: str
    details: Mapping[str, Any]
    lines: Sequence[OrderLine] = ()
    acknowledgement: UUID | None = None
    error: Mapping[str, Any] | None = None


async def add_listed(
    connection: Connection, store_id: int, listed: Sequence[ListedOrder], actor: str
) -> set[UUID]:
    """Write orders with their lines and acknowledgements; answers those that were not known.

    Each store's purchase order is written once, whoever else writes it at the same time.
    """
    if not listed:
        return set()
    values = {
        "store_id": store_id,
        "actor": actor,
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
            "ordered": line.ordered,
            "shipped": line.shipped,
            "canceled": line.canceled,
            "refunded": line.refunded,
        }


async def fill_blanks(
    connection: Connection, store_id: int, order_id: UUID, values: Mapping[str, Any]
) -> None:
    """Write fields that nobody knew until now; those that are known stay."""
    await connection.execute(
        sa.update(orders)
        .where(orders.c.store_id == store_id, orders.c.id == order_id)
        .values({name: sa.func.coalesce(orders.c[name], value) for name, value in values.items()})
    )


async def became_readable(
    connection: Connection, store_id: int, order_id: UUID, details: Mapping[str, Any]
) -> None:
    """Write down what an order is that could not be read before."""
    await connection.execute(
        sa.update(orders)
        .where(orders.c.store_id == store_id, orders.c.id == order_id)
        .values(**details, import_error=sa.null())
    )


async def known(connection: Connection, store_id: int, purchase_order_id: str) -> ExistingOrder:
    """The order with that number, held until the transaction ends."""
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
    """Write fields of an order that were unknown until now, or that link it to Commerce."""
    if values:
        await connection.execute(
            sa.update(orders)
            .where(orders.c.store_id == store_id, orders.c.id == order_id)
            .values(**values, updated_at=sa.func.now())
        )


async def link_lines(
    connection: Connection, store_id: int, order_id: UUID, items: Mapping[str, int | None]
) -> None:
    """Write which item of the Commerce order each line is."""
    for line_number, item in items.items():
        await connection.execute(
            sa.update(order_lines)
            .where(
                order_lines.c.store_id == store_id,
                order_lines.c.order_id == order_id,
                order_lines.c.line_number == line_number,
            )
            .values(commerce_item_id=item)
        )
