"""Retention: finished updates are archived; old attempts, events and stored answers are deleted.

An update that has been at rest for long is moved to `archived_updates`, where its order still
finds what it needs of it. Rows leave in small batches, each a transaction of its own, oldest first
by an index, so that neither traffic nor autovacuum waits for them. Pollers share the work: a row
that another poller has locked is skipped.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from uuid import UUID

from app.storage.postgres import sharding, sql
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
_NONCES = Sweep(
    "FROM oauth_nonces d WHERE d.used_at < now() - make_interval(days => :days)",
    """
    DELETE FROM oauth_nonces n
     WHERE n.ctid = ANY (ARRAY(SELECT d.ctid <due>
             ORDER BY d.used_at LIMIT :batch FOR UPDATE SKIP LOCKED)) AND <n>
    """,
)
# Without FOR UPDATE, which needs a right that the application does not have (grants.py).
_AUDIT = Sweep(
    "FROM audit d WHERE d.at < now() - make_interval(days => :days)",
    """
    DELETE FROM audit a
     USING (SELECT d.store_id, d.id <due>
             ORDER BY d.at LIMIT :batch) old
     WHERE a.store_id = old.store_id AND a.id = old.id AND <a>
    """,
)
_ROLLUPS = Sweep(
    "FROM delivery_rollups d WHERE d.starts_at < now() - make_interval(days => :days)",
    """
    DELETE FROM delivery_rollups r
     USING (SELECT d.store_id, d.starts_at, d.kind <due>
             ORDER BY d.starts_at LIMIT :batch FOR UPDATE SKIP LOCKED) old
     WHERE r.store_id = old.store_id AND r.starts_at = old.starts_at AND r.kind = old.kind
       AND <r>
    """,
)
_ROLLUP_STEPS = Sweep(
    """
      FROM unnest(ARRAY[30, 120, 1440]) AS m (minutes)
      JOIN delivery_rollup_steps d ON d.minutes = m.minutes
     WHERE d.starts_at < now() - make_interval(days => :days)""",
    """
    DELETE FROM delivery_rollup_steps r
     USING (SELECT d.store_id, d.minutes, d.starts_at, d.kind <due>
             LIMIT :batch FOR UPDATE OF d SKIP LOCKED) old
     WHERE r.store_id = old.store_id AND r.minutes = old.minutes
       AND r.starts_at = old.starts_at AND r.kind = old.kind AND <r>
    """,
)
# Sessions and sign-in links that are over.
_SESSIONS = Sweep(
    "FROM sessions d WHERE d.ends_at < now() - make_interval(days => :days)",
    """
    DELETE FROM sessions s
     WHERE s.ctid = ANY (ARRAY(SELECT d.ctid <due>
             ORDER BY d.ends_at LIMIT :batch FOR UPDATE SKIP LOCKED)) AND <s>
    """,
)
_LINKS = Sweep(
    "FROM sign_in_links d WHERE d.expires_at < now() - make_interval(days => :days)",
    """
    DELETE FROM sign_in_links l
     WHERE l.ctid = ANY (ARRAY(SELECT d.ctid <due>
             ORDER BY d.expires_at LIMIT :batch FOR UPDATE SKIP LOCKED)) AND <l>
    """,
)
_MESSAGES = Sweep(
    "FROM notification_messages d WHERE d.created_at < now() - make_interval(days => :days)",
    """
    DELETE FROM notification_messages m
     USING (SELECT d.store_id, d.id <due>
             ORDER BY d.created_at LIMIT :batch FOR UPDATE SKIP LOCKED) old
     WHERE m.store_id = old.store_id AND m.id = old.id AND <m>
    """,
)
# Commerce sends events of every order of the shop; most of these are not Walmart orders.
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
    """Archive some updates that have been at rest for so many days; answers how many."""
    return await _do(database, _UPDATES, days, batch)


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
    after: SweepPosition = START,
    batch: int = BATCH,
    *,
    stores: Sequence[int] = (),
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


async def forget_events(database: Database, days: int, batch: int = BATCH) -> int:
    """Delete some Walmart events that arrived so many days ago."""
    return await _do(database, _EVENTS, days, batch)


async def forget_event_ids(database: Database, days: int, batch: int = BATCH) -> int:
    """Delete some ids of Adobe events that arrived so many days ago."""
    return await _do(database, _EVENT_IDS, days, batch)


async def forget_unlinked(database: Database, days: int, batch: int = BATCH) -> int:
    """Delete some Commerce events that arrived so many days ago and were never linked."""
    return await _do(database, _UNLINKED, days, batch)


async def forget_keys(database: Database, days: int, batch: int = BATCH) -> int:
    """Delete some answers that were stored under an Idempotency-Key so many days ago."""
    return await _do(database, _KEYS, days, batch)


async def forget_nonces(database: Database, days: int, batch: int = BATCH) -> int:
    """Delete some nonces of signed requests that were used so many days ago."""
    return await _do(database, _NONCES, days, batch)


async def forget_sessions(database: Database, days: int, batch: int = BATCH) -> int:
    """Delete some sessions of people, and sign-in links, that ended so many days ago."""
    removed = await _do(database, _SESSIONS, days, batch)
    return max(removed, await _do(database, _LINKS, days, batch))


async def forget_audit(database: Database, days: int, batch: int = BATCH) -> int:
    """Delete some acts of the audit that happened so many days ago."""
    # The trigger of the table lets only such a transaction delete.
    return await _do(database, _AUDIT, days, batch, **{"waybill.retention": "audit"})


async def forget_messages(database: Database, days: int, batch: int = BATCH) -> int:
    """Delete some notifications that were made so many days ago."""
    return await _do(database, _MESSAGES, days, batch)


async def forget_rollups(database: Database, days: int, batch: int = BATCH) -> int:
    """Delete some sums of deliveries of so many days ago."""
    removed = await _do(database, _ROLLUPS, days, batch)
    return max(removed, await _do(database, _ROLLUP_STEPS, days, batch))


async def _do(database: Database, statement: Sweep, days: int, batch: int, **marks: str) -> int:
    """marks: settings that triggers of the rows read."""
    count = 0
    for stores in await statement.turns(database, {"days": days}):
        async with database.begin() as connection:
            await sharding.mark(connection, marks)
            values = {"days": days, "batch": batch}
            count += int((await statement.execute(connection, stores, values)).rowcount)
    return count
