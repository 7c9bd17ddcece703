"""The inbox of Walmart's webhook events, each stored once and handled by one poller at a time."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from app.storage.postgres import sql
from app.storage.postgres.database import Connection
from app.storage.postgres.sharding import AllShardsQuery
from app.storage.postgres.sql import Statement
from app.storage.tables import stores, webhook_events

# Events of one store that are handled at once.
FEW = 5
# Walmart repeats an event after 5, 15 and 45 minutes, then never; so many seconds after the change
# it must have arrived.
GRACE = 4_500.0
# Seconds for which a poller has an event for itself; twice as long after each failure, at most
# LONGEST. After MOST_TRIES attempts polling has to find the change.
FIRST, LONGEST, MOST_TRIES = 5.0, 300.0, 10

_DUE = AllShardsQuery(
    sql.load("imports/list_stores_with_events.sql"),
    sql.load("imports/list_stores_with_events_sharded.sql"),
)
_TAKE = sql.load("imports/take_events.sql")
_HAND_BACK = Statement("""
    UPDATE webhook_events SET tries = tries - 1, due_at = now() + make_interval(secs => :seconds)
     WHERE store_id = :store_id AND event_id = :event_id AND processed_at IS NULL
""")
_EXPECT = sql.load("imports/expect_events.sql")
_MISSED = sql.load("imports/count_missed_events.sql")


@dataclass(frozen=True, slots=True)
class NewWebhookEvent:
    """An event to store, with the order or return to read."""

    store_id: int
    event_id: str
    event_type: str
    purchase_order_id: str | None
    return_order_id: str | None


@dataclass(frozen=True, slots=True)
class WebhookEvent:
    """A stored event that was taken."""

    store_id: int
    event_id: str
    purchase_order_id: str | None
    return_order_id: str | None
    tries: int
    """Attempts, this one included."""

    @property
    def last(self) -> bool:
        """Whether this is the last attempt."""
        return self.tries >= MOST_TRIES


@dataclass(frozen=True, slots=True)
class ExpectedEvent:
    """A change of an order that Walmart should send an event of, after since."""

    number: str
    happened_at: datetime
    since: datetime | None = None


async def add(connection: Connection, announced: NewWebhookEvent) -> bool:
    """Store an event; False if it is stored already."""
    values = {name: getattr(announced, name) for name in announced.__slots__}
    # mutation: webhook-event-once
    statement = insert(webhook_events).values(**values).on_conflict_do_nothing()
    found = await connection.execute(statement.returning(webhook_events.c.event_id))
    return found.first() is not None


async def due(connection: Connection) -> list[int]:
    """Stores that have a due event and whose Walmart may be read, the longest overdue first."""
    return [row["store_id"] for row in await _DUE.fetch(connection, {})]


async def take(connection: Connection, store_id: int) -> Sequence[WebhookEvent]:
    """Take a few due events of a store."""
    values = {"store_id": store_id, "most": FEW, "first": FIRST, "longest": LONGEST}
    return [WebhookEvent(**row) for row in (await _TAKE.execute(connection, values)).mappings()]


async def hand_back(connection: Connection, event: WebhookEvent, seconds: float) -> None:
    """Return an event that could not be handled; it is due again after so many seconds."""
    values = {"store_id": event.store_id, "event_id": event.event_id, "seconds": seconds}
    await _HAND_BACK.execute(connection, values)


async def done(connection: Connection, event: WebhookEvent, outcome: str) -> None:
    """Write the outcome of an event, which is not taken again."""
    await connection.execute(
        sa.update(webhook_events)
        .where(
            webhook_events.c.store_id == event.store_id,
            webhook_events.c.event_id == event.event_id,
        )
        .values(processed_at=sa.func.now(), outcome=outcome)
    )


async def secret(connection: Connection, store_id: UUID) -> tuple[int, bytes | None] | None:
    """The number of a store, and the sealed secret of Walmart's signatures, if it is subscribed.

    None means that there is no such store.
    """
    statement = sa.select(stores.c.store_id, stores.c.webhook_secret)
    row = (await connection.execute(statement.where(stores.c.id == store_id))).one_or_none()
    return None if row is None else (row.store_id, row.webhook_secret)


async def set_secret(connection: Connection, store_id: int, sealed: bytes) -> None:
    """Store the secret of Walmart's signatures."""
    store = sa.update(stores).where(stores.c.store_id == store_id)
    await connection.execute(store.values(webhook_secret=sealed))
    first = store.where(stores.c.webhooks_since.is_(None))
    await connection.execute(first.values(webhooks_since=sa.func.now()))


async def expect(connection: Connection, store_id: int, changes: Sequence[ExpectedEvent]) -> None:
    """Store changes that polling found first, if the store has a webhook subscription."""
    if changes:
        rows = [
            {
                "number": each.number,
                "since": each.since.isoformat() if each.since else None,
                "happened_at": each.happened_at.isoformat(),
            }
            for each in changes
        ]
        await _EXPECT.execute(connection, {"store_id": store_id, "changes": rows})


async def missed(connection: Connection, store_id: int, grace: float) -> int:
    """Count, once each, the changes of which no event arrived within grace seconds."""
    values = {"store_id": store_id, "grace": grace}
    return int((await _MISSED.execute(connection, values)).scalar_one())
