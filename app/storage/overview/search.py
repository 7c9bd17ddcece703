"""Finding an order by the beginning of any number a person may have in hand."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from app.orders.snapshot import tracking_key
from app.storage.tables import order_lines, orders, shipments

_NUMBERS = (
    orders.c.purchase_order_id,
    orders.c.customer_order_id,
    orders.c.commerce_order_number,
)


def matches(text: str, store_id: int | None) -> sa.ColumnElement[bool]:
    """Orders whose purchase order, Commerce, customer, SKU or tracking number begins with it.

    Each way is a look into an index of its own; none reads the whole table. store_id: the one
    store to look in, or all. Text without a letter or digit to look for finds nothing.
    """
    text = text.strip()
    key = tracking_key(text)
    ways = [_in(orders, orders.c.id, column, text, store_id) for column in _NUMBERS]
    sku = sa.func.upper(order_lines.c.sku)
    ways.append(_in(order_lines, order_lines.c.order_id, sku, text.upper(), store_id))
    if not key:
        # Only spaces and hyphens: as the beginning of a tracking number it would fit all.
        return sa.false() if not text else _found(ways)
    ways.append(_in(shipments, shipments.c.order_id, shipments.c.tracking_key, key, store_id))
    return _found(ways)


def _in(
    table: sa.Table,
    order_id: sa.ColumnElement[Any],
    column: sa.ColumnElement[str],
    begins: str,
    store_id: int | None,
) -> sa.Select[Any]:
    way = sa.select(table.c.store_id, order_id.label("order_id"))
    way = way.where(column.like(_prefix(begins), escape="\\"))
    return way if store_id is None else way.where(table.c.store_id == store_id)


def _found(ways: Sequence[sa.Select[Any]]) -> sa.ColumnElement[bool]:
    found = sa.union_all(*ways).subquery()
    return sa.tuple_(orders.c.store_id, orders.c.id).in_(
        sa.select(found.c.store_id, found.c.order_id)
    )


def _prefix(text: str) -> str:
    plain = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"{plain}%"
