"""Messages to a store: kept from when they are made, so that each has one id and one body.

At most one message of a kind waits to be sent. Messages that were delivered or given up stay for
`KEPT` days, for a replay.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa

from app.domain.notification_kind import NotificationKind
from app.storage.postgres.database import Connection
from app.storage.tables import notification_messages as table
from app.storage.tables import notification_queues as queues

KEPT = 30
"""Days in which a message can be sent again."""
PAGE = 100
"""Messages that `since` returns at most."""
_WAITS = sa.and_(table.c.delivered_at.is_(None), table.c.given_up_at.is_(None))


@dataclass(frozen=True, slots=True)
class Message:
    """A message as it is sent, whenever it is sent."""

    id: UUID
    kind: NotificationKind
    total: int
    """How many occurrences it reports."""
    body: str


async def add(connection: Connection, store_id: int, message: Message) -> None:
    """Store a new message, which then waits to be sent."""
    await connection.execute(
        sa.insert(table).values(
            store_id=store_id,
            id=message.id,
            kind=message.kind.value,
            total=message.total,
            body=message.body,
        )
    )


async def waiting(connection: Connection, store_id: int) -> list[Message]:
    """The messages to send, at most one of each kind."""
    return await _messages(connection, store_id, _WAITS)


async def since(
    connection: Connection,
    store_id: int,
    begin: datetime,
    kinds: Collection[NotificationKind],
    *,
    delivered: bool,
    after: UUID | None = None,
) -> list[Message]:
    """Some messages that were made since then, the oldest first, behind after.

    kinds: empty means all. delivered: those that arrived as well as those that did not.
    """
    wanted = [table.c.created_at >= begin]
    if after is not None:
        # The ids begin with the time.
        wanted.append(table.c.id > after)
    if kinds:
        wanted.append(table.c.kind.in_(sorted(kind.value for kind in kinds)))
    if not delivered:
        wanted.append(table.c.delivered_at.is_(None))
    return await _messages(connection, store_id, *wanted)


async def delivered(connection: Connection, store_id: int, messages: Sequence[Message]) -> None:
    """Record that messages arrived."""
    await _mark(connection, store_id, messages, delivered_at=sa.func.now())


async def given_up(connection: Connection, store_id: int, messages: Sequence[Message]) -> None:
    """Record that messages are not sent again, unless a person replays them."""
    await _mark(connection, store_id, messages, given_up_at=sa.func.now())


async def replayed(connection: Connection, store_id: int, message: Message) -> None:
    """Record that a message arrived on a replay: the store no longer shows it as given up."""
    counted = sa.select(table.c.given_up_at).where(
        table.c.store_id == store_id,
        table.c.id == message.id,
        table.c.given_up_at.is_not(None),
        table.c.delivered_at.is_(None),
    )
    left = sa.func.greatest(queues.c.given_up - message.total, 0)
    await connection.execute(
        sa.update(queues)
        .where(queues.c.store_id == store_id, sa.exists(counted))
        .values(given_up=left)
    )
    await delivered(connection, store_id, [message])


async def _messages(
    connection: Connection, store_id: int, *wanted: sa.ColumnElement[bool]
) -> list[Message]:
    statement = (
        sa.select(table.c.id, table.c.kind, table.c.total, table.c.body)
        .where(table.c.store_id == store_id, *wanted)
        .order_by(table.c.id)
        .limit(PAGE)
    )
    return [
        Message(row.id, NotificationKind(row.kind), row.total, row.body)
        for row in await connection.execute(statement)
    ]


async def _mark(
    connection: Connection, store_id: int, messages: Sequence[Message], **values: object
) -> None:
    if messages:
        await connection.execute(
            sa.update(table)
            .where(table.c.store_id == store_id, table.c.id.in_([each.id for each in messages]))
            .values(**values)
        )
