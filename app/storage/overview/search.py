"""Finding an order by the beginning of any number a person may have in hand."""

import sys
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from app.orders.errors import Invalid, Problem
from app.orders.snapshot import tracking_key
from app.storage.database import Connection
from app.storage.overview import places
from app.storage.overview.places import Place
from app.storage.tables import order_lines, orders, return_orders, returns, shipments, stores

# More numbers than a person reads through; whoever searches so broadly types one letter more.
MOST = 1000

_NUMBERS = (
    orders.c.purchase_order_id,
    orders.c.customer_order_id,
    orders.c.commerce_order_number,
)
_OF_RETURNS = (
    (returns, returns.c.id, returns.c.return_order_id),
    (returns, returns.c.id, returns.c.purchase_order_id),
    (returns, returns.c.id, returns.c.customer_order_id),
    (return_orders, return_orders.c.return_id, return_orders.c.purchase_order_id),
)
_FIRST_SURROGATE, _AFTER_SURROGATES = 0xD800, 0xE000


async def find(connection: Connection, text: str, store_id: int | None) -> list[Place]:
    """Orders whose purchase order, Commerce, customer, SKU or tracking number begins with it.

    Each way looks at a few entries of an index of its own, whatever else there is. store_id: the
    one store to look in, or all. Text without a letter or digit to look for finds nothing.
    Raises Invalid search_too_broad where more than MOST numbers begin so.
    """
    text = text.strip()
    if not text:
        return []
    key = tracking_key(text)
    ways = [_way(orders, orders.c.id, column, text, store_id) for column in _NUMBERS]
    sku = sa.func.upper(order_lines.c.sku)
    ways.append(_way(order_lines, order_lines.c.order_id, sku, text.upper(), store_id))
    if key:
        # Only spaces and hyphens would, as the beginning of a tracking number, fit all.
        ways.append(_way(shipments, shipments.c.order_id, shipments.c.tracking_key, key, store_id))
    found: set[Place] = set()
    for way in ways:
        rows = (await connection.execute(way)).all()
        found.update((row[0], row[1]) for row in rows)
        if len(rows) > MOST or len(found) > MOST:
            raise _too_broad(text)
    return sorted(found)


async def find_returns(connection: Connection, text: str, store_id: int | None) -> list[Place]:
    """Returns whose RMA, purchase order, customer order or Commerce order number begins with it.

    As `find`: by an index for each way, and bounded.
    """
    text = text.strip()
    if not text:
        return []
    found: set[Place] = set()
    ways = [_way(*each, text, store_id) for each in _OF_RETURNS]
    of_orders = _way(orders, orders.c.id, orders.c.commerce_order_number, text, store_id)
    named = (await connection.execute(of_orders)).all()
    if len(named) > MOST:
        raise _too_broad(text)
    ways.append(_returns_of([(row[0], row[1]) for row in named]))
    for way in ways:
        rows = (await connection.execute(way)).all()
        found.update((row[0], row[1]) for row in rows)
        if len(rows) > MOST or len(found) > MOST:
            raise _too_broad(text)
    return sorted(found)


def _returns_of(named: Sequence[Place]) -> sa.Select[Any]:
    """At most MOST + 1 places of the returns of some orders."""
    first = sa.select(returns.c.store_id, returns.c.id, returns.c.purchase_order_id)
    further = sa.select(*return_orders.c["store_id", "return_id", "purchase_order_id"])
    each = first.union_all(further).subquery()
    on = sa.and_(
        each.c.store_id == orders.c.store_id,
        each.c.purchase_order_id == orders.c.purchase_order_id,
    )
    way = sa.select(each.c.store_id, each.c.id).select_from(orders.join(each, on))
    return way.where(places.among(orders, named)).limit(MOST + 1)


def _too_broad(text: str) -> Invalid:
    message = f"More than {MOST} numbers of orders begin with {text}. Type more of it."
    return Invalid("search_too_broad", message, [Problem("search_too_broad", message, "/q")])


def _way(
    table: sa.Table,
    order_id: sa.ColumnElement[Any],
    column: sa.ColumnElement[str],
    begins: str,
    store_id: int | None,
) -> sa.Select[Any]:
    """At most MOST + 1 places of orders; an order may be among them for each of its lines.

    By comparing, not LIKE: a statement that is prepared once for every text knows no pattern, and
    would read the whole table.
    """
    behind = following(begins)
    each = sa.select(order_id.label("order_id")).where(
        table.c.store_id == stores.c.store_id, column.op("~>=~")(begins)
    )
    if behind is not None:
        each = each.where(column.op("~<~")(behind))
    found = each.limit(MOST + 1).correlate(stores).lateral("each_store")
    way = sa.select(stores.c.store_id, found.c.order_id).select_from(stores.join(found, sa.true()))
    way = way.limit(MOST + 1)
    return way if store_id is None else way.where(stores.c.store_id == store_id)


def following(text: str) -> str | None:
    """The first text behind all that begin with this one, None where none is.

    By code points, which is the order of bytes in UTF-8 too.
    """
    while text:
        point = ord(text[-1]) + 1
        if point == _FIRST_SURROGATE:
            # In no text of a database.
            point = _AFTER_SURROGATES
        if point <= sys.maxunicode:
            return text[:-1] + chr(point)
        text = text[:-1]
    return None
