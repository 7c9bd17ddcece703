"""What leaves, and when: finished updates, the evidence of them, and answers under keys.

An update that is long at rest is moved to `archived_updates`, where its order still finds what
it needs of it; the rest is deleted. Rows leave in small batches, each a transaction of its own,
oldest first by an index, so that neither the traffic nor autovacuum waits for them. Several
pollers share the work: a row that another holds is passed by.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from uuid import UUID

import sqlalchemy as sa

from app.storage.postgres.database import Database
from app.storage.postgres.sharding import Sweep

BATCH = 500

# In one statement: whoever looks finds it in exactly one of the two tables.
_UPDATES = Sweep(
    """
      FROM updates d
     WHERE d.state IN ('confirmed', 'dismissed') AND d.in_doubt_until IS NULL
       AND d.finished_at < now() - make_interval(days => :days)""",
    """
    WITH old AS MATERIALIZED (
      SELECT d.store_id, d.id <due>
       ORDER BY d.finished_at LIMIT :batch FOR UPDATE SKIP LOCKED),
    gone AS (
      DELETE FROM updates u USING old WHERE u.store_id = old.store_id AND u.id = old.id AND <u>
      RETURNING u.*)
    INSERT INTO archived_updates (store_id, id, target, subject, order_id, kind, sequence, payload,
           state, attempts, ambiguous, dismissed_by, note, requested_by, created_at, updated_at,
           finished_at)
    SELECT <gone.store_id>, id, target, subject, order_id, kind, sequence,
           CASE kind WHEN 'tracking' THEN payload
                     WHEN 'inventory' THEN payload
                     WHEN 'commerce_note' THEN payload
                     WHEN 'shipment' THEN jsonb_build_object('tracking_number',
                                                             payload->'tracking_number')
                     ELSE '{}' END,
           state, attempts, ambiguous, dismissed_by, note, requested_by, created_at, updated_at,
           finished_at
      FROM gone
    """,
)
# The tries of an update that is not at rest stay, however old: they say why it is not. A sweep
# passes by them once, and does not look at them again for each batch.
_ATTEMPTS = Sweep(
    "FROM attempts d WHERE d.ended_at < now() - make_interval(days => :days)",
    """
    WITH looked AS MATERIALIZED (
      SELECT d.store_id, d.id, d.update_id, d.ended_at <due> AND d.ended_at >= :at
         AND (d.ended_at, d.store_id, d.id) > (:at, :after_store, :id)
       ORDER BY d.ended_at, d.store_id, d.id LIMIT :batch FOR UPDATE SKIP LOCKED),
    gone AS (
      DELETE FROM attempts a USING looked l
       WHERE a.store_id = l.store_id AND a.id = l.id AND <a>
         AND NOT EXISTS (SELECT FROM updates u
              WHERE u.store_id = <l.store_id> AND u.id = l.update_id
                AND u.state NOT IN ('confirmed', 'dismissed'))
      RETURNING a.id)
    SELECT ended_at, store_id, id, (SELECT count(*) FROM gone) AS gone,
           (SELECT count(*) FROM looked) AS looked
      FROM looked ORDER BY ended_at DESC, store_id DESC, id DESC LIMIT 1
    """,
    sa.bindparam("at", type_=sa.DateTime(timezone=True)),
    sa.bindparam("after_store", type_=sa.Integer),
    sa.bindparam("id", type_=sa.Uuid),
)
_KEYS = Sweep(
    "FROM idempotency_keys d WHERE d.created_at < now() - make_interval(days => :days)",
    """
    DELETE FROM idempotency_keys k
     WHERE k.ctid = ANY (ARRAY(SELECT d.ctid <due>
             ORDER BY d.created_at LIMIT :batch FOR UPDATE SKIP LOCKED)) AND <k>
    """,
)


_EVENTS = Sweep(
    "FROM webhook_events d WHERE d.received_at < now() - make_interval(days => :days)",
    """
    DELETE FROM webhook_events w
     USING (SELECT d.store_id, d.event_id <due>
             ORDER BY d.received_at LIMIT :batch FOR UPDATE SKIP LOCKED) old
     WHERE w.store_id = old.store_id AND w.event_id = old.event_id AND <w>
    """,
)


_EVENT_IDS = Sweep(
    "FROM commerce_event_ids d WHERE d.received_at < now() - make_interval(days => :days)",
    """
    DELETE FROM commerce_event_ids w
     USING (SELECT d.store_id, d.event_id <due>
             ORDER BY d.received_at LIMIT :batch FOR UPDATE SKIP LOCKED) old
     WHERE w.store_id = old.store_id AND w.event_id = old.event_id AND <w>
    """,
)
# Commerce tells of every order of the shop; most are none of Walmart's.
_UNLINKED = Sweep(
    """
      FROM commerce_events d
     WHERE d.state = 'waiting' AND d.order_id IS NULL
       AND d.received_at < now() - make_interval(days => :days)""",
    """
    DELETE FROM commerce_events w
     USING (SELECT d.store_id, d.id <due>
             ORDER BY d.received_at LIMIT :batch FOR UPDATE SKIP LOCKED) old
     WHERE w.store_id = old.store_id AND w.id = old.id AND <w>
    """,
)


async def archive_updates(database: Database, days: int, batch: int = BATCH) -> int:
    """Move some updates that have been at rest for so many days; answers how many there were."""
    return await _do(database, _UPDATES, days, batch)


@dataclass(frozen=True, slots=True)
class SweepPosition:
    """How far a sweep of old tries has come: the last it looked at, and how many it deleted."""

    at: datetime
    store_id: int
    id: UUID
    gone: int = 0
    # Whether there may be more behind it.
    more: bool = True


START = SweepPosition(datetime.min.replace(tzinfo=UTC), 0, UUID(int=0))


async def sweeps(database: Database, days: int) -> list[tuple[int, ...]]:
    """Whose tries are swept, one after another, each from the oldest on."""
    return await _ATTEMPTS.turns(database, {"days": days})


async def forget_attempts(
    database: Database,
    days: int,
    after: SweepPosition = START,
    batch: int = BATCH,
    *,
    stores: Sequence[int] = (),
) -> SweepPosition:
    """Look at some tries that ended so many days ago, from the oldest on; delete what may leave.

    stores: one of `sweeps`.
    """
    values = {"days": days, "batch": batch, "at": after.at, "after_store": after.store_id}
    async with database.begin() as connection:
        rows = await _ATTEMPTS.execute(connection, stores, {**values, "id": after.id})
        row = rows.one_or_none()
    if row is None:
        return replace(after, gone=0, more=False)
    return SweepPosition(row.ended_at, row.store_id, row.id, row.gone, row.looked >= batch)


async def forget_events(database: Database, days: int, batch: int = BATCH) -> int:
    """Delete some events of Walmart's that came so many days ago."""
    return await _do(database, _EVENTS, days, batch)


async def forget_event_ids(database: Database, days: int, batch: int = BATCH) -> int:
    """Delete some ids of Adobe's events that came so many days ago."""
    return await _do(database, _EVENT_IDS, days, batch)


async def forget_unlinked(database: Database, days: int, batch: int = BATCH) -> int:
    """Delete some of what Commerce told so many days ago of orders that nobody ever linked."""
    return await _do(database, _UNLINKED, days, batch)


async def forget_keys(database: Database, days: int, batch: int = BATCH) -> int:
    """Delete some answers that were kept under an Idempotency-Key for so many days."""
    return await _do(database, _KEYS, days, batch)


async def _do(database: Database, statement: Sweep, days: int, batch: int) -> int:
    left = 0
    for stores in await statement.turns(database, {"days": days}):
        async with database.begin() as connection:
            values = {"days": days, "batch": batch}
            left += int((await statement.execute(connection, stores, values)).rowcount)
    return left
