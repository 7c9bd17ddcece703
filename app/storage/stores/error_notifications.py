"""What a store is to be notified of, and its queue: sent by one poller at a time."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from app.domain.notification_kind import NotificationKind
from app.storage.postgres import sql
from app.storage.postgres.database import Connection, Database
from app.storage.postgres.sharding import Sweep
from app.storage.tables import notification_messages, notifications
from app.storage.tables import notification_queues as queues
from app.storage.tables import stores as stores_table

# Stores that a poller notifies at once; the occurrences that are read at most for new messages.
BATCH, MOST = 20, 1000
# Seconds for which a poller has a store for itself; seconds between two messages to a store.
# mutation: notification-interval
LEASE, PACE = 60.0, 60.0

_TAKE = Sweep(
    """
      FROM notification_queues d
     WHERE d.due_at <= now()
       AND (EXISTS (SELECT FROM notifications n WHERE n.store_id = <d.store_id>)
            OR EXISTS (SELECT FROM notification_messages m WHERE m.store_id = <d.store_id>
                          AND m.delivered_at IS NULL AND m.given_up_at IS NULL))""",
    sql.read("stores/take_notifications.sql"),
    since="d.due_at",
    of_one_store=sql.read("stores/take_notifications_of_store.sql"),
)


@dataclass(frozen=True, slots=True)
class DueNotification:
    """A store that is due to be notified."""

    store_id: int
    id: UUID
    code: str
    name: str
    tries: int
    failing_for: float | None
    """Seconds since the first failure. None means that the last message arrived."""


@dataclass(frozen=True, slots=True)
class SealedReceiver:
    """Where a store's notifications go, and the secrets that sign them. All are encrypted."""

    url: bytes = field(repr=False)
    secrets: tuple[bytes, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Occurrence:
    """An error, or something else, to notify a store of."""

    id: int
    what: str
    kind: str
    code: str
    about: UUID | None
    created_at: datetime
    detail: Mapping[str, Any] | None = None


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


async def waiting(
    connection: Connection, store_id: int, *, without: Iterable[NotificationKind]
) -> list[Occurrence]:
    """What a store is to be notified of, the oldest first. without: kinds to leave out."""
    columns = [notifications.c[name] for name in Occurrence.__slots__]
    statement = sa.select(*columns).where(notifications.c.store_id == store_id)
    others = [kind.value for kind in NotificationKind if kind is not NotificationKind.ERRORS]
    for kind in without:
        is_error = kind is NotificationKind.ERRORS
        named = notifications.c.what
        statement = statement.where(named.in_(others) if is_error else named != kind.value)
    rows = await connection.execute(statement.order_by(notifications.c.id).limit(MOST))
    return [Occurrence(**row) for row in rows.mappings()]


async def drop(connection: Connection, store_id: int, some: Sequence[Occurrence]) -> None:
    """Remove what messages were made of."""
    # By id, and not up to the last: one with a lower id may have been written since.
    await connection.execute(
        sa.delete(notifications).where(
            notifications.c.store_id == store_id,
            notifications.c.id.in_([each.id for each in some]),
        )
    )


async def delivered(connection: Connection, store_id: int) -> None:
    """Record that all messages arrived; the next ones may be sent in a minute."""
    await _change(
        connection, store_id, PACE, tries=0, failing_since=None, last_error=None, given_up=0
    )


async def failed(connection: Connection, store_id: int, why: str, again_in: float) -> None:
    """Record that a message did not arrive; it is repeated after so many seconds."""
    first = sa.update(queues).where(queues.c.store_id == store_id, queues.c.failing_since.is_(None))
    await connection.execute(first.values(failing_since=sa.func.now()))
    tries = queues.c.tries + 1
    await _change(connection, store_id, again_in, tries=tries, last_error=why[:500])


async def give_up(connection: Connection, store_id: int, count: int, why: str) -> None:
    """Give up notifying of so many occurrences; the store shows how many they were, and why."""
    await _change(
        connection,
        store_id,
        PACE,
        tries=0,
        failing_since=None,
        last_error=why[:500],
        given_up=queues.c.given_up + count,
    )


async def receiver(connection: Connection, store_id: int) -> SealedReceiver | None:
    """Where a store's notifications go. None means that it has no address."""
    columns = stores_table.c
    old = sa.case((columns.notify_old_secret_until > sa.func.now(), columns.notify_old_secret))
    statement = sa.select(columns.notify_url, columns.notify_secret, old.label("old")).where(
        columns.store_id == store_id, columns.notify_url.is_not(None)
    )
    row = (await connection.execute(statement)).one_or_none()
    if row is None:
        return None
    secrets = (row.notify_secret, row.old)
    return SealedReceiver(row.notify_url, tuple(each for each in secrets if each is not None))


async def begin(connection: Connection, store_id: int) -> None:
    """Start notifying a store, without any failure of before."""
    statement = insert(queues).values(
        store_id=store_id,
        due_at=sa.func.now(),
        tries=0,
        failing_since=None,
        last_error=None,
        given_up=0,
    )
    given = statement.excluded
    names = ("due_at", "tries", "failing_since", "last_error", "given_up")
    await connection.execute(
        statement.on_conflict_do_update(
            index_elements=["store_id"], set_={name: given[name] for name in names}
        )
    )


async def end(connection: Connection, store_id: int) -> None:
    """Stop notifying a store."""
    for table in (notifications, notification_messages, queues):
        await connection.execute(sa.delete(table).where(table.c.store_id == store_id))


async def _change(connection: Connection, store_id: int, due_in: float, **values: object) -> None:
    due_at = sa.func.now() + sa.func.make_interval(0, 0, 0, 0, 0, 0, due_in)
    await connection.execute(
        sa.update(queues).where(queues.c.store_id == store_id).values(due_at=due_at, **values)
    )
