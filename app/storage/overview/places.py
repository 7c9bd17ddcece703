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
    asked = _asked(places)
    on = sa.and_(table.c.store_id == asked.c.store_id, table.c.order_id == asked.c.order_id)
    return asked, on


def among(table: sa.Table, places: Sequence[Place]) -> sa.ColumnElement[bool]:
    """A condition that leaves the rows of a table whose own ids these are."""
    asked = _asked(places)
    wanted = sa.select(asked.c.store_id, asked.c.order_id)
    return sa.tuple_(table.c.store_id, table.c.id).in_(wanted)


def _asked(places: Sequence[Place]) -> sa.TableValuedAlias:
    stores = sa.literal([store_id for store_id, _ in places], postgresql.ARRAY(sa.Integer))
    orders = sa.literal([order_id for _, order_id in places], postgresql.ARRAY(_UUID))
    return (
        sa.func.unnest(stores, orders)
        .table_valued(sa.column("store_id", sa.Integer), sa.column("order_id", _UUID), name="asked")
        .render_derived()
    )
