"""Announcements of Walmart's: written once each, looked at by one poller at a time."""

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from app.storage.database import Connection
from app.storage.tables import stores, webhook_events

BATCH = 50
# While a poller looks at one, for so long nobody else does (seconds); twice as long after each
# try that came to nothing, at most LONGEST, MOST_TRIES times. Then polling has to find it.
FIRST, LONGEST, MOST_TRIES = 5.0, 300.0, 10

_TAKE = sa.text("""
    WITH due AS MATERIALIZED (
      SELECT store_id, event_id FROM webhook_events
       WHERE processed_at IS NULL AND due_at <= now()
       ORDER BY due_at LIMIT :batch FOR UPDATE SKIP LOCKED)
    UPDATE webhook_events w
       SET tries = w.tries + 1,
           due_at = now() + make_interval(secs => least(:longest, :first * 2 ^ w.tries))
      FROM due WHERE w.store_id = due.store_id AND w.event_id = due.event_id
    RETURNING w.store_id, w.event_id, w.purchase_order_id, w.return_order_id, w.tries
""")


@dataclass(frozen=True, slots=True)
class Announcement:
    """An event to write down: which order or return to look at."""

    store_id: int
    event_id: str
    event_type: str
    purchase_order_id: str | None
    return_order_id: str | None


@dataclass(frozen=True, slots=True)
class Taken:
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


async def add(connection: Connection, announced: Announcement) -> bool:
    """Write an event down; False where it was announced before."""
    values = {name: getattr(announced, name) for name in announced.__slots__}
    statement = insert(webhook_events).values(**values).on_conflict_do_nothing()
    found = await connection.execute(statement.returning(webhook_events.c.event_id))
    return found.first() is not None


async def take(connection: Connection) -> Sequence[Taken]:
    """Take some events that are due."""
    values = {"batch": BATCH, "first": FIRST, "longest": LONGEST}
    return [Taken(**row) for row in (await connection.execute(_TAKE, values)).mappings()]


async def done(connection: Connection, event: Taken, outcome: str) -> None:
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
        sa.update(stores).where(stores.c.store_id == store_id).values(webhook_secret=sealed)
    )
