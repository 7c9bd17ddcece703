"""The outbox: updates are appended with their record, take turns within a subject, and are leased.

`app/storage/outbox/claims.py` decides which poller may take which update.

`active` marks the update whose turn it is; a partial unique index allows one for each subject. A
shipment that is known to be absent after PASSABLE_AFTER retries lets later shipments of its order
take turns with it: the one that is due first goes first.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY

from app.domain.outbox.claimed_update import Claimed, NewUpdate, Subject
from app.storage.postgres import sharding
from app.storage.postgres.database import Connection
from app.storage.tables import orders, updates

PASSABLE_AFTER = 5

_RENEW = sa.text("""
    UPDATE updates SET leased_until = now() + make_interval(secs => :lease)
     WHERE store_id = :store_id AND id = :id AND lease_token = :token AND leased_until > now()
    RETURNING id
""")


# A subject's updates are few, and found by its name. Written plainly, these conditions would let
# the planner choose a partial index of all that is open or has its turn, which after a burst of
# requests it still believes to be empty: each request then read the whole queue of its store.
# So the conditions on state and active are written in a form that no partial index serves.
#
# The updates of a subject that could have the turn: the oldest open one, and behind shipments
# that are known to be absent the next shipment too. Of these the one that is due first.
_NEXT_TURN = f"""
    SELECT c.store_id, c.id FROM unnest(CAST(:stores AS int[]), CAST(:targets AS text[]),
                                        CAST(:subjects AS text[])) AS q(store_id, target, subject)
    CROSS JOIN LATERAL (
      SELECT o.store_id, o.id FROM (
        SELECT u.store_id, u.id, u.kind, u.state, u.due_at, u.sequence,
               bool_and(u.kind = 'shipment' AND u.state = 'retrying'
                        AND u.in_doubt_until IS NULL AND u.retries >= {PASSABLE_AFTER})
                 OVER (ORDER BY u.sequence ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
                 AS behind_passable
          FROM updates u
         WHERE u.store_id = <q.store_id> AND u.target = q.target AND u.subject = q.subject
           AND u.state || '' IN ('pending', 'sending', 'retrying', 'verifying')) o
       WHERE o.state = 'sending' OR o.behind_passable IS NULL
          OR (o.behind_passable AND o.kind = 'shipment')
       ORDER BY (o.state = 'sending') DESC, o.due_at, o.sequence LIMIT 1) c
"""  # noqa: S608 - only a constant of this module is put in
_PLACES = (
    sa.bindparam("stores", type_=ARRAY(sa.Integer)),
    sa.bindparam("targets", type_=ARRAY(sa.Text)),
    sa.bindparam("subjects", type_=ARRAY(sa.Text)),
)
_REST = sharding.ShardedStatement(
    f"""
    UPDATE updates u SET active = false
      FROM unnest(CAST(:stores AS int[]), CAST(:targets AS text[]), CAST(:subjects AS text[]))
           AS q(store_id, target, subject)
     WHERE u.store_id = q.store_id AND u.target = q.target AND u.subject = q.subject
       AND <u> AND <q> AND u.active::int = 1 AND NOT EXISTS (SELECT 1 FROM ({_NEXT_TURN}) n
                                     WHERE n.store_id = u.store_id AND n.id = u.id)
    """,  # noqa: S608 - as above
    *_PLACES,
)
_TURN = sharding.ShardedStatement(
    f"""
    UPDATE updates u SET active = true FROM ({_NEXT_TURN}) n
     WHERE u.store_id = n.store_id AND u.id = n.id AND NOT u.active AND <u> AND <n>
    """,  # noqa: S608 - as above
    *_PLACES,
)


async def append(connection: Connection, new: NewUpdate) -> None:
    """Write an update in the transaction of what it is about.

    It is its turn at once when nothing else of its subject is open; the caller holds the
    subject's lock (the order row), so no other transaction can conclude the same.
    """
    busy = sa.exists().where(
        updates.c.store_id == new.store_id,
        updates.c.target == new.target.value,
        updates.c.subject == new.subject,
        # As above: no partial index may serve this.
        sa.cast(updates.c.active, sa.Integer) == 1,
    )
    given: dict[str, Any] = {
        "store_id": new.store_id,
        "id": new.id,
        "target": new.target.value,
        "subject": new.subject,
        "order_id": new.order_id,
        "kind": new.kind.value,
        "sequence": new.sequence,
        "payload": dict(new.payload),
        "requested_by": new.requested_by,
    }
    # Selected, for Citus takes no subqueries among an INSERT's values.
    row = sa.select(
        *(sa.literal(value, updates.c[name].type) for name, value in given.items()),
        sa.not_(busy),
        _urgent(new),
    )
    await connection.execute(sa.insert(updates).from_select([*given, "active", "urgent"], row))


def _urgent(new: NewUpdate) -> sa.ColumnElement[bool]:
    warned = (
        sa.select(orders.c.ship_by_warned_at.is_not(None))
        .where(orders.c.store_id == new.store_id, orders.c.id == new.order_id)
        .scalar_subquery()
    )
    return sa.func.coalesce(warned, sa.false())


async def activate_next(connection: Connection, subjects: Sequence[Subject]) -> None:
    """Give the turn of each (store, target, subject) to the update that should have it now."""
    if not subjects:
        return
    stores, targets, names = zip(*sorted(set(subjects)), strict=True)
    parameters = {"stores": list(stores), "targets": list(targets), "subjects": list(names)}
    # First rest, then turn: the unique index is checked row by row.
    await _REST.execute(connection, stores, parameters)
    await _TURN.execute(connection, stores, parameters)


async def has_turn(connection: Connection, store_id: int, update_id: UUID) -> bool:
    """Whether it is the update's turn within its subject."""
    statement = sa.select(updates.c.active).where(
        updates.c.store_id == store_id, updates.c.id == update_id
    )
    return bool((await connection.execute(statement)).scalar_one_or_none())


async def renew(connection: Connection, update: Claimed, lease: float) -> bool:
    """Hold an update for another lease seconds; False when it is no longer ours."""
    row = await connection.execute(
        _RENEW,
        {
            "store_id": update.store_id,
            "id": update.id,
            "token": update.lease_token,
            "lease": lease,
        },
    )
    return row.first() is not None
