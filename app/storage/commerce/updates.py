"""Updates for Commerce: orders to create and notes on orders, queued if the store wants them.

They have a queue of their own, so that a slow Commerce delays no shipment. The caller has locked
the order.
"""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from app.domain.orders.commerce_notes import Note
from app.domain.orders.order import Order
from app.storage import audit, timeline
from app.storage.postgres import sql
from app.storage.postgres.database import Connection
from app.storage.postgres.sql import Statement

_ORDERS = sql.load("commerce/enqueue_orders.sql")
_NOTES = sql.load("commerce/enqueue_notes.sql")
_EQUAL_NOTES = sql.load("commerce/count_equal_notes.sql")
_TO_BE_MADE = Statement("""
    SELECT EXISTS (SELECT FROM updates u
                    WHERE u.store_id = :store_id AND u.kind = 'commerce_order'
                      AND u.state IN ('pending', 'sending', 'retrying', 'verifying', 'failed'))
""")
_NOTE_LANDED = Statement("""
    UPDATE updates SET payload = payload || '{"landed": true}'
     WHERE store_id = :store_id AND id = :id
""")


async def orders_to_be_made(connection: Connection, store_id: int) -> bool:
    """Whether the creation of one of the store's orders in Commerce is open or has failed."""
    found = await _TO_BE_MADE.execute(connection, {"store_id": store_id})
    return bool(found.scalar_one())


async def enqueue_order(
    connection: Connection, orders: Sequence[Order], ids: timeline.NewId
) -> None:
    """Queue the creation in Commerce of those orders that have a unit left to ship."""
    rows = [
        (order.store_id, _row(order, ids))
        for order in orders
        if not order.fulfilled_by_walmart and any(line.remaining for line in order.lines)
    ]
    await _append(connection, _ORDERS, rows)


async def enqueue_notes(
    connection: Connection, noted: Sequence[tuple[Order, Sequence[Note]]], ids: timeline.NewId
) -> None:
    """Queue notes on orders in Commerce."""
    rows = [
        (
            order.store_id,
            _row(order, ids) | {"place": place, "text": note.text, "payment": note.payment},
        )
        for order, notes in noted
        for place, note in enumerate(notes, start=1)
    ]
    await _append(connection, _NOTES, rows)


async def _append(
    connection: Connection, statement: Statement, rows: Sequence[tuple[int, dict[str, Any]]]
) -> None:
    by_store: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for store_id, row in rows:
        by_store[store_id].append(row)
    for store_id in sorted(by_store):
        values = {"store_id": store_id, "rows": by_store[store_id], "actor": timeline.WAYBILL}
        values |= audit.origin.get().thread
        await statement.execute(connection, values)


def _row(order: Order, ids: timeline.NewId) -> dict[str, Any]:
    return {"id": str(ids(order.store_id)), "order_id": str(order.id)}


async def equal_notes(
    connection: Connection, store_id: int, note_ids: Sequence[UUID]
) -> dict[UUID, int]:
    """How many equal texts on the Commerce order belong to other notes, by note."""
    values = {"store_id": store_id, "ids": list(note_ids)}
    return {row.id: row.notes for row in await _EQUAL_NOTES.execute(connection, values)}


async def note_landed(connection: Connection, store_id: int, note_id: UUID) -> None:
    """Store that Commerce has a note, whatever the state of its update."""
    await _NOTE_LANDED.execute(connection, {"store_id": store_id, "id": note_id})
