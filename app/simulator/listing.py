"""Lists of orders: filters, pages with Walmart's cursor, and 404 for an empty list."""

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from app.simulator.errors import ORDERS, Refusal, not_found, order_error
from app.simulator.orders import CREATED, SELLER_FULFILLED, STATUSES, SimulatedOrder
from app.simulator.shapes import as_walmart

_DEFAULT_LIMIT, _MOST = 100, 200
_WEEK_MS = 7 * 86_400_000
_FOR_EVER = 2**63
# Dates with milliseconds are refused.
_DATES = ("%Y-%m-%d", "%Y-%m-%dT%H:%M:%SZ")
Fits = Callable[[SimulatedOrder], bool]


def find(
    orders: Mapping[str, SimulatedOrder], query: Mapping[str, str], now: int, *, released: bool
) -> dict[str, Any]:
    """Return a page of an account's orders. released: only those that wait for acknowledgement.

    now is in milliseconds since 1970. Raises 404 if no order matches, 400 for an invalid filter.
    """
    limit = min(_number(query, "limit", _DEFAULT_LIMIT, least=1), _MOST)
    start = _number(query, "soIndex", 0, least=0)
    fits = _filter(query, now, released=released)
    candidates: Iterable[SimulatedOrder] = orders.values()
    if "purchaseOrderId" in query:
        one = orders.get(query["purchaseOrderId"])
        candidates = [one] if one else []
    # A page begins at an index among all orders, so that a change between pages skips none.
    found = [(place, order) for place, order in enumerate(candidates) if fits(order)]
    page = [(place, order) for place, order in found if place >= start][:limit]
    if not page:
        raise not_found()
    last = page[-1][0]
    meta: dict[str, Any] = {"totalCount": len(found), "limit": limit}
    if found[-1][0] > last:
        meta["nextCursor"] = _cursor(query, limit, last + 1, now)
    return {"list": {"meta": meta, "elements": {"order": [as_walmart(o) for _, o in page]}}}


def _cursor(query: Mapping[str, str], limit: int, place: int, now: int) -> str:
    """Return the query string of the next page; it contains the window of the first page."""
    window = {
        "createdStartDate": _text(now - _WEEK_MS),
        "createdEndDate": _text(now),
    }
    own = {"limit": str(limit), "hasMoreElements": "true", "soIndex": str(place)}
    return f"?{urlencode({**window, **query, **own})}"


def _filter(query: Mapping[str, str], now: int, *, released: bool) -> Fits:
    # The end of a cursor is in whole seconds; orders within its last second are included.
    end = _date(query, "createdEndDate", now) + 999
    begin = _date(query, "createdStartDate", now - _WEEK_MS)
    changed = _date(query, "lastModifiedStartDate", 0)
    changed_end = _date(query, "lastModifiedEndDate", _FOR_EVER)
    due = _date(query, "fromExpectedShipDate", 0)
    due_end = _date(query, "toExpectedShipDate", _FOR_EVER)
    status, sku = _status(query, released=released), query.get("sku")
    customer = query.get("customerOrderId")
    node = query.get("shipNodeType", SELLER_FULFILLED)
    ours = query.get("orderType") in {"REGULAR", None}

    def fits(order: SimulatedOrder) -> bool:
        return (
            ours
            and order.node_type == node
            and begin <= order.ordered_at <= end
            and customer in {None, order.customer_order_id}
            and due <= order.ship_by <= due_end
            and changed <= order.changed_at <= changed_end
            and any(
                (status is None or line.units(status) > 0) and sku in {None, line.sku}
                for line in order.lines.values()
            )
        )

    return fits


def _status(query: Mapping[str, str], *, released: bool) -> str | None:
    if released:
        return CREATED
    status = query.get("status")
    if status is not None and status not in STATUSES:
        raise _bad("status", f"Invalid status {status}")
    return status


def _number(query: Mapping[str, str], name: str, default: int, *, least: int) -> int:
    text = query.get(name, str(default))
    if not text.isascii() or not text.isdecimal() or len(text) > 9 or int(text) < least:  # noqa: PLR2004 - nine digits hold any page
        raise _bad(name, f"Invalid {name} value")
    return int(text)


def _date(query: Mapping[str, str], name: str, default: int) -> int:
    text = query.get(name)
    if text is None:
        return default
    for form in _DATES:
        try:
            at = datetime.strptime(text, form).replace(tzinfo=UTC)
        except ValueError:
            continue
        return int(at.timestamp() * 1000)
    raise _bad(name, "Invalid Date format value")


def _text(at: int) -> str:
    return datetime.fromtimestamp(at // 1000, UTC).strftime(_DATES[1])


def _bad(name: str, description: str) -> Refusal:
    return order_error(400, f"INVALID_REQUEST.{ORDERS}", description, name)
