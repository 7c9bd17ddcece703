"""Returns at Walmart: a buyer requests one, and the seller or Walmart itself refunds units."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from app.simulator import bodies
from app.simulator.errors import BadInput, bad_content, not_found
from app.simulator.ledger import Effect
from app.simulator.orders import DELIVERED, REFUNDED, SHIPPED, Parcel, SimulatedOrder

_DEFAULT_LIMIT, _MOST = 10, 200
_RETURN_WITHIN_MS = 30 * 86_400_000


@dataclass(slots=True)
class ReturnedLine:
    """Units of an order line that a buyer sends back."""

    number: int
    order: SimulatedOrder
    line: str
    quantity: int
    refunded: int = 0
    canceled: bool = False
    cancellation_reason: str | None = None
    """Shown in place of the event of the cancellation."""


@dataclass(slots=True)
class SimulatedReturn:
    """A return order. Times are milliseconds since 1970."""

    number: str
    order: SimulatedOrder
    requested_at: int
    lines: list[ReturnedLine]
    reason: str = "DAMAGED"
    changed_at: int = field(default=0)
    arrived_at: int | None = None
    return_type: str = "REFUND"
    garbled: bool = False
    """Its quantities cannot be read."""

    @property
    def orders(self) -> list[SimulatedOrder]:
        """The orders of its lines."""
        return list({id(line.order): line.order for line in self.lines}.values())

    def copy(self) -> "SimulatedReturn":
        """Return a copy that later changes do not affect."""
        return replace(self, lines=[replace(line) for line in self.lines])


def open_return(
    orders: Mapping[str, SimulatedOrder],
    order: SimulatedOrder,
    wanted: Mapping[str, Any],
    number: int,
    now: int,
) -> SimulatedReturn:
    """Create a return of some lines' units; without lines, of every shipped unit.

    A line may be of another order of the account. return_type is REFUND or REPLACEMENT. Raises
    BadInput.
    """
    named = wanted.get("lines")
    if named is not None and not isinstance(named, list):
        raise BadInput("lines is a list of lines")
    asked: Sequence[Any] = named or [{"line_number": each} for each in order.lines]
    lines = [_line_from(orders, order, each, place) for place, each in enumerate(asked, start=1)]
    made = SimulatedReturn(str(number), order, now, lines, changed_at=now)
    made.return_type = str(wanted.get("return_type", made.return_type))
    made.garbled = wanted.get("garbled") is True
    return made


def _line_from(
    orders: Mapping[str, SimulatedOrder], order: SimulatedOrder, each: object, place: int
) -> ReturnedLine:
    named = each if isinstance(each, Mapping) else {}
    of = orders.get(str(named.get("purchase_order_id", order.purchase_order_id)))
    line = of.lines.get(str(named.get("line_number"))) if of else None
    if of is None or line is None:
        raise BadInput("a line is an object with the line_number of the order")
    units = named.get("quantity", line.units(SHIPPED, DELIVERED))
    if type(units) is not int or not 1 <= units <= line.units(SHIPPED, DELIVERED):
        raise BadInput(f"line {line.number} has no such number of shipped units")
    return ReturnedLine(place, of, line.number, units)


def cancel(returned: SimulatedReturn, wanted: Mapping[str, Any], now: int) -> None:
    """Cancel the unrefunded units of some lines; without lines, of all.

    With a reason, a line shows it and no event of its cancellation.
    """
    numbers, reason = wanted.get("lines"), wanted.get("reason")
    for line in returned.lines:
        if numbers is None or (isinstance(numbers, list) and line.number in numbers):
            line.canceled = True
            line.cancellation_reason = None if reason is None else str(reason)
    returned.changed_at = now


def refund_all(returned: SimulatedReturn, now: int) -> dict[str, list[Effect]]:
    """Refund all that is left, as Walmart does by itself; return the effects by order."""
    units = {line.number: line.quantity - line.refunded for line in returned.lines}
    return _refund(returned, {n: u for n, u in units.items() if u}, now, "refunded_by_walmart")


def refund(returned: SimulatedReturn, body: bytes, now: int) -> dict[str, list[Effect]]:
    """Refund the units of the seller's request, all or none. Raises Walmart's 400."""
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
        if line.canceled or line.refunded + quantity > line.quantity:
            raise bad_content("Refund quantity exceeds what is left", "quantity")
        units[line.number] = quantity
    return _refund(returned, units, now, "refund")


def _refund(
    returned: SimulatedReturn, units: Mapping[int, int], now: int, operation: str
) -> dict[str, list[Effect]]:
    done: dict[str, list[Effect]] = {}
    for line in returned.lines:
        quantity = units.get(line.number, 0)
        if quantity:
            line.refunded += quantity
            ordered = line.order.lines[line.line]
            ordered.move((SHIPPED, DELIVERED), Parcel(REFUNDED, quantity), now)
            returned.changed_at = now
            effect = Effect(
                operation,
                line.line,
                quantity,
                reference=returned.number,
                reference_line=line.number,
            )
            done.setdefault(line.order.purchase_order_id, []).append(effect)
    return done


def find(returns: Mapping[str, SimulatedReturn], query: Mapping[str, str]) -> dict[str, Any]:
    """Return a page of an account's returns, by offset. Raises 404 if none matches."""
    since, until = query.get("returnLastModifiedStartDate"), query.get("returnLastModifiedEndDate")
    found = [
        each
        for each in returns.values()
        if query.get("returnOrderId") in {None, each.number}
        and query.get("customerOrderId") in {None, each.order.customer_order_id}
        and (since is None or each.changed_at >= _time(since))
        # The end includes its whole second.
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
    shown = [as_walmart(each) for each in page]
    if query.get("replacementInfo") != "true":
        for each in shown:
            _leave_out_replacement_info(each)
    return {"meta": meta, "returnOrders": shown}


def _leave_out_replacement_info(shown: dict[str, Any]) -> None:
    """Remove what Walmart shows only for `replacementInfo=true`."""
    shown.pop("returnType")
    for line in shown["returnOrderLines"]:
        line.pop("returnCancellationReason", None)


def as_walmart(returned: SimulatedReturn) -> dict[str, Any]:
    """Return a return as the returns API answers it with `replacementInfo=true`."""
    order = returned.order
    lines = [_line(returned, line) for line in returned.lines]
    total = sum(line.order.lines[line.line].unit_price * line.quantity for line in returned.lines)
    return {
        "returnOrderId": returned.number,
        "customerOrderId": order.customer_order_id,
        "customerEmailId": "3F4A1C@relay.walmart.com",
        "customerName": {"firstName": "Sam", "lastName": "Sample"},
        "returnType": returned.return_type,
        "returnOrderDate": _text(returned.requested_at),
        "returnByDate": _text(returned.requested_at + _RETURN_WITHIN_MS),
        "refundMode": "POST_DELIVERY",
        "totalRefundAmount": {"currencyAmount": round(total, 2), "currencyUnit": "USD"},
        "returnOrderLines": lines,
        "returnChannel": {"channelName": "ONLINE"},
    }


def _line(returned: SimulatedReturn, line: ReturnedLine) -> dict[str, Any]:
    ordered = line.order.lines[line.line]
    reason = line.cancellation_reason
    return {
        "returnOrderLineNumber": line.number,
        "salesOrderLineNumber": line.number,
        "purchaseOrderId": line.order.purchase_order_id,
        "purchaseOrderLineNumber": int(line.line),
        "returnReason": returned.reason,
        **({} if reason is None else {"returnCancellationReason": reason}),
        "item": {"sku": ordered.sku, "condition": "New", "productName": ordered.name},
        "quantity": _units("?" if returned.garbled else line.quantity),
        "refundedQty": line.refunded,
        "returnTrackingDetail": list(_events(returned, line)),
        "currentTrackingStatuses": list(_statuses(returned, line)),
        "returnExpectedFlag": True,
    }


def _statuses(returned: SimulatedReturn, line: ReturnedLine) -> Iterator[dict[str, Any]]:
    under_way = "INITIATED" if returned.arrived_at is None else "DELIVERED"
    left = "COMPLETED" if line.canceled else under_way
    at = {"statusTime": _text(returned.changed_at)}
    if line.quantity > line.refunded:
        yield {"status": left, **at, "quantity": _units(line.quantity - line.refunded)}
    if line.refunded:
        refund = {"currentRefundStatus": "REFUND_COMPLETED"}
        yield {"status": "COMPLETED", **at, **refund, "quantity": _units(line.refunded)}


def _events(returned: SimulatedReturn, line: ReturnedLine) -> Iterator[dict[str, Any]]:
    """Yield the events of a line, the newest first as at Walmart."""
    tags = [("RETURN_INITIATED", returned.requested_at)]
    if returned.arrived_at is not None:
        tags.append(("DELIVERED_AT_RETURN_CENTER", returned.arrived_at))
    if line.refunded:
        tags.append(("REFUND_ISSUED", returned.changed_at))
    if line.canceled and line.cancellation_reason is None:
        tags.append(("RETURN_CANCELLED", returned.changed_at))
    for number, (tag, at) in reversed(list(enumerate(tags))):
        yield {"sequenceNo": number, "eventTag": tag, "eventTime": _text(at)}


def _units(number: int | str) -> dict[str, Any]:
    return {"unitOfMeasure": "EACH", "measurementValue": number}


def _text(at: int) -> str:
    return datetime.fromtimestamp(at / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def _time(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp() * 1000)
