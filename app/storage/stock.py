"""Stock levels as updates: one queue for each SKU and ship node, the newest value alone is sent.

The write is absolute, so an older value that is sent late would sell what is not there.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.dialects.postgresql import UUID as PG_UUID

from app.orders.requests import StockLevel
from app.orders.update import Kind
from app.storage import events, updates
from app.storage.database import Connection
from app.storage.updates import Claimed, Subject

SUPERSEDED = "A newer value took its place."

# Whoever writes the same SKU at the same time waits; sorted, so that nobody waits in a circle.
_LOCK = sa.text("""
    SELECT pg_advisory_xact_lock(hashtextextended('stock:' || :store_id || ':' || s, 0))
      FROM unnest(CAST(:subjects AS text[])) AS s ORDER BY s
""").bindparams(sa.bindparam("subjects", type_=ARRAY(sa.Text)))
# Before the new ones are written: a subject's one turn must be free by then.
_SUPERSEDE = sa.text("""
    UPDATE updates u
       SET state = 'dismissed', active = false, dismissed_by = 'waybill', note = :note,
           finished_at = now(), updated_at = now()
      FROM unnest(CAST(:subjects AS text[])) AS q(subject)
     WHERE u.store_id = :store_id AND u.target = 'walmart' AND u.subject = q.subject
       AND u.state || '' IN ('pending', 'retrying', 'verifying', 'failed')
    RETURNING u.subject, u.attempts
""").bindparams(sa.bindparam("subjects", type_=ARRAY(sa.Text)))
_PUT = sa.text("""
    INSERT INTO updates (store_id, id, subject, order_id, kind, sequence, payload, active,
                         requested_by, due_at)
    SELECT :store_id, g.id, g.subject, :order_id, 'inventory', coalesce(k.last, 0) + 1, g.payload,
           NOT coalesce(k.under_way, false), :actor,
           now() + make_interval(secs => CASE WHEN g.waits THEN :quiet ELSE 0 END)
      FROM jsonb_to_recordset(:levels) AS g(id uuid, subject text, payload jsonb, waits boolean)
     CROSS JOIN LATERAL (
       SELECT max(u.sequence) AS last, bool_or(u.state || '' = 'sending') AS under_way
         FROM updates u WHERE u.store_id = :store_id AND u.target = 'walmart'
          AND u.subject = g.subject) k
""").bindparams(
    sa.bindparam("levels", type_=JSONB),
    sa.bindparam("order_id", type_=PG_UUID(as_uuid=True)),
    sa.bindparam("quiet", type_=sa.Float),
)
_STALE = sa.text("""
    UPDATE updates u
       SET state = 'dismissed', active = false, dismissed_by = 'waybill', note = :note,
           lease_token = NULL, leased_until = NULL, leased_by = NULL,
           finished_at = now(), updated_at = now()
      FROM unnest(CAST(:ids AS uuid[])) AS q(id)
     WHERE u.store_id = :store_id AND u.id = q.id
       AND EXISTS (SELECT FROM updates n
                    WHERE n.store_id = u.store_id AND n.target = u.target
                      AND n.subject = u.subject AND n.sequence > u.sequence)
    RETURNING u.id, u.target, u.subject
""").bindparams(sa.bindparam("ids", type_=ARRAY(PG_UUID(as_uuid=True))))
_OF_CANCELLATIONS = sa.text("""
    SELECT c.store_id, c.order_id, c.update_id, c.inventory,
           (SELECT coalesce(jsonb_agg(DISTINCT l.sku), '[]') FROM order_lines l, stores s
             WHERE s.store_id = c.store_id AND s.commerce_stock_id IS NOT NULL
               AND l.store_id = c.store_id AND l.order_id = c.order_id) AS readable
      FROM cancellations c
      JOIN unnest(CAST(:stores AS int[]), CAST(:ids AS uuid[])) AS q(store_id, id)
        ON c.store_id = q.store_id AND c.update_id = q.id
""").bindparams(
    sa.bindparam("stores", type_=ARRAY(sa.Integer)),
    sa.bindparam("ids", type_=ARRAY(PG_UUID(as_uuid=True))),
)


@dataclass(frozen=True, slots=True)
class Levels:
    """Stock levels of a store, each SKU and node once. quiet: see `put`."""

    store_id: int
    levels: Sequence[StockLevel]
    actor: str
    quiet: timedelta
    order_id: UUID | None = None


def asks_commerce(update: Claimed) -> bool:
    """Whether its number of units is read from Commerce when it is sent."""
    return update.kind is Kind.INVENTORY and update.payload["quantity"] is None


def subject(level: StockLevel) -> str:
    """The queue of a SKU at a ship node; no purchase order is called so.

    An @ of their own is written otherwise: `A@n` is not `A` at node `n`.
    """
    names = [name for name in (level.sku, level.ship_node) if name]
    return "sku:" + "@".join(name.replace("%", "%25").replace("@", "%40") for name in names)


async def put(connection: Connection, wanted: Levels, ids: events.NewId) -> list[UUID]:
    """Queue levels; older values that nobody holds are dismissed, and never sent.

    Where an older one was tried, the new one waits for the quiet period, so that it is the last
    to arrive. Answers the updates in the order given.
    """
    rows: list[dict[str, Any]] = [
        {
            "id": str(ids(wanted.store_id)),
            "subject": subject(level),
            "payload": {
                "sku": level.sku,
                "quantity": level.quantity,
                "ship_node": level.ship_node,
            },
        }
        for level in wanted.levels
    ]
    subjects = sorted(row["subject"] for row in rows)
    await connection.execute(_LOCK, {"store_id": str(wanted.store_id), "subjects": subjects})
    older = await connection.execute(
        _SUPERSEDE, {"store_id": wanted.store_id, "subjects": subjects, "note": SUPERSEDED}
    )
    # What was tried may still arrive; the newer value must come after it.
    tried = {row.subject for row in older if row.attempts}
    values = {
        "store_id": wanted.store_id,
        "levels": [row | {"waits": row["subject"] in tried} for row in rows],
        "order_id": wanted.order_id,
        "actor": wanted.actor,
        "quiet": wanted.quiet.total_seconds(),
    }
    await connection.execute(_PUT, values)
    return [UUID(row["id"]) for row in rows]


async def drop_stale(
    connection: Connection, store_id: int, claimed: Iterable[Claimed]
) -> frozenset[UUID]:
    """End claimed levels that a newer one has taken the place of meanwhile; answers which."""
    ids = [each.id for each in claimed]
    if not ids:
        return frozenset()
    values = {"store_id": store_id, "ids": ids, "note": SUPERSEDED}
    rows = (await connection.execute(_STALE, values)).all()
    places: list[Subject] = [(store_id, row.target, row.subject) for row in rows]
    await updates.hand_turns(connection, places)
    return frozenset(row.id for row in rows)


async def follow_cancellations(
    connection: Connection,
    canceled: Sequence[tuple[int, UUID]],
    ids: events.NewId,
    quiet: timedelta = timedelta(),
) -> None:
    """Tell Walmart the stock that came with cancellations (store and update) it has confirmed.

    Walmart sets an item out of stock that was canceled for that reason, and nothing else; where
    no level was given, the timeline says so.
    """
    if not canceled:
        return
    stores, cancellations = zip(*sorted(set(canceled)), strict=True)
    values: dict[str, Any] = {"stores": list(stores), "ids": list(cancellations)}
    for row in (await connection.execute(_OF_CANCELLATIONS, values)).all():
        given = [StockLevel(**level) for level in row.inventory]
        named = {level.sku for level in given}
        # Commerce is asked when it is sent: what it said before may be outdated by then.
        asked = [StockLevel(sku, None) for sku in sorted(row.readable) if sku not in named]
        levels = given + asked
        if levels:
            wanted = Levels(row.store_id, levels, "waybill", quiet, row.order_id)
            await put(connection, wanted, ids)
        else:
            event = events.Event("stock_not_known", update_id=row.update_id)
            await events.add(connection, row.store_id, row.order_id, event, ids)
