"""Lists of orders: the newest first, by ship-by date, or in the order of their changes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from app.domain.orders.order import ERROR, FulfillmentStatus
from app.storage.orders import counts as order_counts
from app.storage.postgres import sql
from app.storage.postgres.query import Reader
from app.storage.postgres.session import Row
from app.storage.postgres.sharding import of_any
from app.storage.queries import index_scan, order_search, order_views
from app.storage.queries.index_scan import KeyRange
from app.storage.queries.index_scan_sql import IndexScan
from app.storage.queries.orders_by_id import OrderKey
from app.storage.queries.pagination import After, KeysetPage, cut
from app.storage.queries.views import OrderView

_STATUSES = (*(status.value for status in FulfillmentStatus), ERROR)
# The possible statuses of an order with unshipped units.
_UNSHIPPED_STATUSES = (
    FulfillmentStatus.OPEN.value,
    FulfillmentStatus.PARTIALLY_SHIPPED.value,
    ERROR,
)
# In the words of the indexes (tables/order_tables.py), without which they are not used.
_UNSHIPPED = "t.fulfillment_status IN ('open', 'partially_shipped')"
_WITHOUT = "t.commerce_order_number IS NULL AND t.commerce_order_id IS NULL"
_FLAG, _STATUS = (f"({_WITHOUT})", "boolean"), ("t.status", "text")

_NEWEST = IndexScan("orders", (), "t.ordered_at", order_views.ROWS)
_NEWEST_OF_STATUS = replace(_NEWEST, prefix=(_STATUS,))
_NEWEST_WITHOUT = replace(_NEWEST_OF_STATUS, where=_WITHOUT)
_CHANGED = replace(_NEWEST, key="t.updated_at", descending=False)
_CHANGED_OF_STATUS = replace(_CHANGED, prefix=(_FLAG, _STATUS))
_CHANGED_UNSHIPPED = replace(_CHANGED_OF_STATUS, where=f"{_UNSHIPPED} AND t.ship_by < :ship_before")
_LEAVING = replace(_CHANGED_OF_STATUS, key="t.ship_by", where=_UNSHIPPED)

# In a cursor, in place of an unknown date. No order is as old.
_NEVER = datetime.fromisoformat("0001-01-01T00:00:00+00:00")
# Lists of what a search found, by the column that they are sorted by.
_FOUND = {
    key: sql.load(
        "queries/list_found_orders.sql",
        rows=of_any(order_views.ROWS),
        key=f"coalesce(t.{key}, '{_NEVER.isoformat()}')",
        unshipped=_UNSHIPPED,
        without_commerce_order=_WITHOUT,
        behind=behind,
        direction=direction,
    )
    for key, behind, direction in (
        ("ordered_at", "<", "DESC"),
        ("updated_at", ">", "ASC"),
        ("ship_by", ">", "ASC"),
    )
}


@dataclass(frozen=True, slots=True)
class OrderFilter:
    """A filter of orders. None filters nothing. Times are aware."""

    store_id: int | None = None
    status: str | None = None
    q: str | None = None
    updated_since: datetime | None = None
    """Lists orders in the order of their last change, so that a reader can continue where it
    stopped."""
    ship_before: datetime | None = None
    """Lists only orders with unshipped units, the earliest ship-by date first."""
    without_commerce_order: bool = False
    """Lists only orders without a Commerce id and number."""

    @property
    def key(self) -> str:
        """The column that the list is sorted by: ordered_at descending, the others ascending."""
        if self.updated_since is not None:
            return "updated_at"
        return "ship_by" if self.ship_before is not None else "ordered_at"

    @property
    def statuses(self) -> tuple[str, ...]:
        """The possible statuses of orders in the list."""
        possible = _STATUSES if self.ship_before is None else _UNSHIPPED_STATUSES
        return tuple(each for each in possible if self.status in {None, each})


async def orders(
    reader: Reader, wanted: OrderFilter, page: KeysetPage
) -> tuple[list[OrderView], After | None]:
    """A page of orders. Raises Invalid search_too_broad."""
    rows, after = await _page(reader, wanted, page)
    return await order_views.views(reader, rows), after


async def order_keys(
    reader: Reader, wanted: OrderFilter, page: KeysetPage
) -> tuple[list[OrderKey], After | None]:
    """The stores and ids of a page of orders. Raises Invalid search_too_broad."""
    rows, after = await _page(reader, wanted, page)
    return [(row["store_id"], row["id"]) for row in rows], after


async def _page(
    reader: Reader, wanted: OrderFilter, page: KeysetPage
) -> tuple[Sequence[Row], After | None]:
    behind = None
    if page.after is not None:
        behind = datetime.fromisoformat(page.after[0]), UUID(page.after[1])
    read = _rows if wanted.q is None else _found
    rows, more = cut(await read(reader, wanted, behind, page.limit + 1), page.limit)
    after = ((rows[-1][wanted.key] or _NEVER).isoformat(), str(rows[-1]["id"])) if more else None
    return rows, after


async def _found(
    reader: Reader, wanted: OrderFilter, behind: tuple[datetime, UUID] | None, limit: int
) -> Sequence[Row]:
    """The rows of a page of what a search finds, which is never much."""
    keys = await order_search.find(reader, wanted.q or "", wanted.store_id)
    after, after_id = behind or (None, None)
    values: dict[str, Any] = {
        "stores": [store_id for store_id, _ in keys],
        "ids": [order_id for _, order_id in keys],
        "status": wanted.status,
        "updated_since": wanted.updated_since,
        "ship_before": wanted.ship_before,
        "without_commerce_order": wanted.without_commerce_order,
        "after": after,
        "after_id": after_id,
        "limit": limit,
    }
    return await _FOUND[wanted.key].fetch(reader, values)


async def _rows(
    reader: Reader, wanted: OrderFilter, behind: tuple[datetime, UUID] | None, limit: int
) -> Sequence[Row]:
    """The rows of a page by an index."""
    scan, part, values = _scan(wanted, limit)
    if not wanted.statuses:
        return []
    rows: Sequence[Row] = []
    if behind is None or behind[0] != _NEVER:
        rows = await index_scan.page(reader, scan, replace(part, behind=behind), values)
        behind = None
    if wanted.key == "ordered_at" and len(rows) < limit:
        # A second statement, because the index has orders without a date first.
        rest = replace(part, behind=behind, limit=limit - len(rows))
        rows = [*rows, *await index_scan.page(reader, replace(scan, undated=True), rest)]
    return rows


def _scan(wanted: OrderFilter, limit: int) -> tuple[IndexScan, KeyRange, Mapping[str, Any]]:
    """The index of the list, the part of it to read, and the values of the scan's condition."""
    part = KeyRange(limit, wanted.store_id)
    flags = (True,) if wanted.without_commerce_order else (True, False)
    of_each = replace(part, values=(flags, wanted.statuses))
    if wanted.updated_since is not None:
        of_each, part = (replace(each, since=wanted.updated_since) for each in (of_each, part))
        if wanted.ship_before is not None:
            return _CHANGED_UNSHIPPED, of_each, {"ship_before": wanted.ship_before}
        plain = wanted.status is None and not wanted.without_commerce_order
        return (_CHANGED, part, {}) if plain else (_CHANGED_OF_STATUS, of_each, {})
    if wanted.ship_before is not None:
        return _LEAVING, replace(of_each, until=wanted.ship_before), {}
    of_status = replace(part, values=(wanted.statuses,))
    if wanted.without_commerce_order:
        return _NEWEST_WITHOUT, of_status, {}
    return (_NEWEST, part, {}) if wanted.status is None else (_NEWEST_OF_STATUS, of_status, {})


async def summary(reader: Reader, store_id: int | None) -> dict[str, int]:
    """How many orders are in each status, of one store or of all, and in total."""
    counted = await order_counts.by_status(reader, store_id)
    counts = {status: counted.get(status, 0) for status in _STATUSES}
    return counts | {"total": sum(counts.values())}
