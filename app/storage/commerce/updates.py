"""What Commerce is told of Walmart's orders: appended where a store wants it, in the order's lock.

Updates for Commerce stand in a queue of their own, so that a slow Commerce keeps no shipment back.
"""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.dialects.postgresql import UUID as PG_UUID

from app.domain.orders.commerce_notes import Note
from app.domain.orders.order import Order
from app.storage import timeline
from app.storage.postgres.database import Connection

ACTOR = "waybill"

_ORDERS = sa.text("""
    INSERT INTO updates (store_id, id, target, subject, order_id, kind, sequence, active,
                         requested_by)
    SELECT o.store_id, g.id, 'commerce', o.purchase_order_id, o.id, 'commerce_order', 1, true,
           :actor
      FROM jsonb_to_recordset(:rows) AS g(id uuid, order_id uuid)
      JOIN orders o ON o.store_id = :store_id AND o.id = g.order_id
      JOIN stores s ON s.store_id = o.store_id AND s.commerce_push_orders
     -- Written so that no partial index serves it: the order is found by its key.
     WHERE (o.commerce_order_number || '') IS NULL AND (o.commerce_order_id + 0) IS NULL
        ON CONFLICT (store_id, target, subject, sequence) DO NOTHING
""").bindparams(sa.bindparam("rows", type_=JSONB))
# Only of orders that Commerce has, or is about to have. The queue's conditions are written so that
# no partial index serves them, as in `app/storage/outbox/updates.py`.
_NOTES = sa.text("""
    INSERT INTO updates (store_id, id, target, subject, order_id, kind, sequence, payload, active,
                         requested_by)
    SELECT o.store_id, g.id, 'commerce', o.purchase_order_id, o.id, 'commerce_note',
           coalesce(k.last, 0) + g.place, jsonb_build_object('text', g.text, 'payment', g.payment),
           g.place = 1 AND NOT coalesce(k.busy, false), :actor
      FROM jsonb_to_recordset(:rows) AS g(id uuid, order_id uuid, place int, text text,
           payment text)
      JOIN orders o ON o.store_id = :store_id AND o.id = g.order_id
      JOIN stores s ON s.store_id = o.store_id AND s.commerce_push_orders
     CROSS JOIN LATERAL (
       SELECT max(u.sequence) AS last, bool_or(u.active::int = 1) AS busy FROM updates u
        WHERE u.store_id = :store_id AND u.target = 'commerce'
          AND u.subject = o.purchase_order_id) k
     WHERE o.commerce_order_number IS NOT NULL OR o.commerce_order_id IS NOT NULL
        OR k.last IS NOT NULL
""").bindparams(sa.bindparam("rows", type_=JSONB))


_TO_BE_MADE = sa.text("""
    SELECT EXISTS (SELECT FROM updates u
                    WHERE u.store_id = :store_id AND u.kind = 'commerce_order'
                      AND u.state IN ('pending', 'sending', 'retrying', 'verifying', 'failed'))
""")


async def orders_to_be_made(connection: Connection, store_id: int) -> bool:
    """Whether an order of the store's is on its way into Commerce, or could not be made there."""
    found = await connection.execute(_TO_BE_MADE, {"store_id": store_id})
    return bool(found.scalar_one())


async def enqueue_order(
    connection: Connection, orders: Sequence[Order], ids: timeline.NewId
) -> None:
    """Queue the creation of held orders in Commerce, of those of which a unit is left to ship."""
    rows = [
        (order.store_id, _row(order, ids))
        for order in orders
        if not order.fulfilled_by_walmart and any(line.remaining for line in order.lines)
    ]
    await _append(connection, _ORDERS, rows)


async def enqueue_notes(
    connection: Connection, told: Sequence[tuple[Order, Sequence[Note]]], ids: timeline.NewId
) -> None:
    """Queue notes for Commerce on held orders."""
    rows = [
        (
            order.store_id,
            _row(order, ids) | {"place": place, "text": note.text, "payment": note.payment},
        )
        for order, notes in told
        for place, note in enumerate(notes, start=1)
    ]
    await _append(connection, _NOTES, rows)


async def _append(
    connection: Connection, statement: sa.TextClause, rows: Sequence[tuple[int, dict[str, Any]]]
) -> None:
    by_store: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for store_id, row in rows:
        by_store[store_id].append(row)
    for store_id in sorted(by_store):
        values = {"store_id": store_id, "rows": by_store[store_id], "actor": ACTOR}
        await connection.execute(statement, values)


def _row(order: Order, ids: timeline.NewId) -> dict[str, Any]:
    return {"id": str(ids(order.store_id)), "order_id": str(order.id)}


# Whatever its place, a note that reached Commerce has its text there. One in doubt may have: open
# ones claim a text first, then failed and dismissed ones, each in their order; and one that is not
# in doubt has none.
_EQUAL_NOTES = sa.text("""
    SELECT n.id, (SELECT count(*) FROM (
             SELECT id, payload, state, sequence, store_id, target, subject, kind, in_doubt_until
               FROM updates
              UNION ALL
             SELECT id, payload, state, sequence, store_id, target, subject, kind, NULL
               FROM archived_updates) o
            WHERE o.store_id = n.store_id AND o.target = n.target AND o.subject = n.subject
              AND o.kind = 'commerce_note' AND o.id <> n.id
              AND o.payload->>'text' = n.payload->>'text'
              AND (o.state = 'confirmed' OR o.payload->'landed' = 'true'
                   OR o.in_doubt_until IS NOT NULL
                      AND (n.in_doubt_until IS NULL
                           OR (o.state IN ('failed', 'dismissed'), o.sequence)
                              < (n.state IN ('failed', 'dismissed'), n.sequence)))) AS notes
      FROM updates n WHERE n.store_id = :store_id AND n.id = ANY(:ids)
""").bindparams(sa.bindparam("ids", type_=ARRAY(PG_UUID(as_uuid=True))))
_NOTE_LANDED = sa.text("""
    UPDATE updates SET payload = payload || '{"landed": true}'
     WHERE store_id = :store_id AND id = :id
""")


async def equal_notes(
    connection: Connection, store_id: int, note_ids: Sequence[UUID]
) -> dict[UUID, int]:
    """How many of the equal texts that Commerce has of each note's order are of other notes."""
    values = {"store_id": store_id, "ids": list(note_ids)}
    return {row.id: row.notes for row in await connection.execute(_EQUAL_NOTES, values)}


async def note_landed(connection: Connection, store_id: int, note_id: UUID) -> None:
    """Write down that Commerce has a note, whatever became of its update."""
    await connection.execute(_NOTE_LANDED, {"store_id": store_id, "id": note_id})
