"""What a store's people are still to be told of: taken by one poller at a time, told, given up."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from app.storage.postgres.database import Connection, Database
from app.storage.postgres.sharding import Sweep
from app.storage.tables import notification_queues as queues
from app.storage.tables import notifications

# Stores that a poller tells at once; errors that one message counts at most.
BATCH, MOST = 20, 1000
# Seconds for which nobody else tells a store of the same; and between two messages to it.
LEASE, PACE = 60.0, 60.0

# Stores with something to tell, found one by one: one of them may have very many.
_TAKE = Sweep(
    """
      FROM notification_queues d
     WHERE d.due_at <= now()
       AND EXISTS (SELECT FROM notifications n WHERE n.store_id = d.store_id)""",
    """
    WITH RECURSIVE told AS (
      (SELECT n.store_id FROM notifications n WHERE true AND <n> ORDER BY n.store_id LIMIT 1)
      UNION ALL
      SELECT (SELECT n.store_id FROM notifications n WHERE n.store_id > t.store_id AND <n>
               ORDER BY n.store_id LIMIT 1)
        FROM told t WHERE t.store_id IS NOT NULL),
    due AS MATERIALIZED (
      SELECT q.store_id FROM notification_queues q JOIN told USING (store_id)
       WHERE q.due_at <= now() AND <q> ORDER BY q.due_at LIMIT :batch FOR UPDATE OF q SKIP LOCKED)
    UPDATE notification_queues q SET due_at = now() + make_interval(secs => :lease)
      FROM due JOIN stores s USING (store_id) WHERE q.store_id = due.store_id AND <q>
    RETURNING q.store_id, s.id, s.code, s.name, s.notify_url AS url, s.notify_secret AS secret,
              q.tries, extract(epoch FROM now() - q.failing_since)::float AS failing_for
    """,
    since="d.due_at",
)


@dataclass(frozen=True, slots=True)
class DueNotification:
    """A store that may be told now. url and secret are sealed; failing_for is in seconds."""

    store_id: int
    id: UUID
    code: str
    name: str
    url: bytes = field(repr=False)
    secret: bytes = field(repr=False)
    tries: int
    failing_for: float | None


@dataclass(frozen=True, slots=True)
class NewError:
    """An error that a store's people are to be told of."""

    id: int
    what: str
    kind: str
    code: str
    about: UUID | None
    created_at: datetime


async def take(database: Database) -> list[DueNotification]:
    """Take some stores that have something to be told and may be told it now."""
    taken: list[DueNotification] = []
    for stores in await _TAKE.turns(database, {}):
        if len(taken) < BATCH:
            async with database.begin() as connection:
                values = {"batch": BATCH - len(taken), "lease": LEASE}
                rows = await _TAKE.execute(connection, stores, values)
                taken += [DueNotification(**row) for row in rows.mappings()]
    return taken


async def waiting(connection: Connection, store_id: int) -> list[NewError]:
    """What a store is to be told, the oldest first."""
    columns = (notifications.c[name] for name in NewError.__slots__)
    statement = (
        sa.select(*columns)
        .where(notifications.c.store_id == store_id)
        .order_by(notifications.c.id)
        .limit(MOST)
    )
    return [NewError(**row) for row in (await connection.execute(statement)).mappings()]


async def delivered(connection: Connection, store_id: int, errors: Sequence[NewError]) -> None:
    """The message arrived; the next may go in a minute."""
    await _drop(connection, store_id, errors)
    await _change(
        connection, store_id, PACE, tries=0, failing_since=None, last_error=None, given_up=0
    )


async def failed(connection: Connection, store_id: int, why: str, again_in: float) -> None:
    """The message did not arrive; it is tried again in so many seconds."""
    since = sa.func.coalesce(queues.c.failing_since, sa.func.now())
    tries = queues.c.tries + 1
    await _change(
        connection, store_id, again_in, tries=tries, failing_since=since, last_error=why[:500]
    )


async def give_up(
    connection: Connection, store_id: int, errors: Sequence[NewError], why: str
) -> None:
    """Nobody will be told of these; the store shows how many they were, and why."""
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


async def begin(connection: Connection, store_id: int) -> None:
    """Let a store be told from now on, as if nothing had gone wrong before."""
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
    """Tell a store nothing more."""
    for table in (notifications, queues):
        await connection.execute(sa.delete(table).where(table.c.store_id == store_id))


async def _drop(connection: Connection, store_id: int, errors: Sequence[NewError]) -> None:
    # By their ids, and not up to the last: one with a lower id may have been written since.
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
