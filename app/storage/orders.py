"""Orders as the rules need them: locked, loaded whole, and saved as they became.

The order row is locked in a statement of its own and everything else read in a later one:
a waiter that gets the lock must not see the lines as they were before it waited.
"""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.dialects.postgresql import UUID as PG_UUID

from app.orders.errors import Unknown
from app.orders.ids import store_of
from app.orders.order import Item, Line, Money, Order, Task, status
from app.orders.update import Kind, State
from app.storage.database import Connection
from app.storage.tables import order_lines, orders

_LOCK = sa.text(
    "SELECT id FROM orders WHERE store_id = :store_id AND id = ANY(:ids) ORDER BY id FOR UPDATE"
).bindparams(sa.bindparam("ids", type_=ARRAY(PG_UUID(as_uuid=True))))

# An order's lines and updates, beside the row o of the table orders.
WHOLE = """
      (SELECT coalesce(jsonb_agg(jsonb_build_object(
                'line_number', l.line_number, 'sku', l.sku, 'name', l.name,
                'commerce_item_id', l.commerce_item_id, 'unit_price', l.unit_price::text,
                'currency', l.currency, 'ordered', l.ordered, 'pending', l.pending,
                'shipped', l.shipped, 'canceled', l.canceled, 'refunded', l.refunded)
              ORDER BY l.position), '[]')
         FROM order_lines l WHERE l.store_id = o.store_id AND l.order_id = o.id) AS lines,
      (SELECT coalesce(jsonb_agg(jsonb_build_object(
                'update_id', u.id, 'kind', u.kind, 'state', u.state, 'sequence', u.sequence,
                'ambiguous', u.ambiguous,
                'items', coalesce(s.items, c.items, '[]'::jsonb),
                'tracking_number', u.payload->>'tracking_number', 'reason', c.reason,
                'previous_tracking_number', u.payload->>'previous_tracking_number',
                'corrects', u.payload->>'shipment_update_id',
                'recognisable', u.payload->'recognisable',
                'package', CASE WHEN u.kind = 'tracking' THEN u.payload END,
                'override_cancel_request', coalesce(s.override_cancel_request, false))
              ORDER BY u.sequence), '[]')
         FROM updates u
         LEFT JOIN shipments s ON s.store_id = u.store_id AND s.update_id = u.id
         LEFT JOIN cancellations c ON c.store_id = u.store_id AND c.update_id = u.id
        WHERE u.store_id = o.store_id AND u.order_id = o.id AND u.kind <> 'inventory') AS tasks
"""
_LOAD = (
    sa.text(f"""
    SELECT o.*, {WHOLE}
      FROM orders o WHERE o.store_id = :store_id AND o.id = ANY(:ids)
    """)  # noqa: S608 - only a constant of this module is put in
    .bindparams(sa.bindparam("ids", type_=ARRAY(PG_UUID(as_uuid=True))))
    .columns(*orders.c, lines=JSONB, tasks=JSONB)
)

_SAVE_LINES = sa.text("""
    UPDATE order_lines l
       SET ordered = v.ordered, pending = v.pending, shipped = v.shipped,
           canceled = v.canceled, refunded = v.refunded, name = v.name
      FROM jsonb_to_recordset(:lines) AS v(line_number text, ordered int, pending int,
           shipped int, canceled int, refunded int, name text)
     WHERE l.store_id = :store_id AND l.order_id = :order_id AND l.line_number = v.line_number
""").bindparams(sa.bindparam("lines", type_=JSONB))

_SAVE_CANCELLATION_ITEMS = sa.text("""
    UPDATE cancellations t SET items = v.items
      FROM jsonb_to_recordset(:items) AS v(update_id uuid, items jsonb)
     WHERE t.store_id = :store_id AND t.update_id = v.update_id
""").bindparams(sa.bindparam("items", type_=JSONB))
# The first unit that Walmart confirms starts the time in which tracking can be corrected.
_SAVE_SHIPMENT_ITEMS = sa.text("""
    UPDATE shipments t
       SET items = v.items,
           first_confirmed_at = coalesce(t.first_confirmed_at, CASE WHEN
             jsonb_path_exists(v.items, '$[*] ? (@.confirmed > 0)') THEN now() END)
      FROM jsonb_to_recordset(:items) AS v(update_id uuid, items jsonb)
     WHERE t.store_id = :store_id AND t.update_id = v.update_id
""").bindparams(sa.bindparam("items", type_=JSONB))


async def lock(connection: Connection, order_id: UUID) -> Order:
    """Hold an order until the transaction ends. Raises Unknown when there is none."""
    store_id = store_of(order_id)
    if store_id is None:
        raise Unknown("order", order_id)
    found = await lock_many(connection, store_id, [order_id])
    if not found:
        raise Unknown("order", order_id)
    return found[order_id]


async def lock_many(
    connection: Connection, store_id: int, order_ids: Sequence[UUID]
) -> dict[UUID, Order]:
    """Hold several orders of one store, in the order of their ids, so that nobody deadlocks."""
    await connection.execute(_LOCK, {"store_id": store_id, "ids": list(order_ids)})
    return await load_many(connection, store_id, order_ids)


async def load_many(
    connection: Connection, store_id: int, order_ids: Sequence[UUID]
) -> dict[UUID, Order]:
    """Orders of one store as they are, not held."""
    rows = await connection.execute(_LOAD, {"store_id": store_id, "ids": list(order_ids)})
    return {row["id"]: from_row(row) for row in rows.mappings()}


def from_row(row: Mapping[Any, Any]) -> Order:
    """An order out of a row of the table orders with what WHOLE adds."""
    requested = row["cancel_requested"] or {}
    return Order(
        id=row["id"],
        store_id=row["store_id"],
        purchase_order_id=row["purchase_order_id"],
        lines=tuple(_line(line) for line in row["lines"]),
        tasks=tuple(_task(task) for task in row["tasks"]),
        customer_order_id=row["customer_order_id"],
        commerce_order_number=row["commerce_order_number"],
        ordered_at=row["ordered_at"],
        ship_method=row["ship_method"],
        cancel_requested=tuple(requested.get("lines", ())),
        last_synced_at=row["last_synced_at"],
    )


def _line(line: Mapping[str, Any]) -> Line:
    price = line["unit_price"]
    return Line(
        line_number=line["line_number"],
        sku=line["sku"],
        ordered=line["ordered"],
        pending=line["pending"],
        shipped=line["shipped"],
        canceled=line["canceled"],
        refunded=line["refunded"],
        name=line["name"],
        commerce_item_id=line["commerce_item_id"],
        unit_price=Money(Decimal(price), line["currency"]) if price is not None else None,
    )


def _task(task: Mapping[str, Any]) -> Task:
    return Task(
        update_id=UUID(task["update_id"]),
        kind=Kind(task["kind"]),
        state=State(task["state"]),
        sequence=task["sequence"],
        items=items_of(task["items"]),
        tracking_number=task["tracking_number"],
        reason=task["reason"],
        override_cancel_request=task["override_cancel_request"],
        ambiguous=task["ambiguous"],
        previous_tracking_number=task["previous_tracking_number"],
        corrects=UUID(task["corrects"]) if task["corrects"] else None,
        package=task["package"],
        recognisable=task["recognisable"] is not False,
    )


def items_of(rows: Iterable[Mapping[str, Any]]) -> tuple[Item, ...]:
    """Items as they are kept in a JSON column."""
    return tuple(Item(**row) for row in rows)


def items_json(items: Iterable[Item]) -> list[dict[str, Any]]:
    """Items in the form of a JSON column."""
    return [dataclasses.asdict(item) for item in items]


async def find(connection: Connection, store_id: int, purchase_order_id: str) -> UUID | None:
    """The order of that purchase order number in the store, if it is known."""
    statement = sa.select(orders.c.id).where(
        orders.c.store_id == store_id, orders.c.purchase_order_id == purchase_order_id
    )
    return (await connection.execute(statement)).scalar_one_or_none()


async def add_lines(
    connection: Connection, store_id: int, order_id: UUID, lines: Sequence[Line], start: int = 0
) -> None:
    """Write down lines of an order, numbered from start in the order given."""
    if not lines:
        return
    rows = [
        {
            "store_id": store_id,
            "order_id": order_id,
            "line_number": line.line_number,
            "position": start + position,
            "sku": line.sku,
            "name": line.name,
            "commerce_item_id": line.commerce_item_id,
            "unit_price": line.unit_price.amount if line.unit_price else None,
            "currency": line.unit_price.currency if line.unit_price else None,
            "ordered": line.ordered,
            "pending": line.pending,
            "shipped": line.shipped,
            "canceled": line.canceled,
            "refunded": line.refunded,
        }
        for position, line in enumerate(lines)
    ]
    await connection.execute(sa.insert(order_lines), rows)


async def save(connection: Connection, before: Order, after: Order) -> None:
    """Write what a rule changed: quantities of lines and what each update still holds."""
    known = {line.line_number: line for line in before.lines}
    new = [line for line in after.lines if line.line_number not in known]
    await add_lines(connection, after.store_id, after.id, new, start=len(known))
    changed = [
        line
        for line in after.lines
        if line.line_number in known and line != known[line.line_number]
    ]
    if changed:
        await connection.execute(
            _SAVE_LINES,
            {
                "store_id": after.store_id,
                "order_id": after.id,
                "lines": [_quantities(line) for line in changed],
            },
        )
    await _save_items(connection, before, after)


def _quantities(line: Line) -> dict[str, object]:
    return {
        "line_number": line.line_number,
        "ordered": line.ordered,
        "pending": line.pending,
        "shipped": line.shipped,
        "canceled": line.canceled,
        "refunded": line.refunded,
        "name": line.name,
    }


async def _save_items(connection: Connection, before: Order, after: Order) -> None:
    held = {task.update_id: task.items for task in before.tasks}
    statements = (
        (Kind.SHIPMENT, _SAVE_SHIPMENT_ITEMS),
        (Kind.CANCELLATION, _SAVE_CANCELLATION_ITEMS),
    )
    for kind, statement in statements:
        rows = [
            {"update_id": str(task.update_id), "items": items_json(task.items)}
            for task in after.tasks
            if task.kind is kind and task.items != held.get(task.update_id)
        ]
        if rows:
            await connection.execute(statement, {"store_id": after.store_id, "items": rows})


async def save_status(
    connection: Connection, order: Order, *, synced: bool, seen_at: datetime | None = None
) -> None:
    """Write what follows from the order's lines and updates: its two statuses.

    synced: Walmart was just read, so its word on cancel requests is written too, first seen
    at seen_at.
    """
    failed = any(
        task.state is State.FAILED and task.kind is not Kind.INVENTORY for task in order.tasks
    )
    fulfillment = order.fulfillment_status
    values: dict[str, Any] = {
        "fulfillment_status": fulfillment.value,
        "status": status(fulfillment, failed=failed),
        "updated_at": sa.func.now(),
    }
    if synced:
        values["last_synced_at"] = sa.func.now()
        values["cancel_requested"] = _cancel_request(order, seen_at)
    await connection.execute(
        sa.update(orders)
        .where(orders.c.store_id == order.store_id, orders.c.id == order.id)
        .values(**values)
    )


def _cancel_request(order: Order, seen_at: datetime | None) -> Any:  # noqa: ANN401 - SQL or JSON
    if not order.cancel_requested:
        return sa.null()
    seen = seen_at.isoformat().replace("+00:00", "Z") if seen_at else None
    # The first sighting is kept: it is when the buyer's clock started.
    first_seen = sa.func.coalesce(orders.c.cancel_requested["seen_at"].astext, seen)
    lines = sa.cast(list(order.cancel_requested), JSONB)
    return sa.func.jsonb_build_object("lines", lines, "seen_at", first_seen)
