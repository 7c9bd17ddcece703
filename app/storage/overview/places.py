"""Rows of several orders in one statement, whichever stores the orders belong to."""

from collections.abc import Sequence
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

# A store's number and an order's id: every index begins with the store.
Place = tuple[int, UUID]

_UUID = postgresql.UUID(as_uuid=True)


def of(places: Sequence[Place], table: sa.Table) -> tuple[sa.FromClause, sa.ColumnElement[bool]]:
    """Something to join a table with, and on what, that leaves the rows of these orders.

    Two arrays, so that the statement and its plan are the same for one order and for 200.
    """
    stores = sa.literal([store_id for store_id, _ in places], postgresql.ARRAY(sa.Integer))
    orders = sa.literal([order_id for _, order_id in places], postgresql.ARRAY(_UUID))
    asked = (
        sa.func.unnest(stores, orders)
        .table_valued(sa.column("store_id", sa.Integer), sa.column("order_id", _UUID), name="asked")
        .render_derived()
    )
    on = sa.and_(table.c.store_id == asked.c.store_id, table.c.order_id == asked.c.order_id)
    return asked, on
