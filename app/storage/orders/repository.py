"""Locks orders, and loads them as the rules need them.

A statement locks the rows, and a later one reads everything: a transaction that waited for the lock
must not see the lines from before it waited.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from operator import itemgetter
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app.domain.errors import Unknown
from app.domain.ids import store_of
from app.domain.orders.order import Item, Money, Order, OrderLine, Task
from app.domain.update import Kind, State
from app.storage.postgres import sql
from app.storage.postgres.database import Connection
from app.storage.postgres.sharding import ShardedCommand
from app.storage.tables import order_lines, orders

UNKEYED = sql.read("orders/rule_columns.sql")
"""What the rules need of an order o, beside its key: a template of sharding.py."""
WHOLE = f"o.id, o.store_id, {UNKEYED}"
_LOCK = ShardedCommand(sql.read("orders/lock_orders.sql"))
_LOAD = ShardedCommand(sql.read("orders/load_orders.sql", columns=WHOLE))

_POSITION, _SEQUENCE = itemgetter("position"), itemgetter("sequence")
FULFILLED_BY_SELLER, FULFILLED_BY_WALMART = "seller", "walmart"
OrderKey = tuple[int, UUID]
"""A store's number and an order's id."""


async def lock(connection: Connection, order_id: UUID) -> Order:
    """Lock an order until the transaction ends, and read it. Raises Unknown."""
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
    await _lock(connection, wanted)
    return await _load(connection, wanted)


async def lock_rows(connection: Connection, places: Iterable[OrderKey]) -> None:
    """Lock orders of any stores until the transaction ends, without reading them."""
    await _lock(connection, _values(places))


async def load_many(
    connection: Connection, store_id: int, order_ids: Iterable[UUID]
) -> dict[UUID, Order]:
    """Orders of one store, without a lock."""
    return await _load(connection, _values((store_id, each) for each in order_ids))


def _values(places: Iterable[OrderKey]) -> dict[str, Any]:
    wanted = sorted(set(places))
    return {"stores": [store for store, _ in wanted], "ids": [each for _, each in wanted]}


async def _lock(connection: Connection, wanted: Mapping[str, Any]) -> None:
    if wanted["ids"]:
        await _LOCK.execute(connection, wanted["stores"], wanted)


async def _load(connection: Connection, wanted: Mapping[str, Any]) -> dict[UUID, Order]:
    if not wanted["ids"]:
        return {}
    rows = await _LOAD.execute(connection, wanted["stores"], wanted)
    return {row["id"]: from_row(row) for row in rows.mappings()}


def from_row(row: Mapping[Any, Any]) -> Order:
    """The order of a row with the columns of WHOLE."""
    requested = row["cancel_requested"] or {}
    return Order(
        id=row["id"],
        store_id=row["store_id"],
        purchase_order_id=row["purchase_order_id"],
        lines=tuple(map(_line, sorted(json.loads(row["lines"]), key=_POSITION))),
        tasks=tuple(map(_task, sorted(json.loads(row["tasks"]), key=_SEQUENCE))),
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
        later_parts=_quantities(row["later_parts"] or ()),
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
        other_charges=None if line["other_charges"] is None else Decimal(line["other_charges"]),
        commerce_items=per_unit_of(line["commerce_items"]),
    )


def per_unit_of(rows: Iterable[Mapping[str, int]] | None) -> dict[int, int]:
    """The items of a line from its JSON column: how many of each are in one unit."""
    return {row["id"]: row["per_unit"] for row in rows or ()}


def per_unit_json(items: Mapping[int, int]) -> list[dict[str, int]] | None:
    """The items of a line as its JSON column stores them."""
    return [{"id": id_, "per_unit": n} for id_, n in items.items()] or None


def _quantities(shipments: Iterable[Iterable[tuple[int, int]]]) -> Counter[int]:
    """Quantities of all shipments together, by Commerce item."""
    found: Counter[int] = Counter()
    for items in shipments:
        for id_, quantity in items:
            found[id_] += quantity
    return found


def contents_of(row: Mapping[str, int] | None) -> dict[int, int]:
    """Quantities by Commerce item, from JSON."""
    return {int(id_): quantity for id_, quantity in (row or {}).items()}


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
        commerce_items=contents_of(task["commerce_items"]),
        failure=_failure(task["failure"]),
        shipment_number=task["shipment_number"],
    )


def _failure(error: Mapping[str, Any] | None) -> str | None:
    """The message and the suggestion of a failed update's last error, as sentences."""
    if error is None:
        return None
    return " ".join(
        f"{each.rstrip('.')}." for each in (error["message"], error["suggestion"]) if each
    )


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def items_of(rows: Iterable[Mapping[str, Any]]) -> tuple[Item, ...]:
    """The items of a JSON column."""
    return tuple(Item(**row) for row in rows)


def items_json(items: Iterable[Item]) -> list[dict[str, Any]]:
    """Items as a JSON column stores them."""
    return [{name: getattr(item, name) for name in Item.__slots__} for item in items]


async def find(connection: Connection, store_id: int, purchase_order_id: str) -> UUID | None:
    """The id of an order by its purchase order number. None means that the store has none."""
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
    """Insert lines of an order, with positions from start."""
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
            "commerce_items": per_unit_json(line.commerce_items),
            "unit_price": line.unit_price.amount if line.unit_price else None,
            "currency": line.unit_price.currency if line.unit_price else None,
            "other_charges": line.other_charges,
            "ordered": line.ordered,
            "pending": line.pending,
            "shipped": line.shipped,
            "canceled": line.canceled,
            "refunded": line.refunded,
        }
        for position, line in enumerate(lines)
    ]
    await connection.execute(sa.insert(order_lines), rows)
