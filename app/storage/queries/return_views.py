"""Reads returns into views, each with its refunds and status details."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from app.domain.attention import MOST_COUNTED
from app.domain.orders import returns as rules
from app.domain.orders.returns import Return, ReturnLine
from app.storage.postgres import sql
from app.storage.postgres.query import Reader
from app.storage.postgres.session import Row
from app.storage.postgres.sharding import ShardedQuery, of_one
from app.storage.postgres.sql import Statement
from app.storage.queries import index_scan, order_search, orders_by_id, refund_views, update_views
from app.storage.queries.index_scan import KeyRange
from app.storage.queries.index_scan_sql import IndexScan
from app.storage.queries.pagination import After, KeysetPage, cut
from app.storage.queries.views import (
    MoneyView,
    RefundOfReturnView,
    ReturnCardsView,
    ReturnCardView,
    ReturnedOrderView,
    ReturnItemView,
    ReturnView,
    StatusDetail,
)
from app.storage.returns import returns as storage
from app.storage.returns.returns import StoredReturn

STATUSES = (rules.RECEIVED, rules.REFUNDED, rules.ERROR, rules.CLOSED)
# In place of an unknown date. No return is as old.
_NEVER = datetime.fromisoformat("0001-01-01T00:00:00+00:00")
# In the words of the index (tables/return_tables.py), without which it is not used.
_AT = "coalesce(t.requested_at, '0001-01-01 00:00:00+00'::timestamptz)"
_FAILED = sql.read("queries/return_failed.sql")
_STATUS = sql.read("queries/return_status.sql", failed=_FAILED)
_ROWS = f"t.*, {_STATUS} AS status, s.id AS store_uuid"
_RETURN = Statement(of_one(sql.read("queries/read_return.sql", rows=_ROWS)))
_BY_ID = ShardedQuery(sql.read("queries/list_returns_by_id.sql", rows=_ROWS))
_ORDERS = ShardedQuery(sql.read("queries/list_orders_of_returns.sql"))
_CARDS = ShardedQuery(
    sql.read(
        "queries/count_return_cards.sql",
        most=str(MOST_COUNTED + 1),
        few=sql.read("queries/few_returns_in_error.sql"),
    )
)
_SUMMARY = ShardedQuery(sql.read("queries/count_returns.sql", status=_STATUS))

_NEWEST = IndexScan("returns", (("t.refunded", "boolean"),), _AT, _ROWS)
# Not "IS NULL", of which PostgreSQL would expect so few that it sorted all that are not refunded.
# mutation: list-query-plan
_READ = f"t.import_error IS NULL AND {_FAILED} IS NOT TRUE"
_RECEIVED = replace(_NEWEST, where=f"NOT t.closed AND {_READ}")
_CLOSED = replace(_NEWEST, where=f"t.closed AND {_READ}")
# In the words of their index: those that Walmart refunds by itself next come first.
_ARRIVED = IndexScan(
    "returns",
    (),
    "t.arrived_at",
    _ROWS,
    descending=False,
    where="t.arrived_at IS NOT NULL AND NOT t.refunded AND NOT t.closed",
)


def _list_few(few: str) -> ShardedQuery:
    return ShardedQuery(
        sql.read("queries/list_few_returns.sql", few=few, rows=_ROWS, status=_STATUS, at=_AT)
    )


_OF_ORDER = _list_few(
    sql.read("queries/few_returns_of_order.sql", returns=orders_by_id.RETURNS_OF_ORDER)
)
_FOUND = _list_few(sql.read("queries/few_returns_found.sql", returns=orders_by_id.RETURNS_OF_ORDER))
_IN_ERROR = _list_few(sql.read("queries/few_returns_in_error.sql"))


@dataclass(frozen=True, slots=True)
class ReturnFilter:
    """A filter of returns. None filters nothing."""

    store_id: int | None = None
    order_id: UUID | None = None
    status: str | None = None
    q: str | None = None
    arrived: bool = False
    """Lists only returns that arrived and are not refunded: those that Walmart refunds by itself
    next come first. Only with a store."""


async def return_(reader: Reader, store_id: int, return_id: UUID) -> ReturnView | None:
    """One return."""
    found = await _views(
        reader, await _RETURN.fetch(reader, {"store_id": store_id, "id": return_id})
    )
    return found[0] if found else None


async def of_ids(
    reader: Reader, store_id: int, return_ids: Collection[UUID]
) -> dict[UUID, ReturnView]:
    """Returns of a store, by id."""
    keys = [(store_id, each) for each in return_ids]
    rows = await orders_by_id.rows(_BY_ID, reader, keys) if keys else []
    return {view.id: view for view in await _views(reader, rows)}


async def returns(
    reader: Reader, wanted: ReturnFilter, page: KeysetPage
) -> tuple[list[ReturnView], After | None]:
    """A page of returns, the newest first or as `arrived` says. Raises Invalid search_too_broad."""
    behind = None
    if page.after is not None:
        behind = datetime.fromisoformat(page.after[0]), UUID(page.after[1])
    few = wanted.order_id or wanted.q is not None or wanted.status == rules.ERROR
    read = _few if few else _listed
    shown, more = cut(await read(reader, wanted, behind, page.limit + 1), page.limit)
    views = await _views(reader, shown)
    if not more:
        return views, None
    last = views[-1]
    if wanted.arrived:
        return views, ((last.arrived_at or _NEVER).isoformat(), str(last.id))
    return views, ((last.requested_at or _NEVER).isoformat(), str(last.id))


async def _few(
    reader: Reader, wanted: ReturnFilter, behind: tuple[datetime, UUID] | None, limit: int
) -> Sequence[Row]:
    """The rows of a page of few returns: of an order, found by a search, or in error."""
    after, after_id = behind or (None, None)
    page = {"after": after, "after_id": after_id, "limit": limit}
    values: dict[str, Any] = asdict(wanted) | page
    if wanted.q is None:
        statement = _IN_ERROR if wanted.order_id is None else _OF_ORDER
        stores = None if wanted.store_id is None else [wanted.store_id]
        return await statement.fetch(reader, stores, values)
    found = await order_search.find_returns(reader, wanted.q, wanted.store_id)
    rows = await orders_by_id.rows(_FOUND, reader, found, values)
    # Where tables are sharded, each store's are in order, and at most as many as the page.
    return sorted(rows, key=_newest, reverse=True)[:limit]


def _newest(row: Row) -> tuple[datetime, UUID]:
    return row["requested_at"] or _NEVER, row["id"]


async def _listed(
    reader: Reader, wanted: ReturnFilter, behind: tuple[datetime, UUID] | None, limit: int
) -> Sequence[Row]:
    """The rows of a page by an index."""
    if wanted.arrived:
        return await index_scan.page(reader, _ARRIVED, KeyRange(limit, wanted.store_id, (), behind))
    scan = {rules.RECEIVED: _RECEIVED, rules.CLOSED: _CLOSED}.get(wanted.status or "", _NEWEST)
    refunded = {None: (True, False), rules.REFUNDED: (True,)}.get(wanted.status, (False,))
    part = KeyRange(limit, wanted.store_id, (refunded,), behind)
    return await index_scan.page(reader, scan, part)


async def summary(reader: Reader, store_id: int | None) -> dict[str, int]:
    """How many returns are in each status, of one store or of all, and in total."""
    stores = None if store_id is None else [store_id]
    rows = await _SUMMARY.fetch(reader, stores, {})
    counted = {row["status"]: row["returns"] for row in rows}
    counts = {status: counted.get(status, 0) for status in STATUSES}
    return counts | {"total": sum(counts.values())}


async def cards(reader: Reader, store_id: int | None) -> ReturnCardsView:
    """The cards above the list of returns, of one store or of all."""
    stores = None if store_id is None else [store_id]
    (row,) = await _CARDS.fetch(reader, stores, {"store_id": store_id})
    first = row["first_arrived"]
    return ReturnCardsView(
        received=_card(row["open"] - row["open_in_error"]),
        arrived=_card(row["arrived"], first + rules.REFUND_WITHIN if first else None),
        refunded=_card(row["refunded"]),
        error=_card(row["error"], row["first_error"]),
        closed=_card(row["closed"] - row["closed_in_error"]),
    )


def _card(count: int, time: datetime | None = None) -> ReturnCardView:
    return ReturnCardView(min(count, MOST_COUNTED), count > MOST_COUNTED, time)


async def _views(reader: Reader, rows: Sequence[Row]) -> list[ReturnView]:
    refunds = await refund_views.of_returns(reader, rows)
    stored = [storage.known_of(row) for row in rows]
    orders = await _orders(reader, stored)
    return [
        _view(row, each, refunds.get(each.id, []), orders)
        for row, each in zip(rows, stored, strict=True)
    ]


async def _orders(
    reader: Reader, stored: Sequence[StoredReturn]
) -> dict[tuple[int, str], ReturnedOrderView]:
    """The orders of some returns, by store and purchase order number."""
    wanted = sorted({(each.store_id, n) for each in stored for n in each.returned.purchase_orders})
    if not wanted:
        return {}
    stores = [store for store, _ in wanted]
    values = {"stores": stores, "numbers": [number for _, number in wanted]}
    rows = await _ORDERS.fetch(reader, stores, values)
    return {(row["store_id"], row["purchase_order_id"]): _order(row) for row in rows}


def _order(row: Row) -> ReturnedOrderView:
    return ReturnedOrderView(
        purchase_order_id=row["purchase_order_id"],
        order_id=row["id"],
        order_url=f"/v1/orders/{row['id']}",
        commerce_order_number=row["commerce_order_number"],
        commerce_order_id=row["commerce_order_id"],
    )


def _view(
    row: Row,
    stored: StoredReturn,
    refunds: Sequence[RefundOfReturnView],
    orders: Mapping[tuple[int, str], ReturnedOrderView],
) -> ReturnView:
    details = [
        refund.update.status_detail for refund in refunds if refund.update.status_detail is not None
    ]
    shown = stored.returned
    of_return = tuple(
        orders.get((stored.store_id, number)) or ReturnedOrderView(number, None, None, None, None)
        for number in shown.purchase_orders
    )
    first = of_return[0] if of_return else None
    return ReturnView(
        id=stored.id,
        store_id=row["store_uuid"],
        order_id=first.order_id if first else None,
        order_url=first.order_url if first else None,
        commerce_order_number=first.commerce_order_number if first else None,
        orders=of_return,
        rma_number=shown.return_order_id,
        purchase_order_id=shown.purchase_order_id,
        customer_order_id=shown.customer_order_id or None,
        return_type=shown.return_type,
        canceled=shown.canceled,
        status=row["status"],
        status_details=(*_unread(row), *details),
        requested_at=shown.requested_at,
        return_by=shown.return_by,
        arrived_at=shown.arrived_at,
        refund_by=shown.refund_by,
        refund_amount=MoneyView.of(shown.amount),
        items=tuple(_item(shown, line) for line in shown.lines),
        refunds=tuple(refunds),
        updated_at=row["updated_at"],
    )


def _item(shown: Return, line: ReturnLine) -> ReturnItemView:
    return ReturnItemView(
        return_line_number=line.number,
        purchase_order_id=shown.order_of(line),
        line_number=line.line_number,
        sku=line.sku,
        name=line.name,
        quantity=line.quantity,
        refunded=line.refunded,
        canceled=line.canceled,
        reason=line.reason,
    )


def _unread(row: Row) -> list[StatusDetail]:
    return [] if row["import_error"] is None else [update_views.import_detail(row["import_error"])]
