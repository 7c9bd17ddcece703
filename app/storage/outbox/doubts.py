"""Doubts of updates at rest whose moment has come: each is read again, by one poller at a time."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa

from app.storage.postgres.database import Connection, Database
from app.storage.postgres.sharding import Sweep

# What a poller reads of a store in one go.
BATCH = 10
# Seconds until a read that showed nothing is made again, doubled each time, at most _LONGEST.
_FIRST, _LONGEST = 5.0, 900.0
_AT_REST = "('confirmed', 'failed', 'dismissed')"
_DUE = sa.text(f"""
    SELECT d.store_id FROM updates d
     WHERE d.in_doubt_until <= now() AND d.state IN {_AT_REST} AND d.due_at <= now()
     GROUP BY d.store_id ORDER BY min(d.in_doubt_until)
""")  # noqa: S608 - only a constant of this module is put in
_TAKE = sa.text(f"""
    WITH due AS MATERIALIZED (
      SELECT store_id, id FROM updates
       WHERE store_id = :store_id AND in_doubt_until <= now() AND state IN {_AT_REST}
         AND due_at <= now()
       ORDER BY in_doubt_until LIMIT :batch FOR UPDATE SKIP LOCKED)
    UPDATE updates u
       SET reads = u.reads + 1,
           due_at = now()
             + make_interval(secs => least(:longest, :first * 2.0 ^ least(u.reads, 20)))
      FROM due WHERE u.store_id = due.store_id AND u.id = due.id
    RETURNING u.id, u.order_id, now() AS at
""")  # noqa: S608 - as above
_HAND_BACK = sa.text(f"""
    UPDATE updates SET reads = reads - 1, due_at = now() + make_interval(secs => :seconds)
     WHERE store_id = :store_id AND id = :id AND state IN {_AT_REST} AND reads > 0
""")  # noqa: S608 - as above
# A stock level is absolute: nothing has to be read, and no read could show it.
_ENDED = Sweep(
    """
      FROM updates d
     WHERE d.kind = 'inventory' AND d.in_doubt_until <= now() AND d.state <> 'sending'""",
    """
    UPDATE updates u SET in_doubt_until = NULL
      FROM (SELECT d.store_id, d.id <due> LIMIT 500 FOR UPDATE SKIP LOCKED) v
     WHERE u.store_id = v.store_id AND u.id = v.id AND <u>
    """,
)


@dataclass(frozen=True, slots=True)
class UpdateInDoubt:
    """An update whose doubt may end now. at: the database's time, before anything is read."""

    id: UUID
    order_id: UUID | None
    at: datetime


async def end_by_time(database: Database) -> None:
    """End the doubts of stock levels whose moment has come."""
    for stores in await _ENDED.turns(database, {}):
        async with database.begin() as connection:
            await _ENDED.execute(connection, stores, {})


async def due(connection: Connection) -> list[int]:
    """Stores with doubts to end, the longest overdue first."""
    return [row.store_id for row in await connection.execute(_DUE)]


async def take(connection: Connection, store_id: int) -> Sequence[UpdateInDoubt]:
    """Some of a store's doubts that may end now; for a while no other poller takes them."""
    values = {"store_id": store_id, "batch": BATCH, "first": _FIRST, "longest": _LONGEST}
    return [
        UpdateInDoubt(row.id, row.order_id, row.at)
        for row in await connection.execute(_TAKE, values)
    ]


async def hand_back(
    connection: Connection, store_id: int, doubtful: UpdateInDoubt, seconds: float
) -> None:
    """Let a doubt that could not be read, and was not tried, be read in so many seconds."""
    values = {"store_id": store_id, "id": doubtful.id, "seconds": seconds}
    await connection.execute(_HAND_BACK, values)
