"""Lists of orders: newest first, soonest to leave first, or in the order of their changes."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app.orders.order import ERROR, FulfillmentStatus
from app.storage import order_counts
from app.storage.database import Connection
from app.storage.overview import order_views, search
from app.storage.overview.paging import After, Page, cut
from app.storage.tables import orders as table
from app.storage.views import OrderView

_UNSHIPPED = sa.text("fulfillment_status IN ('open', 'partially_shipped')")
_STATUSES = (*(status.value for status in FulfillmentStatus), ERROR)


@dataclass(frozen=True, slots=True)
class OrderFilter:
    """Which orders to list; None filters nothing. Times are aware.

    ship_before: only orders with unshipped units, the soonest ship-by first. updated_since:
    in the order of their last change, so that a reader can go on where it stopped.
    """

    store_id: int | None = None
    status: str | None = None
    q: str | None = None
    updated_since: datetime | None = None
    ship_before: datetime | None = None


async def orders(
    connection: Connection, wanted: OrderFilter, page: Page
) -> tuple[list[OrderView], After | None]:
    """A page of orders."""
    key = _sorting(wanted)
    statement = order_views.select()
    for condition in _conditions(wanted):
        statement = statement.where(condition)
    behind = None
    if page.after is not None:
        behind = datetime.fromisoformat(page.after[0]), UUID(page.after[1])
    read = _newest if key is table.c.ordered_at else _soonest
    rows, more = cut(await read(connection, statement, key, behind, page.limit + 1), page.limit)
    after = ((rows[-1][key.name] or _NEVER).isoformat(), str(rows[-1]["id"])) if more else None
    return await order_views.views(connection, rows), after


# Stands in a cursor for the date that nobody knows; no order is as old.
_NEVER = datetime.fromisoformat("0001-01-01T00:00:00+00:00")


def _sorting(wanted: OrderFilter) -> sa.Column[Any]:
    if wanted.updated_since is not None:
        return table.c.updated_at
    return table.c.ship_by if wanted.ship_before is not None else table.c.ordered_at


async def _soonest(
    connection: Connection,
    statement: sa.Select[Any],
    key: sa.Column[Any],
    behind: tuple[datetime, UUID] | None,
    limit: int,
) -> list[sa.RowMapping]:
    if behind is not None:
        statement = statement.where(sa.tuple_(key, table.c.id) > behind)
    return await _rows(connection, statement.order_by(key, table.c.id), limit)


async def _newest(
    connection: Connection,
    statement: sa.Select[Any],
    key: sa.Column[Any],
    behind: tuple[datetime, UUID] | None,
    limit: int,
) -> list[sa.RowMapping]:
    """The newest first, then those without a date.

    Two statements, because the index on the date puts those without one first: read as one
    list, every order of the store would be sorted for each page.
    """
    statement = statement.order_by(key.desc(), table.c.id.desc())
    dated, undated = statement.where(key.is_not(None)), statement.where(key.is_(None))
    rows: list[sa.RowMapping] = []
    if behind is not None and behind[0] == _NEVER:
        undated = undated.where(table.c.id < behind[1])
    else:
        if behind is not None:
            dated = dated.where(sa.tuple_(key, table.c.id) < behind)
        rows = await _rows(connection, dated, limit)
    if len(rows) < limit:
        rows += await _rows(connection, undated, limit - len(rows))
    return rows


async def _rows(
    connection: Connection, statement: sa.Select[Any], limit: int
) -> list[sa.RowMapping]:
    return list((await connection.execute(statement.limit(limit))).mappings())


def _conditions(wanted: OrderFilter) -> list[sa.ColumnElement[bool]]:
    conditions: list[Any] = []
    if wanted.store_id is not None:
        conditions.append(table.c.store_id == wanted.store_id)
    if wanted.status is not None:
        conditions.append(table.c.status == wanted.status)
    if wanted.updated_since is not None:
        conditions.append(table.c.updated_at >= wanted.updated_since)
    if wanted.ship_before is not None:
        conditions += [_UNSHIPPED, table.c.ship_by < wanted.ship_before]
    if wanted.q is not None:
        conditions.append(search.matches(wanted.q, wanted.store_id))
    return conditions


async def summary(connection: Connection, store_id: int | None) -> dict[str, int]:
    """How many orders are in each status, of one store or of all, and in total."""
    counted = await order_counts.by_status(connection, store_id)
    counts = {status: counted.get(status, 0) for status in _STATUSES}
    return counts | {"total": sum(counts.values())}
