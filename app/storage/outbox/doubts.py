"""Doubts of updates at rest that may end now: each is read again, by one poller at a time."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from app.storage.postgres import sql
from app.storage.postgres.database import Connection, Database
from app.storage.postgres.sharding import Sweep
from app.storage.postgres.sql import Statement

# Doubts of a store that a poller reads in one go.
BATCH = 10
# Seconds until a read that showed nothing is repeated, doubled each time, at most _LONGEST.
_FIRST, _LONGEST = 5.0, 900.0
_DUE = Statement("""
    SELECT d.store_id FROM updates d
     WHERE d.in_doubt_until <= now() AND d.state IN ('confirmed', 'failed', 'dismissed')
       AND d.due_at <= now()
     GROUP BY d.store_id ORDER BY min(d.in_doubt_until)
""")
_TAKE = sql.load("outbox/take_doubts.sql")
# mutation: doubt-read-after-pause
_HAND_BACK = Statement("""
    UPDATE updates SET reads = reads - 1, due_at = now() + make_interval(secs => :seconds)
     WHERE store_id = :store_id AND id = :id AND state IN ('confirmed', 'failed', 'dismissed')
       AND reads > 0
""")
# A stock level is absolute: nothing has to be read, and no read could show it.
_END_BY_TIME = Sweep(
    "FROM updates d WHERE d.kind = 'inventory' AND d.in_doubt_until <= now()"
    " AND d.state <> 'sending'",
    """
    UPDATE updates u SET in_doubt_until = NULL
      FROM (SELECT d.store_id, d.id <due> LIMIT 500 FOR UPDATE SKIP LOCKED) v
     WHERE u.store_id = v.store_id AND u.id = v.id AND <u>
    """,
)


@dataclass(frozen=True, slots=True)
class UpdateInDoubt:
    """An update with a doubt that may end now."""

    id: UUID
    order_id: UUID | None
    at: datetime
    """The database's time, before anything is read."""


async def end_by_time(database: Database) -> None:
    """End the doubts of stock levels that have expired."""
    for stores in await _END_BY_TIME.turns(database, {}):
        async with database.begin() as connection:
            await _END_BY_TIME.execute(connection, stores, {})


async def due(connection: Connection) -> list[int]:
    """Stores that have doubts to end, the longest overdue first."""
    return [row.store_id for row in await _DUE.execute(connection)]


async def take(connection: Connection, store_id: int) -> Sequence[UpdateInDoubt]:
    """Take some of a store's doubts that may end now; other pollers skip them for a while."""
    values = {"store_id": store_id, "batch": BATCH, "first": _FIRST, "longest": _LONGEST}
    return [
        UpdateInDoubt(row.id, row.order_id, row.at)
        for row in await _TAKE.execute(connection, values)
    ]


async def hand_back(
    connection: Connection, store_id: int, doubtful: UpdateInDoubt, seconds: float
) -> None:
    """Return a doubt that could not be read; it may be read again after so many seconds."""
    values = {"store_id": store_id, "id": doubtful.id, "seconds": seconds}
    await _HAND_BACK.execute(connection, values)
