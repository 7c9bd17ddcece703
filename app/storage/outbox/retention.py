"""Retention of updates: finished ones are archived, and their old attempts are deleted.

An update that has been at rest for long is moved to `archived_updates`, where its order still
finds what it needs of it. Rows leave in small batches, each a transaction of its own, oldest first
by an index, so that neither traffic nor autovacuum waits for them. Pollers share the work: a row
that another poller has locked is skipped.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from uuid import UUID

from app.storage.postgres import sql
from app.storage.postgres.database import Database
from app.storage.postgres.sharding import Sweep

BATCH = 500

# mutation: archive-only-at-rest
_UPDATES = Sweep(
    """
      FROM updates d
     WHERE d.state IN ('confirmed', 'dismissed') AND d.in_doubt_until IS NULL
       AND d.finished_at < now() - make_interval(days => :days)""",
    sql.read("outbox/archive_updates.sql"),
)
_ATTEMPTS = Sweep(
    "FROM attempts d WHERE d.ended_at < now() - make_interval(days => :days)",
    sql.read("outbox/delete_attempts.sql"),
)


async def archive_updates(database: Database, days: int, batch: int = BATCH) -> int:
    """Archive some updates that have been at rest for so many days; answers how many."""
    count = 0
    for stores in await _UPDATES.turns(database, {"days": days}):
        async with database.begin() as connection:
            values = {"days": days, "batch": batch}
            count += int((await _UPDATES.execute(connection, stores, values)).rowcount)
    return count


@dataclass(frozen=True, slots=True)
class SweepPosition:
    """The position of a sweep of old attempts: the last one that it looked at."""

    at: datetime
    store_id: int
    id: UUID
    gone: int = 0
    """How many attempts the last batch deleted."""
    more: bool = True
    """Whether there may be more behind the position."""


START = SweepPosition(datetime.min.replace(tzinfo=UTC), 0, UUID(int=0))


async def sweeps(database: Database, days: int) -> list[tuple[int, ...]]:
    """The turns (stores) of a sweep of old attempts, each from the oldest on."""
    return await _ATTEMPTS.turns(database, {"days": days})


async def forget_attempts(
    database: Database,
    days: int,
    after: SweepPosition,
    *,
    stores: Sequence[int],
    batch: int = BATCH,
) -> SweepPosition:
    """Delete some attempts that ended so many days ago, behind a position, where they may leave.

    stores: one of `sweeps`.
    """
    values = {"days": days, "batch": batch, "at": after.at, "after_store": after.store_id}
    async with database.begin() as connection:
        rows = await _ATTEMPTS.execute(connection, stores, {**values, "id": after.id})
        row = rows.one_or_none()
    if row is None:
        return replace(after, gone=0, more=False)
    return SweepPosition(row.ended_at, row.store_id, row.id, row.gone, row.looked >= batch)
