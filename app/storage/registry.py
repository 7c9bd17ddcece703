"""Orders as they come into being: written once per store and purchase order number."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from app.storage.database import Connection
from app.storage.tables import order_lines, orders


@dataclass(frozen=True, slots=True)
class Known:
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


async def known(connection: Connection, store_id: int, purchase_order_id: str) -> Known:
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
    return Known(row["id"], {line[0]: (line[1], line[2]) for line in lines}, dict(row))


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
