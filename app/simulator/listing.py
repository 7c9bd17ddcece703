"""Reading lists of orders: filters, pages with Walmart's cursor, and 404 for an empty one."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from app.simulator.errors import ORDERS, not_found, order_error
from app.simulator.orders import CREATED, Line, Order, as_walmart
from app.simulator.world import World

_DEFAULT_LIMIT, _MOST = 100, 200
_WEEK_MS = 7 * 86_400_000
_DATES = ("%Y-%m-%d", "%Y-%m-%dT%H:%M:%SZ")


def find(
    world: World, client_id: str, query: Mapping[str, str], *, released: bool
) -> dict[str, Any]:
    """A page of an account's orders; released: only those that wait for acknowledgement."""
    orders = [
        order
        for order in world.orders.get(client_id, {}).values()
        if _matches(order, query, world.now(), released=released)
    ]
    if not orders:
        raise not_found()
    limit = min(int(query.get("limit", _DEFAULT_LIMIT)), _MOST)
    start = int(query.get("soIndex", 0))
    page = orders[start : start + limit]
    meta: dict[str, Any] = {"totalCount": len(orders), "limit": limit}
    if start + limit < len(orders):
        passed_on = {key: value for key, value in query.items() if key != "soIndex"}
        cursor = {**passed_on, "limit": limit, "hasMoreElements": "true", "soIndex": start + limit}
        meta["nextCursor"] = f"?{urlencode(cursor)}"
    return {"list": {"meta": meta, "elements": {"order": [as_walmart(o) for o in page]}}}


def _matches(order: Order, query: Mapping[str, str], now: int, *, released: bool) -> bool:
    begin = _date(query, "createdStartDate", now - _WEEK_MS)
    end = _date(query, "createdEndDate", now)
    changed = _date(query, "lastModifiedStartDate", 0)
    return (
        begin <= order.ordered_at <= end
        and order.changed_at >= changed
        and query.get("purchaseOrderId") in {None, order.purchase_order_id}
        and query.get("customerOrderId") in {None, order.customer_order_id}
        and any(_line_matches(line, query, released=released) for line in order.lines.values())
    )


def _line_matches(line: Line, query: Mapping[str, str], *, released: bool) -> bool:
    wanted = CREATED if released else query.get("status")
    return (wanted is None or line.units(wanted) > 0) and query.get("sku") in {None, line.sku}


def _date(query: Mapping[str, str], name: str, default: int) -> int:
    text = query.get(name)
    if text is None:
        return default
    return next(_parsed(text), None) or _refuse(name)


def _parsed(text: str) -> Iterator[int]:
    for form in _DATES:
        try:
            at = datetime.strptime(text, form).replace(tzinfo=UTC)
        except ValueError:
            continue
        yield int(at.timestamp() * 1000)


def _refuse(name: str) -> int:
    # Milliseconds in a date are refused as well.
    raise order_error(400, f"INVALID_REQUEST.{ORDERS}", "Invalid Date format value", name)
