"""Roll-up: the attempts of a store, summed up once for each kind and five minutes.

A span is summed up when its counts are final (`domain/outbox/lag.py`). The sums and the store's
cursor change in one transaction, so that a crash repeats neither, and the key of the sums refuses
a second count. Nothing is written for spans without an attempt.

What no span has yet is summed up anew every few seconds where it is little, so that a small store
sees its deliveries at once: a *preview*, which the span replaces.
"""

from datetime import datetime
from uuid import UUID

from app.domain import ids
from app.domain.outbox import lag
from app.storage import rate_limits
from app.storage.postgres import sql
from app.storage.postgres.database import Connection, Database
from app.storage.postgres.sql import Statement
from app.storage.postgres.surveys import survey

# Stores of one round; the same poller, or another one, continues with the others.
STORES = 50
# Attempts from before the first roll-up of a store are summed up as far back as this.
_BACKFILL = 288 * lag.SPAN
_STEPS = [int(step.total_seconds() / 60) for step in lag.STEPS]

# Attempts of a preview; of a store with more, only whole spans are shown.
_MOST_PREVIEWED = 1000
_DUE = sql.load("outbox/list_rollup_stores.sql", more="")
_PREVIEWS_DUE = sql.load(
    "outbox/list_rollup_stores.sql",
    more="AND (c.previewed_at IS NULL OR c.previewed_at < now() - interval '15 seconds')",
)
_LAST = UUID(int=(1 << 128) - 1)
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
_LAGS = ", ".join(
    f"count(*) FILTER (WHERE d.landed AND d.bucket = {bucket})" for bucket in range(lag.BUCKETS)
)
_SUMS = f"""count(*) FILTER (WHERE d.landed AND d.number = 1),
    count(*) FILTER (WHERE d.landed AND d.number > 1),
    count(*) FILTER (WHERE d.failed), ARRAY[{_LAGS}]"""
_IN_SPAN = "(SELECT * FROM attempts WHERE store_id = :store_id AND id >= :since AND id < :until)"
_INSERT = sql.load(
    "outbox/insert_rollup.sql",
    sums=_SUMS,
    judged=sql.read("outbox/judge_attempts.sql", attempts=_IN_SPAN),
)
_INSERT_PREVIEW = sql.load(
    "outbox/insert_preview.sql",
    sums=_SUMS,
    judged=sql.read("outbox/judge_attempts.sql", attempts="fresh"),
)
_DELETE_PREVIEW = Statement("""
    DELETE FROM delivery_rollup_steps WHERE store_id = :store_id AND minutes = 0
""")
_PREVIEWED = Statement("""
    UPDATE delivery_rollup_cursors SET previewed_at = now() WHERE store_id = :store_id
""")
_MOVE = Statement("""
    UPDATE delivery_rollup_cursors SET next_id = :next_id, previewed_at = NULL
     WHERE store_id = :store_id
""")


async def due(database: Database, stores: int = STORES) -> list[int]:
    """Stores with a span that can be summed up, at most so many."""
    async with survey(database) as connection:
        edge = await _edge(connection)
        values = {"oldest": _oldest(edge), "edge": ids.first_id(edge), "stores": stores}
        return [row.store_id for row in await _DUE.execute(connection, values)]


async def previews_due(database: Database) -> list[int]:
    """Some stores with a preview that is missing or some seconds old."""
    async with survey(database) as connection:
        values = {"oldest": _oldest(await _edge(connection)), "edge": _LAST, "stores": STORES}
        return [row.store_id for row in await _PREVIEWS_DUE.execute(connection, values)]


async def sum_up(database: Database, store_id: int) -> datetime | None:
    """Sum up the first span of a store with an attempt, and return its start.

    None means that no span is due, or that another poller is summing one up.
    """
    async with database.begin() as connection:
        edge = await _edge(connection)
        next_id = await _locked(connection, store_id, edge)
        if next_id is None:
            return None
        within = {"store_id": store_id, "next_id": next_id, "edge": ids.first_id(edge)}
        first: UUID | None = (await _FIRST.execute(connection, within)).scalar_one_or_none()
        if first is None:
            return None
        starts_at = lag.floor(ids.made_at(first))
        await _count(connection, store_id, starts_at)
        return starts_at


async def preview(database: Database, store_id: int) -> None:
    """Sum up what no span of a store has yet, if it is little."""
    async with database.begin() as connection:
        next_id = await _locked(connection, store_id, await _edge(connection))
        if next_id is None:
            return
        values = {"store_id": store_id, "next_id": next_id, "most": _MOST_PREVIEWED}
        await _DELETE_PREVIEW.execute(connection, values)
        await _INSERT_PREVIEW.execute(connection, {**values, "bounds": list(lag.BOUNDS)})
        await _PREVIEWED.execute(connection, values)


async def _locked(connection: Connection, store_id: int, edge: datetime) -> UUID | None:
    """Lock the cursor of a store. None means that another poller has it."""
    await _BEGIN.execute(connection, {"store_id": store_id, "next_id": _oldest(edge)})
    found = await _LOCK.execute(connection, {"store_id": store_id})
    next_id: UUID | None = found.scalar_one_or_none()
    return next_id


def _oldest(edge: datetime) -> UUID:
    return ids.first_id(edge - _BACKFILL)


async def _count(connection: Connection, store_id: int, starts_at: datetime) -> None:
    since, until = ids.first_id(starts_at), ids.first_id(starts_at + lag.SPAN)
    values = {"store_id": store_id, "starts_at": starts_at, "since": since, "until": until}
    await _INSERT.execute(connection, {**values, "bounds": list(lag.BOUNDS), "steps": _STEPS})
    await _MOVE.execute(connection, {"store_id": store_id, "next_id": until})
    # It has this span too; the next preview has the rest.
    await _DELETE_PREVIEW.execute(connection, {"store_id": store_id})


async def _edge(connection: Connection) -> datetime:
    """The end of the last span with final counts, by the database's clock."""
    return lag.floor(await rate_limits.now(connection) - lag.SETTLING)
