"""Lists of orders: newest first, soonest to leave first, or in the order of their changes."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from app.domain.orders.order import ERROR, FulfillmentStatus
from app.storage.orders import counts as order_counts
from app.storage.postgres.query import Reader, fetch
from app.storage.postgres.session import Row
from app.storage.postgres.sharding import of_any
from app.storage.queries import index_scan, order_search, order_views
from app.storage.queries.index_scan import KeyRange
from app.storage.queries.index_scan_sql import IndexScan
from app.storage.queries.pagination import After, KeysetPage, cut
from app.storage.queries.views import OrderView

_STATUSES = (*(status.value for status in FulfillmentStatus), ERROR)
# What an order with unshipped units can say.
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
_CHANGED_UNSHIPPED = replace(_CHANGED_OF_STATUS, where=f"{_UNSHIPPED} AND t.ship_by < $1")
_LEAVING = replace(_CHANGED_OF_STATUS, key="t.ship_by", where=_UNSHIPPED)

# Few are looked at, so they are sorted.
_FOUND = f"""
    WITH found AS MATERIALIZED (
      SELECT t.*, {{key}} AS key FROM unnest($1::int[], $2::uuid[]) AS q(store_id, id)
       CROSS JOIN LATERAL (SELECT t.* FROM orders t
                            WHERE t.store_id = q.store_id AND t.id = q.id LIMIT 1) t)
    SELECT {of_any(order_views.ROWS)} FROM found t JOIN stores s ON s.store_id = t.store_id
     WHERE ($3::text IS NULL OR t.status = $3)
       AND ($4::timestamptz IS NULL OR t.updated_at >= $4)
       AND ($5::timestamptz IS NULL OR ({_UNSHIPPED} AND t.ship_by < $5))
       AND (NOT $6::bool OR ({_WITHOUT}))
       AND ($7::timestamptz IS NULL OR (t.key, t.id) {{behind}} ($7, $8::uuid))
     ORDER BY t.key {{way}}, t.id {{way}} LIMIT $9::int
"""  # noqa: S608 - only constants of this package are put in


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

    @property
    def key(self) -> str:
        """The column that the list is sorted by; only that of the newest descends."""
        if self.updated_since is not None:
            return "updated_at"
        return "ship_by" if self.ship_before is not None else "ordered_at"

    @property
    def statuses(self) -> tuple[str, ...]:
        """The statuses of orders that can be in the list."""
        possible = _STATUSES if self.ship_before is None else _UNSHIPPED_STATUSES
        return tuple(each for each in possible if self.status in {None, each})


async def orders(
    reader: Reader, wanted: OrderFilter, page: KeysetPage
) -> tuple[list[OrderView], After | None]:
    """A page of orders. Raises Invalid search_too_broad."""
    behind = None
    if page.after is not None:
        behind = datetime.fromisoformat(page.after[0]), UUID(page.after[1])
    read = _rows if wanted.q is None else _found
    rows, more = cut(await read(reader, wanted, behind, page.limit + 1), page.limit)
    after = ((rows[-1][wanted.key] or _NEVER).isoformat(), str(rows[-1]["id"])) if more else None
    return await order_views.views(reader, rows), after


# Stands in a cursor for the date that nobody knows; no order is as old.
_NEVER = datetime.fromisoformat("0001-01-01T00:00:00+00:00")


async def _found(
    reader: Reader, wanted: OrderFilter, behind: tuple[datetime, UUID] | None, limit: int
) -> Sequence[Row]:
    """Of what a search finds, which is never much."""
    places = await order_search.find(reader, wanted.q or "", wanted.store_id)
    newest = wanted.key == "ordered_at"
    text = _FOUND.format(
        key=f"coalesce(t.{wanted.key}, '{_NEVER.isoformat()}')",
        behind="<" if newest else ">",
        way="DESC" if newest else "ASC",
    )
    return await fetch(
        reader,
        text,
        [store_id for store_id, _ in places],
        [order_id for _, order_id in places],
        wanted.status,
        wanted.updated_since,
        wanted.ship_before,
        wanted.without_commerce_order,
        *(behind or (None, None)),
        limit,
    )


async def _rows(
    reader: Reader, wanted: OrderFilter, behind: tuple[datetime, UUID] | None, limit: int
) -> Sequence[Row]:
    walk, stretch, more = _walk(wanted, limit)
    if not wanted.statuses:
        return []
    rows: Sequence[Row] = []
    if behind is None or behind[0] != _NEVER:
        rows = await index_scan.page(reader, walk, replace(stretch, behind=behind), *more)
        behind = None
    if wanted.key == "ordered_at" and len(rows) < limit:
        # Two statements, because an index has those without a date first.
        rest = replace(stretch, behind=behind, limit=limit - len(rows))
        rows = [*rows, *await index_scan.page(reader, replace(walk, undated=True), rest)]
    return rows


def _walk(wanted: OrderFilter, limit: int) -> tuple[IndexScan, KeyRange, Sequence[object]]:
    """By which index the list goes, along which part, with what other values."""
    stretch = KeyRange(limit, wanted.store_id)
    flags = (True,) if wanted.without_commerce_order else (True, False)
    each = replace(stretch, values=(flags, wanted.statuses))
    if wanted.updated_since is not None:
        each, stretch = (replace(one, since=wanted.updated_since) for one in (each, stretch))
        if wanted.ship_before is not None:
            return _CHANGED_UNSHIPPED, each, [wanted.ship_before]
        plain = wanted.status is None and not wanted.without_commerce_order
        return (_CHANGED, stretch, ()) if plain else (_CHANGED_OF_STATUS, each, ())
    if wanted.ship_before is not None:
        return _LEAVING, replace(each, until=wanted.ship_before), ()
    of_status = replace(stretch, values=(wanted.statuses,))
    if wanted.without_commerce_order:
        return _NEWEST_WITHOUT, of_status, ()
    return (_NEWEST, stretch, ()) if wanted.status is None else (_NEWEST_OF_STATUS, of_status, ())


async def summary(reader: Reader, store_id: int | None) -> dict[str, int]:
    """How many orders are in each status, of one store or of all, and in total."""
    counted = await order_counts.by_status(reader, store_id)
    counts = {status: counted.get(status, 0) for status in _STATUSES}
    return counts | {"total": sum(counts.values())}
