"""Deletes finished orders, returns and timeline entries of a certain age, a batch at a time.

A batch is a transaction: a statement locks rows behind a position, a later one sees what belongs to
them and deletes. A row that another transaction holds is skipped.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

import sqlalchemy as sa

from app.storage.postgres import sql
from app.storage.postgres.database import Database
from app.storage.postgres.sql import Statement
from app.storage.tables import stores

BATCH = 200


@dataclass(frozen=True, slots=True)
class Position:
    """The last row that a sweep looked at."""

    at: datetime
    id: UUID


START = Position(datetime.min.replace(tzinfo=UTC), UUID(int=0))


@dataclass(frozen=True, slots=True)
class Aged:
    """How rows of one kind are found and deleted."""

    find: Statement
    delete: Statement


# A return that is over, and did not change within the days.
_OVER = """((r.refunded OR r.closed) AND r.import_error IS NULL
            AND r.updated_at < now() - make_interval(days => :days))"""
_ORDERS = sql.load("removal/list_old_orders.sql")
ORDERS = Aged(_ORDERS, sql.load("removal/delete_orders.sql", over=_OVER))
EVENTS = Aged(_ORDERS, sql.load("removal/delete_events.sql"))
RETURNS = Aged(sql.load("removal/list_old_returns.sql"), sql.load("removal/delete_returns.sql"))


@dataclass(frozen=True, slots=True)
class Walk:
    """What of one store a sweep looks at."""

    kind: Aged
    days: int
    store_id: int


async def store_ids(database: Database) -> list[int]:
    """The numbers of all stores."""
    async with database.begin() as connection:
        found = await connection.execute(sa.select(stores.c.store_id).order_by(stores.c.store_id))
        return list(found.scalars())


async def remove(database: Database, walk: Walk, after: Position) -> Position | None:
    """Delete some rows of a store behind a position; answers the next one, None at the end."""
    kind = walk.kind
    values = {"store_id": walk.store_id, "days": walk.days, "batch": BATCH}
    async with database.begin() as connection:
        place = {"at": after.at, "id": after.id}
        found = (await kind.find.execute(connection, values | place)).all()
        if found:
            ids = [row.id for row in found]
            await kind.delete.execute(connection, values | {"ids": ids})
    return Position(found[-1].at, found[-1].id) if len(found) == BATCH else None
