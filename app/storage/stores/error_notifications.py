"""Error notifications: queued for each store, sent by one poller at a time, or given up."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from app.storage.postgres import sql
from app.storage.postgres.database import Connection, Database
from app.storage.postgres.sharding import Sweep
from app.storage.tables import notification_queues as queues
from app.storage.tables import notifications
from app.storage.tables import stores as stores_table

# Stores that a poller notifies at once; the errors that one message contains at most.
BATCH, MOST = 20, 1000
# Seconds for which a poller has a store for itself; seconds between two messages to a store.
# mutation: notification-interval
LEASE, PACE = 60.0, 60.0

_TAKE = Sweep(
    """
      FROM notification_queues d
     WHERE d.due_at <= now()
       AND EXISTS (SELECT FROM notifications n WHERE n.store_id = d.store_id)""",
    sql.read("stores/take_notifications.sql"),
    since="d.due_at",
)


@dataclass(frozen=True, slots=True)
class DueNotification:
    """A store that is due to be notified. url and secret are encrypted."""

    store_id: int
    id: UUID
    code: str
    name: str
    url: bytes = field(repr=False)
    secret: bytes = field(repr=False)
    tries: int
    failing_for: float | None
    """Seconds since the first failure. None means that the last message arrived."""


@dataclass(frozen=True, slots=True)
class NewError:
    """An error to notify a store of."""

    id: int
    what: str
    kind: str
    code: str
    about: UUID | None
    created_at: datetime


async def take(database: Database) -> list[DueNotification]:
    """Take some stores that have new errors and are due to be notified."""
    taken: list[DueNotification] = []
    for stores in await _TAKE.turns(database, {}):
        if len(taken) < BATCH:
            async with database.begin() as connection:
                values = {"batch": BATCH - len(taken), "lease": LEASE}
                rows = await _TAKE.execute(connection, stores, values)
                taken += [DueNotification(**row) for row in rows.mappings()]
    return taken


async def waiting(connection: Connection, store_id: int) -> list[NewError]:
    """The errors to notify a store of, the oldest first."""
    columns = (notifications.c[name] for name in NewError.__slots__)
    statement = (
        sa.select(*columns)
        .where(notifications.c.store_id == store_id)
        .order_by(notifications.c.id)
        .limit(MOST)
    )
    return [NewError(**row) for row in (await connection.execute(statement)).mappings()]


async def delivered(connection: Connection, store_id: int, errors: Sequence[NewError]) -> None:
    """Record that a message arrived; the next one may be sent in a minute."""
    await _drop(connection, store_id, errors)
    await _change(
        connection, store_id, PACE, tries=0, failing_since=None, last_error=None, given_up=0
    )


async def failed(connection: Connection, store_id: int, why: str, again_in: float) -> None:
    """Record that a message did not arrive; it is repeated after so many seconds."""
    since = sa.func.coalesce(queues.c.failing_since, sa.func.now())
    tries = queues.c.tries + 1
    await _change(
        connection, store_id, again_in, tries=tries, failing_since=since, last_error=why[:500]
    )


async def give_up(
    connection: Connection, store_id: int, errors: Sequence[NewError], why: str
) -> None:
    """Give up notifying of these errors; the store shows how many they were, and why."""
    await _drop(connection, store_id, errors)
    given_up = queues.c.given_up + len(errors)
    await _change(
        connection,
        store_id,
        PACE,
        tries=0,
        failing_since=None,
        last_error=why[:500],
        given_up=given_up,
    )


async def target(connection: Connection, store_id: int) -> tuple[bytes, bytes] | None:
    """The encrypted address and secret of a store's notifications. None means that it has none."""
    statement = sa.select(stores_table.c.notify_url, stores_table.c.notify_secret).where(
        stores_table.c.store_id == store_id, stores_table.c.notify_url.is_not(None)
    )
    row = (await connection.execute(statement)).one_or_none()
    return None if row is None else (row.notify_url, row.notify_secret)


async def begin(connection: Connection, store_id: int) -> None:
    """Start notifying a store, without any failure of before."""
    fresh = {
        "due_at": sa.func.now(),
        "tries": 0,
        "failing_since": None,
        "last_error": None,
        "given_up": 0,
    }
    statement = insert(queues).values(store_id=store_id)
    await connection.execute(
        statement.on_conflict_do_update(index_elements=["store_id"], set_=fresh)
    )


async def end(connection: Connection, store_id: int) -> None:
    """Stop notifying a store."""
    for table in (notifications, queues):
        await connection.execute(sa.delete(table).where(table.c.store_id == store_id))


async def _drop(connection: Connection, store_id: int, errors: Sequence[NewError]) -> None:
    # By id, and not up to the last: an error with a lower id may have been written since.
    await connection.execute(
        sa.delete(notifications).where(
            notifications.c.store_id == store_id,
            notifications.c.id.in_([error.id for error in errors]),
        )
    )


async def _change(connection: Connection, store_id: int, due_in: float, **values: object) -> None:
    due_at = sa.func.now() + sa.func.make_interval(0, 0, 0, 0, 0, 0, due_in)
    await connection.execute(
        sa.update(queues).where(queues.c.store_id == store_id).values(due_at=due_at, **values)
    )
