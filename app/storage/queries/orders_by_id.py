"""Rows of several orders in one statement, whichever stores the orders belong to."""

from collections.abc import Mapping, Sequence
from typing import Any

from app.storage.orders.repository import OrderKey
from app.storage.postgres import sql
from app.storage.postgres.query import Reader
from app.storage.postgres.session import Row
from app.storage.postgres.sharding import ShardedQuery

_NOTHING: Mapping[str, Any] = {}

RETURNS_OF_ORDER = sql.read("queries/returns_of_order.sql")
"""The ids of the returns of an order t; a sharding template."""
OPEN_RETURNS = sql.read("queries/count_returns_of_order.sql", returns=RETURNS_OF_ORDER)
"""How many of them are neither refunded nor closed; a sharding template."""


def of(table: str, columns: str) -> str:
    """The sharding template for `rows` of a table that has a store_id and an order_id.

    columns: what is selected of a row t of the table.
    """
    return sql.read("queries/list_rows_of_orders.sql", table=table, columns=columns)


async def rows(
    query: ShardedQuery,
    reader: Reader,
    keys: Sequence[OrderKey],
    values: Mapping[str, Any] = _NOTHING,
) -> Sequence[Row]:
    """Run a query that takes keys as two arrays, `:stores` and `:ids`, beside its own values."""
    stores = [store_id for store_id, _ in keys]
    arrays = {"stores": stores, "ids": [each for _, each in keys]}
    return await query.fetch(reader, stores, {**values, **arrays})
