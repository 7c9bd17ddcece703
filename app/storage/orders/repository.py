"""Orders as the rules need them: locked, and loaded whole.

The order row is locked in a statement of its own and everything else read in a later one:
a waiter that gets the lock must not see the lines as they were before it waited.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.dialects.postgresql import UUID as PG_UUID

from app.domain.errors import Unknown
from app.domain.ids import store_of
from app.domain.orders.order import Item, Money, Order, OrderLine, Task
from app.domain.update import Kind, State
from app.storage.postgres import sharding
from app.storage.postgres.database import Connection
from app.storage.tables import order_lines, orders

_KEYS = (
    sa.bindparam("stores", type_=ARRAY(sa.Integer)),
    sa.bindparam("ids", type_=ARRAY(PG_UUID(as_uuid=True))),
)
# In one order everywhere, so that those who hold several never wait for each other.
_LOCK = sharding.ShardedStatement(
    """
    SELECT o.id FROM orders o
      JOIN unnest(CAST(:stores AS int[]), CAST(:ids AS uuid[])) AS q(store_id, id)
        ON o.store_id = q.store_id AND o.id = q.id AND <o> AND <q>
     ORDER BY o.store_id, o.id FOR UPDATE OF o
    """,
    *_KEYS,
)

# What the rules ask of an order beside its key: of the row o of the table orders, its lines and its
# updates; a template of forms.py.
UNKEYED = """
      o.purchase_order_id, o.customer_order_id, o.commerce_order_number, o.commerce_order_id,
      o.ordered_at, o.ship_method, o.cancel_requested, o.last_synced_at, o.fulfilled_by,
      o.import_error, o.commerce_open,
      (SELECT coalesce(jsonb_agg(jsonb_build_object(
                'line_number', l.line_number, 'sku', l.sku, 'name', l.name,
                'commerce_item_id', l.commerce_item_id, 'unit_price', l.unit_price::text,
                'currency', l.currency, 'ordered', l.ordered, 'pending', l.pending,
                'shipped', l.shipped, 'canceled', l.canceled, 'refunded', l.refunded)
              ORDER BY l.position), '[]')
         FROM order_lines l WHERE l.store_id = <o.store_id> AND l.order_id = o.id) AS lines,
      (SELECT coalesce(jsonb_agg(jsonb_build_object(
                'update_id', u.id, 'kind', u.kind, 'state', u.state, 'sequence', u.sequence,
                'in_doubt_until', u.in_doubt_until,
                'confirmed_at', greatest(s.first_confirmed_at,
                   CASE WHEN u.state = 'confirmed'
                         AND u.kind IN ('shipment', 'tracking', 'cancellation')
                        THEN u.finished_at END),
                'items', coalesce(s.items, c.items, '[]'::jsonb),
                'tracking_number', u.payload->>'tracking_number', 'reason', c.reason,
                'previous_tracking_number', u.payload->>'previous_tracking_number',
                'corrects', u.payload->>'shipment_update_id',
                'recognisable', u.payload->'recognisable',
                'package', CASE WHEN u.kind = 'tracking' THEN u.payload END,
                'override_cancel_request', coalesce(s.override_cancel_request, false))
              ORDER BY u.sequence), '[]')
         FROM (SELECT id, kind, state, sequence, in_doubt_until, finished_at, payload FROM updates
                WHERE store_id = <o.store_id> AND order_id = o.id
               UNION ALL
               SELECT id, kind, state, sequence, NULL, finished_at, payload
                 FROM archived_updates
                WHERE store_id = <o.store_id> AND order_id = o.id) u
         LEFT JOIN LATERAL (SELECT * FROM shipments WHERE store_id = <o.store_id>
                               AND update_id = u.id LIMIT 1) s ON true
         LEFT JOIN LATERAL (SELECT * FROM cancellations WHERE store_id = <o.store_id>
                               AND update_id = u.id LIMIT 1) c ON true
        WHERE u.kind <> 'inventory') AS tasks
"""
WHOLE = f"o.id, o.store_id, {UNKEYED}"
_LOAD = sharding.ShardedStatement(
    f"""
    SELECT {WHOLE}
      FROM unnest(CAST(:stores AS int[]), CAST(:ids AS uuid[])) AS q(store_id, id)
      JOIN orders o ON o.store_id = q.store_id AND o.id = q.id AND <o> AND <q>
    """,  # noqa: S608 - only a constant of this module is put in
    *_KEYS,
    columns=(
        orders.c.id,
        orders.c.store_id,
        orders.c.purchase_order_id,
        orders.c.customer_order_id,
        orders.c.commerce_order_number,
        orders.c.commerce_order_id,
        orders.c.ordered_at,
        orders.c.ship_method,
        orders.c.cancel_requested,
        orders.c.last_synced_at,
        orders.c.fulfilled_by,
        orders.c.import_error,
        orders.c.commerce_open,
    ),
    lines=JSONB,
    tasks=JSONB,
)

FULFILLED_BY_SELLER, FULFILLED_BY_WALMART = "seller", "walmart"
# A store's number and an order's id.
OrderKey = tuple[int, UUID]


async def lock(connection: Connection, order_id: UUID) -> Order:
    """Hold an order until the transaction ends. Raises Unknown when there is none."""
    store_id = store_of(order_id)
    if store_id is None:
        raise Unknown("order", order_id)
    found = await lock_many(connection, [(store_id, order_id)])
    if not found:
        raise Unknown("order", order_id)
    return found[order_id]


async def lock_many(connection: Connection, places: Iterable[OrderKey]) -> dict[UUID, Order]:
    """Lock orders of any stores until the transaction ends, and read them."""
    wanted = _values(places)
    await _LOCK.execute(connection, wanted["stores"], wanted)
    return await _load(connection, wanted)


async def lock_rows(connection: Connection, places: Iterable[OrderKey]) -> None:
    """Lock orders of any stores until the transaction ends, without reading them."""
    wanted = _values(places)
    await _LOCK.execute(connection, wanted["stores"], wanted)


async def load_many(
    connection: Connection, store_id: int, order_ids: Iterable[UUID]
) -> dict[UUID, Order]:
    """Orders of one store as they are, not held."""
    return await _load(connection, _values((store_id, each) for each in order_ids))


def _values(places: Iterable[OrderKey]) -> dict[str, Any]:
    wanted = sorted(set(places))
    return {"stores": [store for store, _ in wanted], "ids": [each for _, each in wanted]}


async def _load(connection: Connection, wanted: Mapping[str, Any]) -> dict[UUID, Order]:
    rows = await _LOAD.execute(connection, wanted["stores"], wanted)
    return {row["id"]: from_row(row) for row in rows.mappings()}


def from_row(row: Mapping[Any, Any]) -> Order:
    """An order out of a row of what WHOLE selects."""
    requested = row["cancel_requested"] or {}
    return Order(
        id=row["id"],
        store_id=row["store_id"],
        purchase_order_id=row["purchase_order_id"],
        lines=tuple(_line(line) for line in row["lines"]),
        tasks=tuple(_task(task) for task in row["tasks"]),
        customer_order_id=row["customer_order_id"],
        commerce_order_number=row["commerce_order_number"],
        commerce_order_id=row["commerce_order_id"],
        ordered_at=row["ordered_at"],
        ship_method=row["ship_method"],
        cancel_requested=tuple(requested.get("lines", ())),
        last_synced_at=row["last_synced_at"],
        fulfilled_by_walmart=row["fulfilled_by"] == FULFILLED_BY_WALMART,
        unreadable=row["import_error"] is not None,
        commerce_refused=row["commerce_open"] == "refused",
    )


def _line(line: Mapping[str, Any]) -> OrderLine:
    price = line["unit_price"]
    return OrderLine(
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
        in_doubt_until=_moment(task["in_doubt_until"]),
        confirmed_at=_moment(task["confirmed_at"]),
        previous_tracking_number=task["previous_tracking_number"],
        corrects=UUID(task["corrects"]) if task["corrects"] else None,
        package=task["package"],
        recognisable=task["recognisable"] is not False,
    )


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def items_of(rows: Iterable[Mapping[str, Any]]) -> tuple[Item, ...]:
    """Items as they are kept in a JSON column."""
    return tuple(Item(**row) for row in rows)


def items_json(items: Iterable[Item]) -> list[dict[str, Any]]:
    """Items in the form of a JSON column."""
    return [{name: getattr(item, name) for name in Item.__slots__} for item in items]


async def find(connection: Connection, store_id: int, purchase_order_id: str) -> UUID | None:
    """The order of that purchase order number in the store, if it is known."""
    statement = sa.select(orders.c.id).where(
        orders.c.store_id == store_id, orders.c.purchase_order_id == purchase_order_id
    )
    return (await connection.execute(statement)).scalar_one_or_none()


async def add_lines(
    connection: Connection,
    store_id: int,
    order_id: UUID,
    lines: Sequence[OrderLine],
    start: int = 0,
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
