"""Returns at Walmart: a buyer asks, the seller refunds units, or Walmart does by itself."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from app.simulator import bodies
from app.simulator.errors import Unfit, bad_content, not_found
from app.simulator.ledger import Effect
from app.simulator.orders import DELIVERED, REFUNDED, SHIPPED, Order, Parcel

_DEFAULT_LIMIT, _MOST = 10, 200
_RETURN_WITHIN_MS = 30 * 86_400_000


@dataclass(slots=True)
class ReturnedLine:
    """Units of an order's line that a buyer sends back."""

    number: int
    line: str
    quantity: int
    refunded: int = 0


@dataclass(slots=True)
class Return:
    """A return order. Times are milliseconds since 1970."""

    number: str
    order: Order
    requested_at: int
    lines: list[ReturnedLine]
    reason: str = "DAMAGED"
    changed_at: int = field(default=0)


def open_return(order: Order, wanted: object, number: int, now: int) -> Return:
    """Let the buyer send units back; without lines every shipped one. Raises Unfit."""
    if wanted is not None and not isinstance(wanted, list):
        raise Unfit("lines is a list of lines")
    lines = []
    asked: Sequence[Any] = wanted or [{"line_number": each} for each in order.lines]
    for place, each in enumerate(asked, start=1):
        line = order.lines.get(str(each.get("line_number"))) if isinstance(each, Mapping) else None
        if line is None:
            raise Unfit("a line is an object with the line_number of the order")
        units = each.get("quantity", line.units(SHIPPED, DELIVERED))
        if type(units) is not int or not 1 <= units <= line.units(SHIPPED, DELIVERED):
            raise Unfit(f"line {line.number} has no such number of shipped units")
        lines.append(ReturnedLine(place, line.number, units))
    return Return(str(number), order, now, lines, changed_at=now)


def refund_all(returned: Return, now: int) -> list[Effect]:
    """Walmart refunds what is left by itself."""
    units = {line.number: line.quantity - line.refunded for line in returned.lines}
    return list(
        _refund(returned, {n: u for n, u in units.items() if u}, now, "refunded_by_walmart")
    )


def refund(returned: Return, body: bytes, now: int) -> list[Effect]:
    """Refund what the seller asks for, all of it or nothing. Raises Walmart's 400."""
    asked = bodies.parse(body)
    lines = asked.get("refundLines") if isinstance(asked, Mapping) else None
    if not isinstance(lines, list) or not lines:
        raise bad_content("refundLines is missing", "refundLines")
    if asked.get("customerOrderId") != returned.order.customer_order_id:
        raise bad_content("customerOrderId is not that of the return", "customerOrderId")
    units: dict[int, int] = {}
    for each in lines:
        number = each.get("returnOrderLineNumber") if isinstance(each, Mapping) else None
        line = next((one for one in returned.lines if one.number == number), None)
        if line is None:
            raise bad_content("returnOrderLineNumber is not in the return")
        quantity = each.get("quantity", {}).get("measurementValue")
        if type(quantity) is not int or quantity < 1 or line.number in units:
            raise bad_content("quantity is not a number of units", "quantity")
        if line.refunded + quantity > line.quantity:
            raise bad_content("Refund quantity exceeds what is left", "quantity")
        units[line.number] = quantity
    return list(_refund(returned, units, now, "refund"))


def _refund(
    returned: Return, units: Mapping[int, int], now: int, operation: str
) -> Iterator[Effect]:
    for line in returned.lines:
        quantity = units.get(line.number, 0)
        if quantity:
            line.refunded += quantity
            ordered = returned.order.lines[line.line]
            ordered.move((SHIPPED, DELIVERED), Parcel(REFUNDED, quantity), now)
            returned.changed_at = now
            yield Effect(operation, line.line, quantity)


def find(returns: Mapping[str, Return], query: Mapping[str, str]) -> dict[str, Any]:
    """A page of an account's returns, by offset as Walmart does. Raises 404 where none fits."""
    since, until = query.get("returnLastModifiedStartDate"), query.get("returnLastModifiedEndDate")
    found = [
        each
        for each in returns.values()
        if query.get("returnOrderId") in {None, each.number}
        and query.get("customerOrderId") in {None, each.order.customer_order_id}
        and (since is None or each.changed_at >= _time(since))
        # Of a whole second.
        and (until is None or each.changed_at < _time(until) + 1000)
    ]
    limit = min(int(query.get("limit", _DEFAULT_LIMIT)), _MOST)
    offset = int(query.get("offset", 0))
    page = found[offset : offset + limit]
    if not page:
        raise not_found()
    meta: dict[str, Any] = {"totalCount": len(found), "limit": limit, "nextCursor": ""}
    if offset + limit < len(found):
        own = {"limit": str(limit), "offset": str(offset + limit)}
        meta["nextCursor"] = f"?{urlencode({**query, **own})}"
    return {"meta": meta, "returnOrders": [as_walmart(each) for each in page]}


def as_walmart(returned: Return) -> dict[str, Any]:
    """A return as the returns API answers it."""
    order = returned.order
    lines = [_line(returned, line) for line in returned.lines]
    total = sum(order.lines[line.line].unit_price * line.quantity for line in returned.lines)
    return {
        "returnOrderId": returned.number,
        "customerOrderId": order.customer_order_id,
        "customerEmailId": "3F4A1C@relay.walmart.com",
        "customerName": {"firstName": "Sam", "lastName": "Sample"},
        "returnType": "REFUND",
        "returnOrderDate": _text(returned.requested_at),
        "returnByDate": _text(returned.requested_at + _RETURN_WITHIN_MS),
        "refundMode": "POST_DELIVERY",
        "totalRefundAmount": {"currencyAmount": round(total, 2), "currencyUnit": "USD"},
        "returnOrderLines": lines,
        "returnChannel": {"channelName": "ONLINE"},
    }


def _line(returned: Return, line: ReturnedLine) -> dict[str, Any]:
    ordered = returned.order.lines[line.line]
    left = line.quantity - line.refunded
    statuses = [
        {
            "status": "COMPLETED" if done else "INITIATED",
            "statusTime": _text(returned.changed_at),
            **({"currentRefundStatus": "REFUND_COMPLETED"} if done else {}),
            "quantity": {"unitOfMeasure": "EACH", "measurementValue": units},
        }
        for done, units in ((False, left), (True, line.refunded))
        if units
    ]
    return {
        "returnOrderLineNumber": line.number,
        "salesOrderLineNumber": line.number,
        "purchaseOrderId": returned.order.purchase_order_id,
        "purchaseOrderLineNumber": int(line.line),
        "returnReason": returned.reason,
        "item": {"sku": ordered.sku, "condition": "New", "productName": ordered.name},
        "quantity": {"unitOfMeasure": "EACH", "measurementValue": line.quantity},
        "refundedQty": line.refunded,
        "currentTrackingStatuses": statuses,
        "returnExpectedFlag": True,
    }


def _text(at: int) -> str:
    return datetime.fromtimestamp(at / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def _time(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp() * 1000)
