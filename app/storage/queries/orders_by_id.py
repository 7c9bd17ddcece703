"""Rows of several orders in one statement, whichever stores the orders belong to."""

from collections.abc import Sequence
from uuid import UUID

from app.storage.postgres.query import Reader
from app.storage.postgres.session import Row
from app.storage.postgres.sharding import ShardedQuery

# A store's number and an order's id: every index begins with the store.
OrderKey = tuple[int, UUID]


def of(table: str, columns: str) -> str:
    """A template (forms.py) for the rows of some orders; its first values are those of `rows`.

    table: with a store_id and an order_id, called t in columns. Two arrays, so that the statement
    and its plan are the same for one order and for 200; and a look for each order, as PostgreSQL
    would otherwise read a whole table where it takes that for small.
    """
    return f"""
    SELECT {columns} FROM unnest($1::int[], $2::uuid[]) AS q(store_id, order_id)
     CROSS JOIN LATERAL (SELECT t.* FROM {table} t
                          WHERE t.store_id = <q.store_id> AND t.order_id = q.order_id OFFSET 0) t
    """  # noqa: S608 - words of this package's modules only


async def rows(
    question: ShardedQuery, reader: Reader, asked: Sequence[OrderKey], *values: object
) -> Sequence[Row]:
    """What a statement of some places has to answer: two arrays of them are its first values."""
    stores = [store_id for store_id, _ in asked]
    return await question.fetch(reader, stores, stores, [each for _, each in asked], *values)


# The ids of the returns of an order t, as a template: by its number, so that it may come later
# than they.
RETURNS_OF_ORDER = """
    SELECT f.id FROM returns f
     WHERE f.store_id = <t.store_id> AND f.purchase_order_id = t.purchase_order_id
     UNION ALL
    SELECT f.return_id FROM return_orders f
     WHERE f.store_id = <t.store_id> AND f.purchase_order_id = t.purchase_order_id
"""
