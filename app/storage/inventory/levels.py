"""Stock levels as updates: one queue for each SKU and ship node, the newest value alone is sent.

The write is absolute, so an older value that is sent late would sell what is not there. What is
newer is told by when Commerce gave it, not by when it is queued: a level that came with a
cancellation is as old as the cancellation, however late Walmart confirms it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.dialects.postgresql import UUID as PG_UUID

from app.domain.orders.requests import StockLevel
from app.domain.outbox.claimed_update import Claimed, Subject
from app.domain.update import Kind, State
from app.storage import timeline
from app.storage.outbox import updates
from app.storage.postgres.database import Connection

# A level in these may be at Walmart already; one in any other waits, or for a person.
_MAY_HAVE_GONE = frozenset({State.CONFIRMED, State.SENDING})
SUPERSEDED = "A newer value took its place."
# Updates u of a level q. A queue may hold levels of another SKU: before `subject` escaped its
# parts, "A@n" and "A" at node "n" shared one, and rows of then are still in the table.
_SAME = """
       u.store_id = :store_id AND u.target = 'walmart' AND u.subject IN (q.subject, q.former)
       AND u.payload->>'sku' = q.sku AND u.payload->>'ship_node' IS NOT DISTINCT FROM q.ship_node
"""
_LEVELS = """
    jsonb_to_recordset(:levels) AS q(id uuid, subject text, former text, sku text, ship_node text,
                                     payload jsonb, given_at timestamptz)
"""

# Whoever writes the same SKU at the same time waits; sorted, so that nobody waits in a circle.
_LOCK = sa.text("""
    SELECT pg_advisory_xact_lock(hashtextextended('stock:' || :store_id || ':' || s, 0))
      FROM unnest(CAST(:subjects AS text[])) AS s ORDER BY s
""").bindparams(sa.bindparam("subjects", type_=ARRAY(sa.Text)))
# Whoever ends the one that has the turn hands it on, and sees nothing that is not written yet: so
# it is waited for, and its end is seen.
_HELD = sa.text(f"""
    SELECT FROM updates u JOIN {_LEVELS} ON {_SAME} AND u.active::int = 1
     ORDER BY u.id FOR UPDATE OF u
""").bindparams(sa.bindparam("levels", type_=JSONB))
# Before the new ones are written: a subject's one turn must be free by then.
_SUPERSEDE = sa.text(f"""
    UPDATE updates u
       SET state = 'dismissed', active = false, dismissed_by = 'waybill', note = :note,
           finished_at = now(), updated_at = now()
      FROM {_LEVELS}
     WHERE {_SAME}
       AND u.state || '' IN ('pending', 'retrying', 'verifying', 'failed')
    RETURNING q.subject, u.subject AS queue
""").bindparams(sa.bindparam("levels", type_=JSONB))  # noqa: S608 - only constants are put in
# The clock's time, under the lock: whoever comes second is the newer.
_PUT = sa.text(f"""
    INSERT INTO updates (store_id, id, subject, order_id, kind, sequence, payload, active,
                         requested_by, due_at)
    SELECT :store_id, q.id, q.subject, :order_id, 'inventory', coalesce(k.last, 0) + 1,
           q.payload || jsonb_build_object('given_at', coalesce(q.given_at, clock_timestamp())),
           NOT coalesce(k.under_way, false), :actor, now()
      FROM {_LEVELS}
     CROSS JOIN LATERAL (
       SELECT max(u.sequence) FILTER (WHERE u.subject = q.subject) AS last,
              bool_or(u.active) FILTER (WHERE u.subject = q.subject) AS under_way
         FROM updates u WHERE u.store_id = :store_id AND u.target = 'walmart'
          AND u.subject IN (q.subject, q.former)) k
""").bindparams(  # noqa: S608 - as above
    sa.bindparam("levels", type_=JSONB),
    sa.bindparam("order_id", type_=PG_UUID(as_uuid=True)),
)
# A number that Commerce was asked for is as new as the answer.
_GIVEN_AT = """
    greatest(coalesce((u.payload->>'given_at')::timestamptz, u.created_at),
             CASE WHEN u.payload->>'quantity' IS NULL AND u.state || '' = 'confirmed'
                  THEN u.finished_at END)
"""
# Of each level the newest that was given since, as it stands.
_NEWER = sa.text(f"""
    SELECT DISTINCT ON (q.id) q.id, n.state, n.quantity, n.given_at FROM {_LEVELS}
     CROSS JOIN LATERAL (
       SELECT u.state, (u.payload->>'quantity')::int AS quantity, u.sequence,
              {_GIVEN_AT} AS given_at
         FROM updates u WHERE {_SAME} AND {_GIVEN_AT} > :given_at
        UNION ALL
       SELECT u.state, (u.payload->>'quantity')::int, u.sequence, {_GIVEN_AT}
         FROM archived_updates u
        WHERE {_SAME} AND u.kind = 'inventory' AND {_GIVEN_AT} > :given_at) n
     ORDER BY q.id, n.given_at DESC, n.sequence DESC
""").bindparams(  # noqa: S608 - as above
    sa.bindparam("levels", type_=JSONB),
    sa.bindparam("given_at", type_=sa.DateTime(timezone=True)),
)
_STALE = sa.text(f"""
    UPDATE updates o
       SET state = 'dismissed', active = false, dismissed_by = 'waybill', note = :note,
           lease_token = NULL, leased_until = NULL, leased_by = NULL,
           finished_at = now(), updated_at = now()
      FROM {_LEVELS}
     WHERE o.store_id = :store_id AND o.id = q.id
       AND EXISTS (SELECT FROM updates u
                    WHERE {_SAME}
                      AND CASE WHEN u.subject = o.subject THEN u.sequence > o.sequence
                               ELSE u.subject = q.subject END)
    RETURNING o.id, o.target, o.subject
""").bindparams(sa.bindparam("levels", type_=JSONB))  # noqa: S608 - as above


# A value that Commerce was asked for differs from try to try: its own doubt counts as well.
_OTHERS = sa.text(f"""
    SELECT q.id, max(u.in_doubt_until) AS until FROM {_LEVELS}
      JOIN updates u ON {_SAME} AND u.in_doubt_until > now()
       AND (u.id <> q.id OR u.payload->>'quantity' IS NULL)
     GROUP BY q.id
""").bindparams(sa.bindparam("levels", type_=JSONB))  # noqa: S608 - as above


@dataclass(frozen=True, slots=True)
class Levels:
    """Stock levels of a store, each SKU and node once.

    given_at: when Commerce gave them; None for now.
    """

    store_id: int
    levels: Sequence[StockLevel]
    actor: str
    order_id: UUID | None = None
    given_at: datetime | None = None


def asks_commerce(update: Claimed) -> bool:
    """Whether its number of units is read from Commerce when it is sent."""
    return update.kind is Kind.INVENTORY and update.payload["quantity"] is None


def subject(sku: str, ship_node: str | None = None) -> str:
    """The queue of a SKU at a ship node; no purchase order is called so."""
    # Nearly every SKU stands as it is; the first @ is what separates it from the node.
    escaped = sku.replace("%", "%25").replace("@", "%40")
    return f"sku:{escaped}" + (f"@{ship_node}" if ship_node else "")


def _level(identifier: UUID, sku: str, ship_node: str | None) -> dict[str, Any]:
    return {
        "id": str(identifier),
        "subject": subject(sku, ship_node),
        "former": f"sku:{sku}" + (f"@{ship_node}" if ship_node else ""),
        "sku": sku,
        "ship_node": ship_node,
    }


async def put(connection: Connection, wanted: Levels, ids: timeline.NewId) -> list[UUID]:
    """Queue levels; older values that nobody holds are dismissed, and never sent.

    A doubt of an older one stays with it: the new one goes out at once, and once more when that is
    over. Answers the updates in the order given. Of a level that was given before and that
    a newer one has taken the place of, the newer one is queued again where it went out, or may
    have: what the level follows may have undone it. Where it still waits, nothing is queued.
    """
    rows = [_level(ids(wanted.store_id), each.sku, each.ship_node) for each in wanted.levels]
    await hold(connection, wanted.store_id, wanted.levels)
    for row, each in zip(rows, wanted.levels, strict=True):
        row |= {"quantity": each.quantity}
        row |= {"given_at": wanted.given_at.isoformat() if wanted.given_at else None}
    values: dict[str, Any] = {"store_id": wanted.store_id, "levels": rows}
    if wanted.given_at is not None:
        found = await connection.execute(_NEWER, values | {"given_at": wanted.given_at})
        rows = _newest(rows, {str(row.id): row for row in found})
    values |= {"levels": rows, "note": SUPERSEDED}
    await connection.execute(_HELD, values)
    older = (await connection.execute(_SUPERSEDE, values)).all()
    for row in rows:
        row |= {"payload": {name: row[name] for name in ("sku", "quantity", "ship_node")}}
    values |= {"order_id": wanted.order_id, "actor": wanted.actor}
    await connection.execute(_PUT, values)
    left = [(wanted.store_id, "walmart", row.queue) for row in older if row.queue != row.subject]
    await updates.activate_next(connection, left)
    return [UUID(row["id"]) for row in rows]


def _newest(
    rows: Iterable[dict[str, Any]], newer: Mapping[str, sa.Row[Any]]
) -> list[dict[str, Any]]:
    """What is to be queued of levels that were given before: never an older value."""
    queued = []
    for row in rows:
        after = newer.get(row["id"])
        if after is None:
            queued.append(row)
        elif after.state in _MAY_HAVE_GONE:
            again = {"quantity": after.quantity, "given_at": after.given_at.isoformat()}
            queued.append(row | again)
    return queued


async def hold(connection: Connection, store_id: int, levels: Iterable[StockLevel]) -> None:
    """Let nobody else put these levels until the transaction ends."""
    subjects = sorted({subject(each.sku, each.ship_node) for each in levels})
    await connection.execute(_LOCK, {"store_id": str(store_id), "subjects": subjects})


async def drop_stale(
    connection: Connection, store_id: int, claimed: Iterable[Claimed]
) -> frozenset[UUID]:
    """End claimed levels that a newer one has taken the place of meanwhile; answers which."""
    levels = [_level(each.id, each.payload["sku"], each.payload["ship_node"]) for each in claimed]
    if not levels:
        return frozenset()
    values = {"store_id": store_id, "levels": levels, "note": SUPERSEDED}
    rows = (await connection.execute(_STALE, values)).all()
    places: list[Subject] = [(store_id, row.target, row.subject) for row in rows]
    await updates.activate_next(connection, places)
    return frozenset(row.id for row in rows)


async def others_until(
    connection: Connection, store_id: int, claimed: Iterable[Claimed]
) -> dict[UUID, datetime]:
    """Until when another value of the same level may still arrive, by the claimed update."""
    levels = [_level(each.id, each.payload["sku"], each.payload["ship_node"]) for each in claimed]
    if not levels:
        return {}
    rows = await connection.execute(_OTHERS, {"store_id": store_id, "levels": levels})
    return {row.id: row.until for row in rows}
