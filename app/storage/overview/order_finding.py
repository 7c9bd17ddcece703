"""Orders by what others call them."""

from collections.abc import Sequence
from uuid import UUID

import sqlalchemy as sa

from app.storage.database import Connection
from app.storage.reading import Reader, fetch
from app.storage.tables import orders as table

_EXISTS = "SELECT 1 FROM orders WHERE store_id = $1 AND id = $2"


async def exists(reader: Reader, store_id: int, order_id: UUID) -> bool:
    """Whether there is such an order."""
    return bool(await fetch(reader, _EXISTS, store_id, order_id))


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
