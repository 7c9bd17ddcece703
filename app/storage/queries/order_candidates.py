"""Few orders that a filter finds by an index of its own: failed, asked to be canceled, and so on.

More than MOST are not worth sorting. The list is then read in its own order, and the filter is
checked order by order (`order_lists.py`).
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import datetime

from app.domain.orders.blocked_messages import LINE_CODES, MIXED
from app.domain.update import OPEN, UNRESOLVED, State
from app.storage.orders.repository import OrderKey
from app.storage.postgres import sql
from app.storage.postgres.query import Reader
from app.storage.postgres.session import Row
from app.storage.postgres.sharding import ShardedQuery, of_any, of_one
from app.storage.postgres.sql import Statement
from app.storage.queries import index_scan, order_search, orders_by_id, update_views
from app.storage.queries.index_scan import KeyRange
from app.storage.queries.index_scan_sql import IndexScan
from app.storage.queries.order_filter import CANCEL_REQUESTED, UNSHIPPED_STATUSES, OrderFilter
from app.storage.queries.order_phases import ATTENTION_SCAN, LEAVING, NEWEST_WITHOUT
from app.storage.queries.order_search import MOST

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
    f"{_KEYS}, t.purchase_order_id",
    descending=False,
    where="NOT t.refunded AND NOT t.closed",
)
_OF_UPDATES = "t.store_id, t.order_id AS id, page.key"
_OPEN = tuple(OPEN)
_ORDERS_OF_RETURNS = ShardedQuery(sql.read("queries/list_orders_with_returns.sql"))
_OPEN_EVENTS = sql.read("queries/list_open_events.sql", limit=str(MOST + 1))
_EVENTS = {True: Statement(of_one(_OPEN_EVENTS)), False: Statement(of_any(_OPEN_EVENTS))}


# What to read: at most one row more than MOST.
Part = tuple[IndexScan, KeyRange]


async def find(reader: Reader, wanted: OrderFilter) -> list[OrderKey] | None:
    """All orders that one condition of the filter finds. None means that each finds many.

    Raises Invalid search_too_broad.
    """
    if wanted.q is not None:
        return await order_search.find(reader, wanted.q, wanted.store_id)
    async for few in _found(reader, wanted):
        if few is not None:
            return few
    return None


async def _found(reader: Reader, wanted: OrderFilter) -> AsyncIterator[list[OrderKey] | None]:
    store = wanted.store_id
    if wanted.code is not None:
        yield await _with_code(reader, store, wanted.code)
    if wanted.sync:
        states = tuple(state for each in wanted.sync for state in _STATES[each])
        yield await _few(reader, with_updates(store, states))
    if wanted.cancel_requested:
        yield await _few(reader, cancel_requested(store))
    if wanted.return_requested:
        returns = await index_scan.few(reader, *open_returns(store))
        yield None if returns is None else list(await orders_of(reader, returns))
    if wanted.ship_before is not None:
        yield await _few(reader, leaving(store, wanted.ship_from, wanted.ship_before))


def leaving(store_id: int | None, since: datetime | None, until: datetime) -> Part:
    """Orders with unshipped units and a ship-by date in this range."""
    values = ((True, False), UNSHIPPED_STATUSES)
    scan = replace(LEAVING, rows=_KEYS)
    return scan, KeyRange(MOST + 1, store_id, values, since=since, until=until)


def cancel_requested(store_id: int | None) -> Part:
    """Orders with unshipped units that the buyer asked to cancel."""
    return _CANCEL_REQUESTED, KeyRange(MOST + 1, store_id)


def unshipped_without_commerce(store_id: int | None) -> Part:
    """Orders that Commerce does not have and that are not done, the oldest first."""
    scan = replace(NEWEST_WITHOUT, rows=_KEYS, descending=False)
    return scan, KeyRange(MOST + 1, store_id, (UNSHIPPED_STATUSES,))


def open_returns(store_id: int | None) -> Part:
    """Returns that are neither refunded nor closed, the first imported first."""
    return _OPEN_RETURNS, KeyRange(MOST + 1, store_id)


def with_updates(store_id: int | None, states: tuple[State, ...] = _OPEN) -> Part:
    """Updates in one of these states by the ids of their orders, the first accepted first."""
    scan = replace(update_views.OF_STATE, rows=_OF_UPDATES, descending=False)
    return scan, KeyRange(MOST + 1, store_id, (states,))


async def orders_of(reader: Reader, returns: Sequence[Row]) -> dict[OrderKey, datetime]:
    """The orders of some of `open_returns`, each with the time when one of these was imported."""
    times = {(row["store_id"], row["id"]): row["key"] for row in returns}
    numbers = {"numbers": [row["purchase_order_id"] for row in returns]}
    keys = list(times)
    rows = await orders_by_id.rows(_ORDERS_OF_RETURNS, reader, keys, numbers) if keys else []
    found: dict[OrderKey, datetime] = {}
    for row in rows:
        at = times[row["store_id"], row["return_id"]]
        known = found.setdefault((row["store_id"], row["id"]), at)
        found[row["store_id"], row["id"]] = min(known, at)
    return found


async def _with_code(reader: Reader, store_id: int | None, code: str) -> list[OrderKey] | None:
    """Orders that may have a status detail with this code."""
    if code in _OWN_CODES:
        scan = replace(ATTENTION_SCAN, rows=_KEYS)
        return await _few(reader, (scan, KeyRange(MOST + 1, store_id)))
    codes = (code, MIXED) if code in LINE_CODES else (code,)
    part = KeyRange(MOST + 1, store_id, (codes, tuple(UNRESOLVED)))
    found = await _few(reader, (replace(update_views.OF_CODE, rows=_OF_UPDATES), part))
    if found is None:
        return None
    values = {"store_id": store_id, "code": code}
    events = await _EVENTS[store_id is not None].fetch(reader, values)
    if events[0]["counted"] > MOST:
        return None
    known = [(row["store_id"], row["id"]) for row in events if row["id"] is not None]
    return list(dict.fromkeys([*found, *known]))


async def _few(reader: Reader, part: Part) -> list[OrderKey] | None:
    rows = await index_scan.few(reader, *part)
    if rows is None:
        return None
    keys = ((row["store_id"], row["id"]) for row in rows if row["id"] is not None)
    return list(dict.fromkeys(keys))
