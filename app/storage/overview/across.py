"""The first rows of a list of all stores, each store's read off its own index.

Every index begins with the store, so the first rows of each are merged: it costs by stores and
by rows of a page, never by rows in the table. That is also what a database does that is spread
over machines by store.
"""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from app.storage.database import Connection
from app.storage.overview.places import Place
from app.storage.tables import stores


async def first(
    connection: Connection,
    key: sa.Column[Any],
    conditions: Sequence[sa.ColumnElement[bool]],
    *,
    descending: bool,
    limit: int,
) -> list[Place]:
    """The first limit rows by key and id of those in key's table that meet conditions."""
    table = key.table
    each = (
        sa.select(table.c.id, key.label("key"))
        .where(table.c.store_id == stores.c.store_id, *conditions)
        .order_by(*ordered(key, table.c.id, descending=descending))
        .limit(limit)
        .correlate(stores)
        .lateral("each_store")
    )
    statement = (
        sa.select(stores.c.store_id, each.c.id)
        .select_from(stores.join(each, sa.true()))
        .order_by(*ordered(each.c.key, each.c.id, descending=descending))
        .limit(limit)
    )
    return [(row[0], row[1]) for row in await connection.execute(statement)]


def ordered(*keys: sa.ColumnElement[Any], descending: bool) -> list[sa.ColumnElement[Any]]:
    """Keys to order by, all in one direction."""
    return [key.desc() if descending else key.asc() for key in keys]
