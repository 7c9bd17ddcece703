"""Lists of orders: newest first, soonest to leave first, or in the order of their changes."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app.orders.order import ERROR, FulfillmentStatus
from app.storage import order_counts
from app.storage.database import Connection
from app.storage.overview import across, order_views, places, search
from app.storage.overview.paging import After, Page, cut
from app.storage.tables import orders as table
from app.storage.views import OrderView

_UNSHIPPED = sa.text("fulfillment_status IN ('open', 'partially_shipped')")
_NOT_OPEN = sa.text("status <> 'open'")
_STATUSES = (*(status.value for status in FulfillmentStatus), ERROR)


@dataclass(frozen=True, slots=True)
class OrderFilter:
    """Which orders to list; None filters nothing. Times are aware.

    ship_before: only orders with unshipped units, the soonest ship-by first. updated_since:
    in the order of their last change, so that a reader can go on where it stopped.
    without_commerce_order: only those that Commerce does not have yet, by its numbers.
    """

    store_id: int | None = None
    status: str | None = None
    q: str | None = None
    updated_since: datetime | None = None
    ship_before: datetime | None = None
    without_commerce_order: bool = False


@dataclass(frozen=True, slots=True)
class _Listing:
    """A list: what it is sorted by, and which orders are in it."""

    key: sa.Column[Any]
    store_id: int | None
    conditions: Sequence[sa.ColumnElement[bool]]
    # Few are looked at, so they are sorted; otherwise they are read off an index, store by store.
    few: bool

    @property
    def descending(self) -> bool:
        """Only the list of the newest is."""
        return self.key is table.c.ordered_at


async def orders(
    connection: Connection, wanted: OrderFilter, page: Page
) -> tuple[list[OrderView], After | None]:
    """A page of orders. Raises Invalid search_too_broad."""
    conditions = _conditions(wanted)
    if wanted.q is not None:
        found = await search.find(connection, wanted.q, wanted.store_id)
        conditions.append(places.among(table, found))
    listing = _Listing(_sorting(wanted), wanted.store_id, conditions, few=wanted.q is not None)
    behind = None
    if page.after is not None:
        behind = datetime.fromisoformat(page.after[0]), UUID(page.after[1])
    read = _newest if listing.descending else _soonest
    rows, more = cut(await read(connection, listing, behind, page.limit + 1), page.limit)
    key = listing.key.name
    after = ((rows[-1][key] or _NEVER).isoformat(), str(rows[-1]["id"])) if more else None
    return await order_views.views(connection, rows), after


# Stands in a cursor for the date that nobody knows; no order is as old.
_NEVER = datetime.fromisoformat("0001-01-01T00:00:00+00:00")


def _sorting(wanted: OrderFilter) -> sa.Column[Any]:
    if wanted.updated_since is not None:
        return table.c.updated_at
    return table.c.ship_by if wanted.ship_before is not None else table.c.ordered_at


async def _soonest(
    connection: Connection, listing: _Listing, behind: tuple[datetime, UUID] | None, limit: int
) -> list[sa.RowMapping]:
    after = [] if behind is None else [sa.tuple_(listing.key, table.c.id) > behind]
    return await _rows(connection, listing, after, limit)


async def _newest(
    connection: Connection, listing: _Listing, behind: tuple[datetime, UUID] | None, limit: int
) -> list[sa.RowMapping]:
    """The newest first, then those without a date.

    Two statements, because the index on the date puts those without one first: read as one
    list, every order of the store would be sorted for each page.
    """
    key = listing.key
    dated: list[sa.ColumnElement[bool]] = [key.is_not(None)]
    undated: list[sa.ColumnElement[bool]] = [key.is_(None)]
    rows: list[sa.RowMapping] = []
    if behind is not None and behind[0] == _NEVER:
        undated.append(table.c.id < behind[1])
    else:
        if behind is not None:
            dated.append(sa.tuple_(key, table.c.id) < behind)
        rows = await _rows(connection, listing, dated, limit)
    if len(rows) < limit:
        rows += await _rows(connection, listing, undated, limit - len(rows))
    return rows


async def _rows(
    connection: Connection,
    listing: _Listing,
    more: Sequence[sa.ColumnElement[bool]],
    limit: int,
) -> list[sa.RowMapping]:
    conditions = [*listing.conditions, *more]
    if listing.store_id is None and not listing.few:
        found = await across.first(
            connection, listing.key, conditions, descending=listing.descending, limit=limit
        )
        conditions = [places.among(table, found)]
    order = across.ordered(listing.key, table.c.id, descending=listing.descending)
    statement = order_views.select().where(*conditions).order_by(*order).limit(limit)
    return list((await connection.execute(statement)).mappings())


def _conditions(wanted: OrderFilter) -> list[sa.ColumnElement[bool]]:
    conditions: list[Any] = []
    if wanted.store_id is not None:
        conditions.append(table.c.store_id == wanted.store_id)
    if wanted.status is not None:
        conditions.append(table.c.status == wanted.status)
        if wanted.status != FulfillmentStatus.OPEN:
            # The words of a partial index, without which it is not used.
            conditions.append(_NOT_OPEN)
    if wanted.updated_since is not None:
        conditions.append(table.c.updated_at >= wanted.updated_since)
    if wanted.without_commerce_order:
        # The words of a partial index.
        conditions.append(
            sa.text("orders.commerce_order_number IS NULL AND orders.commerce_order_id IS NULL")
        )
    if wanted.ship_before is not None:
        conditions += [_UNSHIPPED, table.c.ship_by < wanted.ship_before]
    return conditions


async def summary(connection: Connection, store_id: int | None) -> dict[str, int]:
    """How many orders are in each status, of one store or of all, and in total."""
    counted = await order_counts.by_status(connection, store_id)
    counts = {status: counted.get(status, 0) for status in _STATUSES}
    return counts | {"total": sum(counts.values())}
