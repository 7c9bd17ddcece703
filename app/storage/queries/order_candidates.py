"""Few orders that a filter finds by an index of its own: failed, asked to be canceled, and so on.

More than MOST are not worth sorting. The list is then read in its own order, and the filter is
checked order by order (`order_lists.py`).
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from app.domain.orders.blocked_messages import LINE_CODES, MIXED
from app.domain.orders.order import ERROR
from app.domain.update import OPEN, UNRESOLVED, State
from app.storage.postgres import sql
from app.storage.postgres.query import Reader
from app.storage.postgres.sharding import ShardedQuery
from app.storage.queries import index_scan, order_search, orders_by_id, update_views
from app.storage.queries.index_scan import KeyRange
from app.storage.queries.index_scan_sql import IndexScan
from app.storage.queries.order_filter import CANCEL_REQUESTED, UNSHIPPED_STATUSES, OrderFilter
from app.storage.queries.order_phases import (
    ATTENTION_SCAN,
    CHANGED_OF_STATUS,
    LEAVING,
    NEWEST_WITHOUT,
)
from app.storage.queries.order_search import MOST
from app.storage.queries.orders_by_id import OrderKey

_KEYS = "t.store_id, t.id, page.key"
_STATES = {
    "pending": (State.PENDING, State.SENDING),
    "retrying": (State.RETRYING, State.VERIFYING),
    "error": (State.FAILED,),
}
"""The states of updates that an order of a sync state has."""
# Codes of the order itself, which needs action then.
_OWN_CODES = frozenset({"order_unreadable", "ship_by_near", "ship_by_passed"})
_CANCEL_REQUESTED = IndexScan(
    "orders", (), "t.created_at", _KEYS, descending=False, where=CANCEL_REQUESTED
)
_OPEN_RETURNS = IndexScan(
    "returns",
    (),
    "t.created_at",
    "t.store_id, t.id, page.key",
    descending=False,
    where="NOT t.refunded AND NOT t.closed",
)
_OF_UPDATES = "t.store_id, t.order_id AS id, page.key"
_ORDERS_OF_RETURNS = ShardedQuery(sql.read("queries/list_orders_with_returns.sql"))
_EVENTS = {
    one: sql.load(
        "queries/list_open_events.sql",
        store="s.store_id = :store_id::int" if one else "true",
        limit=str(MOST + 1),
    )
    for one in (True, False)
}


@dataclass(frozen=True, slots=True)
class FewOrders:
    """Orders, each with a time: when it was made, when its update was made, when it must leave."""

    times: dict[OrderKey, datetime]
    all: bool
    """Whether these are all; otherwise there are more than MOST."""


async def find(reader: Reader, wanted: OrderFilter) -> list[OrderKey] | None:
    """All orders that one condition of the filter finds. None means that each finds many.

    Raises Invalid search_too_broad.
    """
    if wanted.q is not None:
        return await order_search.find(reader, wanted.q, wanted.store_id)
    async for few in _found(reader, wanted):
        if few.all:
            return list(few.times)
    return None


async def _found(reader: Reader, wanted: OrderFilter) -> AsyncIterator[FewOrders]:
    store = wanted.store_id
    if wanted.code is not None:
        yield await _with_code(reader, store, wanted.code)
    if wanted.sync:
        states = [state for each in wanted.sync for state in _STATES[each]]
        yield await with_updates(reader, store, states)
    if wanted.cancel_requested:
        yield await cancel_requested(reader, store)
    if wanted.return_requested:
        yield await return_requested(reader, store)
    if wanted.ship_before is not None:
        yield await leaving(reader, store, wanted.ship_from, wanted.ship_before)


async def leaving(
    reader: Reader, store_id: int | None, since: datetime | None, until: datetime
) -> FewOrders:
    """Orders with unshipped units and a ship-by date in this range."""
    values = ((True, False), UNSHIPPED_STATUSES)
    return await _few(reader, LEAVING, KeyRange(0, store_id, values, since=since, until=until))


async def first(reader: Reader, store_id: int | None, status: str) -> datetime | None:
    """The earliest ship-by date of a status, or its earliest change (error) or last one."""
    scan = LEAVING
    if status not in UNSHIPPED_STATUSES[:2]:
        scan = replace(CHANGED_OF_STATUS, descending=status != ERROR)
    part = KeyRange(1, store_id, ((True, False), (status,)))
    rows = await index_scan.page(reader, replace(scan, rows=_KEYS), part)
    return rows[0]["key"] if rows else None


async def cancel_requested(reader: Reader, store_id: int | None) -> FewOrders:
    """Orders with unshipped units that the buyer asked to cancel."""
    return await _few(reader, _CANCEL_REQUESTED, KeyRange(0, store_id))


async def unshipped_without_commerce(reader: Reader, store_id: int | None) -> FewOrders:
    """Orders that Commerce does not have and that are not done."""
    return await _few(reader, NEWEST_WITHOUT, KeyRange(0, store_id, (UNSHIPPED_STATUSES,)))


async def return_requested(reader: Reader, store_id: int | None) -> FewOrders:
    """Orders with a return that is neither refunded nor closed."""
    returns = await _few(reader, _OPEN_RETURNS, KeyRange(0, store_id))
    keys = list(returns.times)
    rows = await orders_by_id.rows(_ORDERS_OF_RETURNS, reader, keys) if keys else []
    times = {
        (row["store_id"], row["id"]): returns.times[row["store_id"], row["return_id"]]
        for row in rows
    }
    return FewOrders(times, returns.all)


async def with_updates(
    reader: Reader, store_id: int | None, states: Sequence[State] = tuple(OPEN)
) -> FewOrders:
    """Orders with an update in one of these states."""
    scan = replace(update_views.OF_STATE, descending=False)
    return await _few(reader, scan, KeyRange(0, store_id, (tuple(states),)), _OF_UPDATES)


async def _with_code(reader: Reader, store_id: int | None, code: str) -> FewOrders:
    """Orders that may have a status detail with this code."""
    if code in _OWN_CODES:
        return await _few(reader, ATTENTION_SCAN, KeyRange(0, store_id))
    codes = (code, MIXED) if code in LINE_CODES else (code,)
    part = KeyRange(0, store_id, (codes, tuple(UNRESOLVED)))
    found = await _few(reader, update_views.OF_CODE, part, _OF_UPDATES)
    events = await _EVENTS[store_id is not None].fetch(reader, {"store_id": store_id})
    known = {
        (row["store_id"], row["id"]): row["key"]
        for row in events
        if row["code"] == code and row["id"] is not None
    }
    return FewOrders(found.times | known, found.all and len(events) <= MOST)


async def _few(reader: Reader, scan: IndexScan, part: KeyRange, rows: str = _KEYS) -> FewOrders:
    part = replace(part, limit=MOST + 1)
    found: Sequence[Any] = await index_scan.page(reader, replace(scan, rows=rows), part)
    times: dict[OrderKey, datetime] = {}
    for row in found:
        if row["id"] is not None:
            times.setdefault((row["store_id"], row["id"]), row["key"])
    return FewOrders(times, len(found) <= MOST)
