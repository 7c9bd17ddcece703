"""Saves orders after a rule changed them: lines, items of their updates, and statuses.

One statement writes all of these for several orders, of any stores.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from app.domain.orders.order import Order, OrderLine, status
from app.domain.update import Kind, State
from app.storage.orders.repository import add_lines, items_json
from app.storage.postgres import sql
from app.storage.postgres.database import Connection
from app.storage.postgres.sharding import ShardedCommand

# What is not immutable (a time, a JSON object) is in the FROM of each: Citus refuses it under a
# condition of an UPDATE.
_WRITES = {
    "lines": sql.read("orders/save_lines.sql"),
    "shipments": sql.read("orders/save_shipments.sql"),
    "cancellations": sql.read("orders/save_cancellations.sql"),
    "statuses": sql.read("orders/save_statuses.sql"),
}


@dataclass(frozen=True, slots=True)
class SeenOrder:
    """An order with the statuses to save."""

    order: Order
    synced: bool
    """Walmart was just read, so that the buyer's cancel request is saved, too."""
    seen_at: datetime | None = None
    """When the cancel request was seen, if it is new."""


async def save(connection: Connection, before: Order, after: Order) -> None:
    """Save what a rule changed: quantities of lines, and items of updates."""
    await save_many(connection, [(before, after)])


async def save_many(
    connection: Connection, changes: Sequence[tuple[Order, Order]], seen: Sequence[SeenOrder] = ()
) -> None:
    """Save several orders, each as it was and as it is now, and statuses."""
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


async def save_status(connection: Connection, order: Order, *, synced: bool) -> None:
    """Save the two statuses of an order, which follow from its lines and updates."""
    await save_many(connection, [], [SeenOrder(order, synced)])


async def _write(connection: Connection, **rows: list[dict[str, Any]]) -> None:
    """One statement: a round trip costs more than most of what is written."""
    given = {name: found for name, found in rows.items() if found}
    if given:
        of = {row["store_id"] for some in given.values() for row in some}
        await _statement(tuple(given)).execute(connection, of, given)


@cache
def _statement(names: tuple[str, ...]) -> ShardedCommand:
    parts = ", ".join(f"saved_{name} AS ({_WRITES[name]})" for name in names)
    return ShardedCommand(f"WITH {parts} SELECT")


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
        "other_charges": None if line.other_charges is None else str(line.other_charges),
    }


def _items(before: Order, after: Order, kind: Kind) -> Iterator[dict[str, Any]]:
    saved = {task.update_id: task.items for task in before.tasks}
    for task in after.tasks:
        if task.kind is kind and task.items != saved.get(task.update_id):
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
