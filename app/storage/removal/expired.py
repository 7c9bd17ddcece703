"""Rows that are deleted some days after a time of theirs: answers, events, the audit, sessions.

Rows leave in small batches, each a transaction of its own, oldest first by an index, so that
neither traffic nor autovacuum waits for them. Pollers share the work: a row that another poller has
locked is skipped. Updates and their attempts are in `app/storage/outbox/retention.py`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from app.storage.postgres import sharding, sql
from app.storage.postgres.database import Database
from app.storage.postgres.sharding import Sweep

BATCH = 500


def _rows(
    table: str,
    at: str,
    *,
    only: str = "true",
    lock: str = "FOR UPDATE SKIP LOCKED",
) -> Sweep:
    """The rows of a table with a time at that is so many days old. only: a condition of rows d."""
    return Sweep(
        f"FROM {table} d WHERE d.{at} < now() - make_interval(days => :days) AND {only}",
        sql.read("removal/delete_expired.sql", table=table, order=f"ORDER BY d.{at}", lock=lock),
    )


@dataclass(frozen=True, slots=True)
class Expired:
    """Rows of one kind, of one table or two."""

    sweeps: tuple[Sweep, ...]
    marks: Mapping[str, str] = field(default_factory=dict)
    """Settings that triggers of the rows read."""

    async def remove(self, database: Database, days: int) -> int:
        """Delete a batch of each table; returns the larger number of rows."""
        return max([await self._delete(database, sweep, days) for sweep in self.sweeps])

    async def _delete(self, database: Database, sweep: Sweep, days: int) -> int:
        count = 0
        for stores in await sweep.turns(database, {"days": days}):
            async with database.begin() as connection:
                await sharding.mark(connection, self.marks)
                values = {"days": days, "batch": BATCH}
                count += int((await sweep.execute(connection, stores, values)).rowcount)
        return count


IDEMPOTENCY_KEYS = Expired((_rows("idempotency_keys", "created_at"),))
"""Answers that are stored under an Idempotency-Key."""
WALMART_EVENTS = Expired((_rows("webhook_events", "received_at"),))
COMMERCE_EVENT_IDS = Expired((_rows("commerce_event_ids", "received_at"),))
UNLINKED_EVENTS = Expired(
    (
        _rows(
            "commerce_events",
            "received_at",
            only="d.state = 'waiting' AND d.order_id IS NULL",
        ),
    )
)
"""Commerce sends events of every order of the shop; most of these are not Walmart orders."""
NONCES = Expired((_rows("oauth_nonces", "used_at"),))
"""Nonces of signed requests."""
SESSIONS = Expired((_rows("sessions", "ends_at"), _rows("sign_in_links", "expires_at")))
"""Sessions and sign-in links that are over."""
# Without FOR UPDATE, which needs a right that the application does not have (grants.py). The
# trigger of the table lets only a transaction with the mark delete.
AUDIT = Expired((_rows("audit", "at", lock=""),), {"waybill.retention": "audit"})
MESSAGES = Expired((_rows("notification_messages", "created_at"),))
"""Notifications, each from the time when it was made."""
JOBS = Expired((_rows("jobs", "finished_at"),))
ROLLUPS = Expired(
    (
        _rows("delivery_rollups", "starts_at"),
        Sweep(
            """
              FROM unnest(ARRAY[30, 120, 1440]) AS m (minutes)
              JOIN delivery_rollup_steps d ON d.minutes = m.minutes
             WHERE d.starts_at < now() - make_interval(days => :days)""",
            sql.read(
                "removal/delete_expired.sql",
                table="delivery_rollup_steps",
                order="",
                lock="FOR UPDATE OF d SKIP LOCKED",
            ),
        ),
    )
)
"""Sums of deliveries."""
