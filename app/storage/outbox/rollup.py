"""Roll-up: the attempts of a store, summed up once for each kind and five minutes.

A span is summed up when its counts are final (`domain/outbox/lag.py`). The sums and the store's
cursor change in one transaction, so that a crash repeats neither, and the key of the sums refuses
a second count. Nothing is written for spans without an attempt.
"""

from datetime import datetime
from uuid import UUID

from app.domain import ids
from app.domain.outbox import lag
from app.storage import rate_limits
from app.storage.postgres import sql
from app.storage.postgres.database import Connection, Database
from app.storage.postgres.sql import Statement

# Stores of one round; the same poller, or another one, continues with the others.
STORES = 50
# Attempts from before the first roll-up of a store are summed up as far back as this.
_BACKFILL = 288 * lag.SPAN
_STEPS = [int(step.total_seconds() / 60) for step in lag.STEPS]

_DUE = sql.load("outbox/list_rollup_stores.sql")
_BEGIN = Statement("""
    INSERT INTO delivery_rollup_cursors (store_id, next_id)
    VALUES (:store_id, :next_id) ON CONFLICT DO NOTHING
""")
# mutation: rollup-once
_LOCK = Statement("""
    SELECT next_id FROM delivery_rollup_cursors
     WHERE store_id = :store_id FOR UPDATE SKIP LOCKED
""")
_FIRST = Statement("""
    SELECT id FROM attempts
     WHERE store_id = :store_id AND id >= :next_id AND id < :edge ORDER BY id LIMIT 1
""")
_INSERT = sql.load(
    "outbox/insert_rollup.sql",
    lags=", ".join(
        f"count(*) FILTER (WHERE d.landed AND d.bucket = {bucket})" for bucket in range(lag.BUCKETS)
    ),
)
_MOVE = Statement("""
    UPDATE delivery_rollup_cursors SET next_id = :next_id WHERE store_id = :store_id
""")


async def due(database: Database, stores: int = STORES) -> list[int]:
    """Stores with a span that can be summed up, at most so many."""
    async with database.begin() as connection:
        edge = await _edge(connection)
        oldest = ids.first_id(edge - _BACKFILL)
        values = {"oldest": oldest, "edge": ids.first_id(edge), "stores": stores}
        return [row.store_id for row in await _DUE.execute(connection, values)]


async def sum_up(database: Database, store_id: int) -> datetime | None:
    """Sum up the first span of a store with an attempt, and return its start.

    None means that no span is due, or that another poller is summing one up.
    """
    async with database.begin() as connection:
        edge = await _edge(connection)
        oldest = ids.first_id(edge - _BACKFILL)
        key = {"store_id": store_id}
        await _BEGIN.execute(connection, {**key, "next_id": oldest})
        next_id = (await _LOCK.execute(connection, key)).scalar_one_or_none()
        if next_id is None:
            return None
        within = {"next_id": next_id, "edge": ids.first_id(edge)}
        first: UUID | None = (await _FIRST.execute(connection, key | within)).scalar_one_or_none()
        if first is None:
            return None
        starts_at = lag.floor(ids.made_at(first))
        await _count(connection, store_id, starts_at)
        return starts_at


async def _count(connection: Connection, store_id: int, starts_at: datetime) -> None:
    since, until = ids.first_id(starts_at), ids.first_id(starts_at + lag.SPAN)
    values = {"store_id": store_id, "starts_at": starts_at, "since": since, "until": until}
    await _INSERT.execute(connection, {**values, "bounds": list(lag.BOUNDS), "steps": _STEPS})
    await _MOVE.execute(connection, {"store_id": store_id, "next_id": until})


async def _edge(connection: Connection) -> datetime:
    """The end of the last span whose counts are final, by the database's clock."""
    return lag.floor(await rate_limits.now(connection) - lag.SETTLING)
