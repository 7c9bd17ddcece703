"""What leaves the database, and when: evidence of finished updates, and answers under keys.

Rows leave in small batches, each a transaction of its own, oldest first by an index, so that
neither the traffic nor autovacuum waits for them. Several pollers share the work: a row that
another is deleting is passed by.
"""

import sqlalchemy as sa

from app.storage.database import Database

BATCH = 500

# The tries of an update that is not at rest stay, however old: they say why it is not.
_ATTEMPTS = sa.text("""
    DELETE FROM attempts a
     USING (SELECT t.store_id, t.id FROM attempts t
             WHERE t.ended_at < now() - make_interval(days => :days)
               AND NOT EXISTS (SELECT FROM updates u
                    WHERE u.store_id = t.store_id AND u.id = t.update_id
                      AND u.state NOT IN ('confirmed', 'dismissed'))
             ORDER BY t.ended_at LIMIT :batch FOR UPDATE SKIP LOCKED) old
     WHERE a.store_id = old.store_id AND a.id = old.id
""")
_KEYS = sa.text("""
    DELETE FROM idempotency_keys
     WHERE ctid = ANY (ARRAY(SELECT ctid FROM idempotency_keys
             WHERE created_at < now() - make_interval(days => :days)
             ORDER BY created_at LIMIT :batch FOR UPDATE SKIP LOCKED))
""")


async def forget_attempts(database: Database, days: int, batch: int = BATCH) -> int:
    """Delete some tries that ended so many days ago; answers how many there were."""
    return await _delete(database, _ATTEMPTS, days, batch)


async def forget_keys(database: Database, days: int, batch: int = BATCH) -> int:
    """Delete some answers that were kept under an Idempotency-Key for so many days."""
    return await _delete(database, _KEYS, days, batch)


async def _delete(database: Database, statement: sa.TextClause, days: int, batch: int) -> int:
    async with database.begin() as connection:
        result = await connection.execute(statement, {"days": days, "batch": batch})
        return int(result.rowcount)
