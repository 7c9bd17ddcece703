"""Finding an order by the beginning of any number a person may have in hand."""

import sqlalchemy as sa

from app.orders.snapshot import tracking_key
from app.storage.tables import order_lines, orders, shipments


def matches(text: str) -> sa.ColumnElement[bool]:
    """Orders whose purchase order, Commerce, customer, SKU or tracking number begins with it.

    Each way is a look into an index of its own; none reads the whole table.
    """
    text = text.strip()
    begins = _prefix(text)
    found = sa.union_all(
        *(
            sa.select(orders.c.store_id, orders.c.id.label("order_id")).where(
                column.like(begins, escape="\\")
            )
            for column in (
                orders.c.purchase_order_id,
                orders.c.customer_order_id,
                orders.c.commerce_order_number,
            )
        ),
        sa.select(order_lines.c.store_id, order_lines.c.order_id).where(
            sa.func.upper(order_lines.c.sku).like(_prefix(text.upper()), escape="\\")
        ),
        sa.select(shipments.c.store_id, shipments.c.order_id).where(
            shipments.c.tracking_key.like(_prefix(tracking_key(text)), escape="\\")
        ),
    ).subquery()
    return sa.tuple_(orders.c.store_id, orders.c.id).in_(
        sa.select(found.c.store_id, found.c.order_id)
    )


def _prefix(text: str) -> str:
    plain = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"{plain}%"
