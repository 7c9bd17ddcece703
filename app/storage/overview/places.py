"""Rows of several orders in one statement, whichever stores the orders belong to."""

from collections.abc import Sequence
from uuid import UUID

# A store's number and an order's id: every index begins with the store.
Place = tuple[int, UUID]


def of(table: str, columns: str) -> str:
    """SQL for the rows of some orders; its values are those of `values`.

    table: with a store_id and an order_id, called t in columns. Two arrays, so that the statement
    and its plan are the same for one order and for 200; and a look for each order, as PostgreSQL
    would otherwise read a whole table where it takes that for small.
    """
    return f"""
    SELECT {columns} FROM unnest($1::int[], $2::uuid[]) AS q(store_id, order_id)
     CROSS JOIN LATERAL (SELECT t.* FROM {table} t
                          WHERE t.store_id = q.store_id AND t.order_id = q.order_id OFFSET 0) t
    """  # noqa: S608 - words of this package's modules only


def values(places: Sequence[Place]) -> tuple[list[int], list[UUID]]:
    """Two arrays of the same length."""
    return [store_id for store_id, _ in places], [order_id for _, order_id in places]


# The ids of the returns of an order t: by its number, so that it may come later than they.
RETURNS_OF_ORDER = """
    SELECT f.id FROM returns f
     WHERE f.store_id = t.store_id AND f.purchase_order_id = t.purchase_order_id
     UNION ALL
    SELECT f.return_id FROM return_orders f
     WHERE f.store_id = t.store_id AND f.purchase_order_id = t.purchase_order_id
"""
