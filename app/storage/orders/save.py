"""Orders saved as they became: their lines, what each update of them holds, their statuses.

One statement writes all of these for as many orders as there are, of any stores.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from app.domain.orders.order import Order, OrderLine, status
from app.domain.update import Kind, State
from app.storage.orders.repository import add_lines, items_json
from app.storage.postgres import sharding
from app.storage.postgres.database import Connection

# What is written, each from rows of its own. What is not the same for ever (a time, an object of
# JSON) stands with these: Citus takes none under a condition of an UPDATE.
_WRITES = {
    "lines": """
      UPDATE order_lines l
         SET ordered = v.ordered, pending = v.pending, shipped = v.shipped,
             canceled = v.canceled, refunded = v.refunded, name = v.name
        FROM jsonb_to_recordset(:lines) AS v(store_id int, order_id uuid, line_number text,
             ordered int, pending int, shipped int, canceled int, refunded int, name text)
       WHERE l.store_id = v.store_id AND l.order_id = v.order_id
         AND l.line_number = v.line_number AND <l> AND <v>""",
    # The first unit that Walmart confirms starts the time in which tracking can be corrected.
    "shipments": """
      UPDATE shipments t
         SET items = v.items,
             first_confirmed_at = coalesce(t.first_confirmed_at, CASE WHEN
               jsonb_path_exists(v.items, '$[*] ? (@.confirmed > 0)') THEN v.at END)
        FROM (SELECT r.*, now() AS at FROM jsonb_to_recordset(:shipments)
                  AS r(store_id int, update_id uuid, items jsonb)) v
       WHERE t.store_id = v.store_id AND t.update_id = v.update_id AND <t> AND <v>""",
    "cancellations": """
      UPDATE cancellations t SET items = v.items
        FROM jsonb_to_recordset(:cancellations) AS v(store_id int, update_id uuid, items jsonb)
       WHERE t.store_id = v.store_id AND t.update_id = v.update_id AND <t> AND <v>""",
    # The first sighting of a buyer's wish is kept: it is when the buyer's clock started.
    "statuses": """
      UPDATE orders o
         SET fulfillment_status = v.fulfillment_status, status = v.status, updated_at = now(),
             last_synced_at = CASE WHEN v.synced THEN v.at ELSE o.last_synced_at END,
             cancel_requested = CASE WHEN NOT v.synced THEN o.cancel_requested
               WHEN v.cancel_requested IS NOT NULL THEN jsonb_set(v.wish, '{seen_at}', coalesce(
                 nullif(o.cancel_requested->'seen_at', 'null'), v.wish->'seen_at')) END
        FROM (SELECT r.*, now() AS at,
                     jsonb_build_object('lines', r.cancel_requested, 'seen_at', r.seen_at) AS wish
                FROM jsonb_to_recordset(:statuses) AS r(store_id int, id uuid,
                     fulfillment_status text, status text, synced boolean, cancel_requested jsonb,
                     seen_at text)) v
       WHERE o.store_id = v.store_id AND o.id = v.id AND <o> AND <v>""",
}


@dataclass(frozen=True, slots=True)
class SeenOrder:
    """An order whose status is to be written.

    synced: Walmart was just read, so its word on cancel requests is written too, first seen
    at seen_at.
    """

    order: Order
    synced: bool
    seen_at: datetime | None = None


async def save(connection: Connection, before: Order, after: Order) -> None:
    """Write what a rule changed: quantities of lines and what each update still holds."""
    await save_many(connection, [(before, after)])


async def save_many(
    connection: Connection, changes: Sequence[tuple[Order, Order]], seen: Sequence[SeenOrder] = ()
) -> None:
    """The same for several orders, each as it was and as it became, and statuses with them."""
    for before, after in changes:
        known = {line.line_number for line in before.lines}
        new = [line for line in after.lines if line.line_number not in known]
        await add_lines(connection, after.store_id, after.id, new, start=len(known))
    await _write(
        connection,
        lines=[row for each in changes for row in _lines(*each)],
        shipments=[row for each in changes for row in _items(*each, Kind.SHIPMENT)],
        cancellations=[row for each in changes for row in _items(*each, Kind.CANCELLATION)],
        statuses=[_status(each) for each in seen],
    )


async def save_status(
    connection: Connection, order: Order, *, synced: bool, seen_at: datetime | None = None
) -> None:
    """Write what follows from the order's lines and updates: its two statuses."""
    await save_many(connection, [], [SeenOrder(order, synced, seen_at)])


async def _write(connection: Connection, **rows: list[dict[str, Any]]) -> None:
    """All in one statement: a round trip costs more than most of what is written."""
    given = {name: found for name, found in rows.items() if found}
    if given:
        of = {row["store_id"] for some in given.values() for row in some}
        await _statement(tuple(given)).execute(connection, of, given)


@cache
def _statement(names: tuple[str, ...]) -> sharding.ShardedStatement:
    parts = ", ".join(f"saved_{name} AS ({_WRITES[name]})" for name in names)
    values = [sa.bindparam(name, type_=JSONB) for name in names]
    return sharding.ShardedStatement(f"WITH {parts} SELECT", *values)


def _lines(before: Order, after: Order) -> Iterator[dict[str, Any]]:
    known = {line.line_number: line for line in before.lines}
    for line in after.lines:
        if line.line_number in known and line != known[line.line_number]:
            place = {"store_id": after.store_id, "order_id": str(after.id)}
            yield place | _quantities(line)


def _quantities(line: OrderLine) -> dict[str, object]:
    return {
        "line_number": line.line_number,
        "ordered": line.ordered,
        "pending": line.pending,
        "shipped": line.shipped,
        "canceled": line.canceled,
        "refunded": line.refunded,
        "name": line.name,
    }


def _items(before: Order, after: Order, kind: Kind) -> Iterator[dict[str, Any]]:
    held = {task.update_id: task.items for task in before.tasks}
    for task in after.tasks:
        if task.kind is kind and task.items != held.get(task.update_id):
            place = {"store_id": after.store_id, "update_id": str(task.update_id)}
            yield place | {"items": items_json(task.items)}


def _status(seen: SeenOrder) -> dict[str, Any]:
    order = seen.order
    failed = (
        order.unreadable
        or order.commerce_refused
        or any(t.state is State.FAILED and t.kind is not Kind.INVENTORY for t in order.tasks)
    )
    fulfillment = order.fulfillment_status
    at = seen.seen_at.isoformat().replace("+00:00", "Z") if seen.seen_at else None
    return {
        "store_id": order.store_id,
        "id": str(order.id),
        "fulfillment_status": fulfillment.value,
        "status": status(fulfillment, failed=failed),
        "synced": seen.synced,
        "cancel_requested": list(order.cancel_requested) or None,
        "seen_at": at,
    }
