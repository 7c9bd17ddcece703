"""Search of one store's orders by the search criteria of Adobe Commerce's REST API."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from app.storage.postgres.database import Connection
from app.storage.queries import order_views
from app.storage.queries.views import OrderView
from app.storage.tables import orders as table

# The columns to search and sort by, under Commerce's names.
COLUMNS: Mapping[str, sa.Column[Any]] = {
    "entity_id": table.c.commerce_order_id,
    "increment_id": table.c.commerce_order_number,
    "ext_order_id": table.c.purchase_order_id,
    "ext_customer_id": table.c.customer_order_id,
    "status": table.c.status,
    "created_at": table.c.ordered_at,
    "updated_at": table.c.updated_at,
}
TIMES = frozenset({"created_at", "updated_at"})
# The largest count; more orders are not counted.
MOST_COUNTED = 10_000
_Condition = Callable[[sa.Column[Any], Sequence[Any]], sa.ColumnElement[bool]]
CONDITIONS: Mapping[str, _Condition] = {
    "eq": lambda column, values: column == values[0],
    "neq": lambda column, values: column != values[0],
    "gt": lambda column, values: column > values[0],
    "gteq": lambda column, values: column >= values[0],
    "moreq": lambda column, values: column >= values[0],
    "lt": lambda column, values: column < values[0],
    "lteq": lambda column, values: column <= values[0],
    "in": lambda column, values: column.in_(values),
    "nin": lambda column, values: column.not_in(values),
    "null": lambda column, _: column.is_(None),
    "notnull": lambda column, _: column.is_not(None),
}


@dataclass(frozen=True, slots=True)
class Filter:
    """One condition."""

    field: str
    condition: str
    values: Sequence[Any]
    said: str
    """The value as the request has it."""


@dataclass(frozen=True, slots=True)
class Sort:
    """A column to sort by."""

    field: str
    descending: bool


@dataclass(frozen=True, slots=True)
class Criteria:
    """A search. The filters of a group are alternatives; an order must match all groups."""

    groups: Sequence[Sequence[Filter]]
    sorts: Sequence[Sort]
    limit: int
    offset: int


async def search(
    connection: Connection, store_id: int, criteria: Criteria
) -> tuple[list[OrderView], int]:
    """A page of a store's orders, and how many match (at most MOST_COUNTED are counted)."""
    conditions = [
        table.c.store_id == store_id,
        *(sa.or_(*(_condition(each) for each in group)) for group in criteria.groups if group),
    ]
    counted = sa.select(sa.literal(1)).where(*conditions).limit(MOST_COUNTED).subquery()
    total = (await connection.execute(sa.select(sa.func.count()).select_from(counted))).scalar_one()
    order = [
        COLUMNS[each.field].desc() if each.descending else COLUMNS[each.field].asc()
        for each in criteria.sorts
    ]
    statement = sa.select(table.c.store_id, table.c.id).where(*conditions)
    statement = statement.order_by(*(order or [table.c.ordered_at.desc()]), table.c.id.desc())
    statement = statement.limit(criteria.limit).offset(criteria.offset)
    found = [(row[0], row[1]) for row in await connection.execute(statement)]
    return await order_views.orders(connection, found), int(total)


def _condition(wanted: Filter) -> sa.ColumnElement[bool]:
    return CONDITIONS[wanted.condition](COLUMNS[wanted.field], wanted.values)
