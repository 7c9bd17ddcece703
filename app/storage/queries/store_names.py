"""The names of stores, for people to pick one."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import sqlalchemy as sa

from app.storage.postgres.database import Connection
from app.storage.tables import stores


@dataclass(frozen=True, slots=True)
class StoreName:
    """A store as people know it."""

    store_id: int
    id: UUID
    name: str
    market: str


async def store_names(
    connection: Connection, only: int | None, *, most: int
) -> Sequence[StoreName]:
    """Stores by name. only: the number of the one store to list. most: how many are read."""
    own = stores.c
    statement = (
        sa.select(own.store_id, own.id, own.name, own.market)
        .order_by(sa.func.lower(own.name), own.store_id)
        .limit(most)
    )
    if only is not None:
        statement = statement.where(own.store_id == only)
    return [StoreName(*row) for row in await connection.execute(statement)]
