"""The reads that `growth` measures: every filter of the lists, and summaries."""

import hashlib
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from app.storage import queries
from app.storage.postgres.session import Session
from app.storage.queries import KeysetPage, OrderFilter, ReturnFilter, UpdateFilter

_START = datetime(2025, 1, 1, tzinfo=UTC)
# Reads a page of at most this many rows; returns their number.
Read = Callable[[Session, int], Awaitable[int]]


def _an_order(size: int) -> UUID:
    """An order of store 3 from the middle, as bench/growth.sql names it."""
    number = size // 100 * 50 + 2
    digest = hashlib.md5(f"o{number}".encode(), usedforsecurity=False).hexdigest()[:7]
    return UUID(f"{1735689600000 + number * 1000:012x}70008{digest}{3:08x}")


def reads(size: int) -> dict[str, Read]:
    """Every filter of the lists, the first page and one in the middle, and other reads."""
    recent = _START + timedelta(seconds=size - 200)
    lists = {
        "orders": OrderFilter(),
        "orders, store": OrderFilter(store_id=3),
        "orders, status": OrderFilter(statuses=("error",)),
        "orders, store and status": OrderFilter(store_id=8, statuses=("error",)),
        "orders, updated_since": OrderFilter(updated_since=recent),
        "orders, store, updated_since": OrderFilter(store_id=3, updated_since=_START),
        "orders, status, updated_since": OrderFilter(statuses=("canceled",), updated_since=_START),
        "orders, ship_before": OrderFilter(ship_before=_START + timedelta(days=9000)),
        "orders, ship_before and status": OrderFilter(
            ship_before=_START + timedelta(days=9000), statuses=("error",)
        ),
        "orders, without_commerce_order": OrderFilter(without_commerce_order=True),
        "orders, without_commerce_order and status": OrderFilter(
            without_commerce_order=True, statuses=("canceled",)
        ),
        "orders, without_commerce_order, updated_since": OrderFilter(
            without_commerce_order=True, updated_since=_START
        ),
        "orders, q purchase order": OrderFilter(q=f"G{size - 1}"),
        "orders, q tracking, store": OrderFilter(q=f"1ZG{size - 1}", store_id=1 + (size - 1) % 50),
        "orders, q of nothing": OrderFilter(q="ZZZ"),
    }
    updates = {
        "updates": UpdateFilter(),
        "updates, store": UpdateFilter(store_id=3),
        "updates, failed": UpdateFilter(state="failed"),
        "updates, store and kind": UpdateFilter(store_id=3, kind="shipment"),
        "updates, state and kind": UpdateFilter(state="confirmed", kind="acknowledgement"),
        "updates, code": UpdateFilter(code="walmart_rejected"),
        "updates, code and state": UpdateFilter(code="walmart_rejected", state="failed"),
        "updates, a code of one store": UpdateFilter(code="needs_review"),
        "updates, a kind that is rare": UpdateFilter(kind="inventory"),
        "updates, of an order": UpdateFilter(store_id=3, order_id=_an_order(size)),
    }
    returns = {
        "returns": ReturnFilter(),
        "returns, received": ReturnFilter(status="received"),
        "returns, store and status": ReturnFilter(store_id=3, status="refunded"),
    }
    middle = (_START + timedelta(seconds=size // 2)).isoformat()
    deep = (middle, str(UUID(int=1)))
    found: dict[str, Read] = {}
    for name, wanted in lists.items():
        found[name] = _page(queries.orders, wanted, None)
        # A cursor is never before updated_since, which the middle would be.
        if wanted.q is None and wanted.updated_since in {None, _START}:
            found[f"{name}; deep"] = _page(queries.orders, wanted, deep)
    for read, some in ((queries.updates, updates), (queries.returns, returns)):
        for name, sought in some.items():
            found[name] = _page(read, sought, None)
            found[f"{name}; deep"] = _page(read, sought, deep)
    found["summary, store"] = _summary(3)
    found["summary"] = _summary(None)
    return found


def _page(read: Any, wanted: Any, after: tuple[str, str] | None) -> Read:  # noqa: ANN401 - of any list
    async def page(session: Session, rows: int) -> int:
        views, _ = await read(session, wanted, KeysetPage(rows, after))
        return len(views)

    return page


def _summary(store_id: int | None) -> Read:
    async def read(session: Session, rows: int) -> int:
        await queries.summary(session, store_id)
        return rows

    return read
