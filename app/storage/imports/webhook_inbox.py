"""Announcements of Walmart's: written once each, looked at by one poller at a time."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB, insert

from app.storage.postgres.database import APART, Connection
from app.storage.tables import stores, webhook_events

# Events of one store that are looked at at once.
FEW = 5
# Walmart sends an event again after 5, 15 and 45 minutes, then never; by then it has to be here
# (seconds).
GRACE = 4_500.0
# While a poller looks at one, for so long nobody else does (seconds); twice as long after each
# try that came to nothing, at most LONGEST, MOST_TRIES times. Then polling has to find it.
FIRST, LONGEST, MOST_TRIES = 5.0, 300.0, 10

# Stores one by one over the index, so that one with a million events costs no more than another.
_DUE = sa.text("""
    WITH RECURSIVE s AS (
      (SELECT store_id FROM webhook_events WHERE processed_at IS NULL ORDER BY store_id LIMIT 1)
      UNION ALL
      SELECT (SELECT w.store_id FROM webhook_events w
               WHERE w.processed_at IS NULL AND w.store_id > s.store_id
               ORDER BY w.store_id LIMIT 1)
        FROM s WHERE s.store_id IS NOT NULL)
    SELECT s.store_id FROM s
      CROSS JOIN LATERAL (
        SELECT w.due_at FROM webhook_events w
         WHERE w.store_id = s.store_id AND w.processed_at IS NULL
         ORDER BY w.due_at LIMIT 1) oldest
     WHERE s.store_id IS NOT NULL AND oldest.due_at <= now()
       AND NOT EXISTS (SELECT FROM lanes l WHERE l.store_id = s.store_id
                          AND l.endpoint IN ('*', 'read_order') AND l.paused_until > now())
     ORDER BY oldest.due_at
""")
# The same where stores' rows lie on several servers: each goes through what is open of its own.
_DUE_APART = sa.text("""
    SELECT w.store_id FROM webhook_events w
     WHERE w.processed_at IS NULL
       AND NOT EXISTS (SELECT FROM lanes l WHERE l.store_id = w.store_id
                          AND l.endpoint IN ('*', 'read_order') AND l.paused_until > now())
     GROUP BY w.store_id HAVING min(w.due_at) <= now() ORDER BY min(w.due_at)
""")
_TAKE = sa.text("""
    WITH due AS MATERIALIZED (
      SELECT event_id FROM webhook_events
       WHERE store_id = :store_id AND processed_at IS NULL AND due_at <= now()
       ORDER BY due_at LIMIT :most FOR UPDATE SKIP LOCKED)
    UPDATE webhook_events w
       SET tries = w.tries + 1,
           due_at = now() + make_interval(secs => least(:longest, :first * 2 ^ w.tries))
      FROM due WHERE w.store_id = :store_id AND w.event_id = due.event_id
    RETURNING w.store_id, w.event_id, w.purchase_order_id, w.return_order_id, w.tries
""")
_HAND_BACK = sa.text("""
    UPDATE webhook_events SET tries = tries - 1, due_at = now() + make_interval(secs => :seconds)
     WHERE store_id = :store_id AND event_id = :event_id AND processed_at IS NULL
""")
_EXPECT = sa.text("""
    INSERT INTO webhooks_expected (store_id, number, since)
    SELECT s.store_id, v.number, coalesce(v.since, '-infinity')
      FROM stores s
      CROSS JOIN jsonb_to_recordset(:changes)
           AS v(number text, since timestamptz, happened_at timestamptz)
     WHERE s.store_id = :store_id AND s.webhook_secret IS NOT NULL
       AND v.happened_at >= s.webhooks_since
        ON CONFLICT (store_id, number) DO NOTHING
""").bindparams(sa.bindparam("changes", type_=JSONB))
_MISSED = sa.text("""
    WITH over AS (
      DELETE FROM webhooks_expected
       WHERE store_id = :store_id AND seen_at <= now() - make_interval(secs => :grace)
      RETURNING number, since)
    SELECT count(*) FROM over o
     WHERE NOT EXISTS (SELECT FROM webhook_events w
                        WHERE w.store_id = :store_id AND w.purchase_order_id = o.number
                          AND w.received_at >= o.since)
""")


@dataclass(frozen=True, slots=True)
class NewWebhookEvent:
    """An event to write down: which order or return to look at."""

    store_id: int
    event_id: str
    event_type: str
    purchase_order_id: str | None
    return_order_id: str | None


@dataclass(frozen=True, slots=True)
class WebhookEvent:
    """An event to look at; tries counts this one."""

    store_id: int
    event_id: str
    purchase_order_id: str | None
    return_order_id: str | None
    tries: int

    @property
    def last(self) -> bool:
        """Whether it is not tried again."""
        return self.tries >= MOST_TRIES


@dataclass(frozen=True, slots=True)
class ExpectedEvent:
    """A change of an order that Walmart announces, with an event that came after since."""

    number: str
    happened_at: datetime
    since: datetime | None = None


async def add(connection: Connection, announced: NewWebhookEvent) -> bool:
    """Write an event down; False where it was announced before."""
    values = {name: getattr(announced, name) for name in announced.__slots__}
    statement = insert(webhook_events).values(**values).on_conflict_do_nothing()
    found = await connection.execute(statement.returning(webhook_events.c.event_id))
    return found.first() is not None


async def due(connection: Connection) -> list[int]:
    """Stores with events to look at whose Walmart may be read, the longest overdue first."""
    statement = _DUE_APART if connection.info[APART] else _DUE
    return list((await connection.execute(statement)).scalars())


async def take(connection: Connection, store_id: int) -> Sequence[WebhookEvent]:
    """Take a few events of a store that are due."""
    values = {"store_id": store_id, "most": FEW, "first": FIRST, "longest": LONGEST}
    return [WebhookEvent(**row) for row in (await connection.execute(_TAKE, values)).mappings()]


async def hand_back(connection: Connection, event: WebhookEvent, seconds: float) -> None:
    """Leave an event that could not be looked at until then, as if it had not been taken."""
    values = {"store_id": event.store_id, "event_id": event.event_id, "seconds": seconds}
    await connection.execute(_HAND_BACK, values)


async def done(connection: Connection, event: WebhookEvent, outcome: str) -> None:
    """Write down what came of an event; nobody looks at it again."""
    await connection.execute(
        sa.update(webhook_events)
        .where(
            webhook_events.c.store_id == event.store_id,
            webhook_events.c.event_id == event.event_id,
        )
        .values(processed_at=sa.func.now(), outcome=outcome)
    )


async def secret(connection: Connection, store_id: int) -> bytes | None:
    """The sealed secret by which Walmart signs; None where nobody subscribed yet."""
    statement = sa.select(stores.c.webhook_secret).where(stores.c.store_id == store_id)
    return (await connection.execute(statement)).scalar_one_or_none()


async def set_secret(connection: Connection, store_id: int, sealed: bytes) -> None:
    """Write down the secret by which Walmart signs."""
    await connection.execute(
        sa.update(stores)
        .where(stores.c.store_id == store_id)
        .values(
            webhook_secret=sealed,
            webhooks_since=sa.func.coalesce(stores.c.webhooks_since, sa.func.now()),
        )
    )


async def expect(connection: Connection, store_id: int, changes: Sequence[ExpectedEvent]) -> None:
    """Keep what polling found first, where the store's changes are announced at all."""
    if changes:
        rows = [
            {
                "number": each.number,
                "since": each.since.isoformat() if each.since else None,
                "happened_at": each.happened_at.isoformat(),
            }
            for each in changes
        ]
        await connection.execute(_EXPECT, {"store_id": store_id, "changes": rows})


async def missed(connection: Connection, store_id: int, grace: float) -> int:
    """How many changes Walmart had so many seconds to announce, and did not; counted once each."""
    values = {"store_id": store_id, "grace": grace}
    return int((await connection.execute(_MISSED, values)).scalar_one())
