"""Parser of Walmart's orders. Lenient: one element or a list, text or number, several date formats.

It is strict only about how many units are in which status: a wrong count would ship twice.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime

from app.domain.orders.charges import ChargeAmountIs
from app.domain.orders.snapshot import WAS_SHIPPED, LineSnapshot, OrderSnapshot, Units, UnitStatus
from app.walmart import charge_parser, rate_limit_headers
from app.walmart.json_values import MOST_UNITS, UnreadableOrder, decimal, elements, mapping, text

_STATUSES = {status.value.casefold(): status for status in UnitStatus} | {
    "canceled": UnitStatus.CANCELLED,
    "refunded": UnitStatus.REFUND,
}
_OVER = WAS_SHIPPED | {UnitStatus.CANCELLED}
_NOT_ASKED = {"", "false", "no", "n", "0", "none", "null"}


def read_order_body(
    payload: object, amount_is: ChargeAmountIs = ChargeAmountIs.UNIT
) -> OrderSnapshot:
    """Read an order from a decoded JSON answer, with or without its `order` wrapper.

    One element instead of a list, numbers as text, unknown fields and unknown words are accepted,
    as they do not change the units; `unreadable` names what was ignored. Raises UnreadableOrder if
    a line or its units cannot be read.
    """
    order = _unwrapped(payload)
    notes: list[str] = []
    lines: dict[str, LineSnapshot] = {}
    for entry in elements(order.get("orderLines"), "orderLine"):
        line = _line(entry, notes, amount_is)
        if line.line_number in lines:
            raise UnreadableOrder(f"line {line.line_number} is there twice")
        lines[line.line_number] = line
    if not lines:
        raise UnreadableOrder("it has no lines")
    shipping = mapping(order.get("shippingInfo"))
    return OrderSnapshot(
        purchase_order_id=_required(order, "purchaseOrderId"),
        lines=lines,
        customer_order_id=text(order.get("customerOrderId")),
        ordered_at=_moment(order, "orderDate", notes),
        ship_by=_moment(shipping, "estimatedShipDate", notes),
        deliver_by=_moment(shipping, "estimatedDeliveryDate", notes),
        ship_method=text(shipping.get("methodCode")),
        node_type=text(mapping(order.get("shipNode")).get("type")),
        unreadable=tuple(notes),
    )


def _unwrapped(payload: object) -> Mapping[str, object]:
    if not isinstance(payload, Mapping):
        raise UnreadableOrder("it is not an object")
    if "order" not in payload:
        return payload
    orders = elements(payload, "order")
    if len(orders) != 1:
        raise UnreadableOrder(f"it holds {len(orders)} orders")
    return orders[0]


def _line(entry: Mapping[str, object], notes: list[str], amount_is: ChargeAmountIs) -> LineSnapshot:
    number = _required(entry, "lineNumber")
    item = mapping(entry.get("item"))
    sku = text(item.get("sku"))
    if sku is None:
        notes.append(f"line {number}: no sku")
    ordered = _whole(entry.get("orderLineQuantity"), f"the quantity of line {number}")
    costs = charge_parser.read_charges(entry, ordered, amount_is)
    charges, price, currency = costs or (None, None, None)
    units = tuple(_units(entry, number, notes))
    return LineSnapshot(
        line_number=number,
        sku=sku or "",
        ordered=ordered,
        units=units,
        name=text(item.get("productName")),
        unit_price=price,
        currency=currency,
        charges=charges,
        cancel_requested=str(entry.get("intentToCancel") or "").strip().casefold()
        not in _NOT_ASKED,
    )


def _units(entry: Mapping[str, object], number: str, notes: list[str]) -> Iterator[Units]:
    for status in elements(entry.get("orderLineStatuses"), "orderLineStatus"):
        word = _required(status, "status")
        known = _STATUSES.get(word.casefold(), UnitStatus.OTHER)
        if known is UnitStatus.OTHER:
            notes.append(f"line {number}: status {word[:50]}")
        tracking = mapping(status.get("trackingInfo"))
        carrier = tracking.get("carrierName")
        names = carrier if isinstance(carrier, Mapping) else {"carrier": carrier}
        yield Units(
            status=known,
            quantity=_whole(status.get("statusQuantity"), f"units of line {number}"),
            tracking_number=text(tracking.get("trackingNumber")),
            carrier=text(names.get("carrier")) or text(names.get("otherCarrier")),
            cancellation_reason=text(status.get("cancellationReason")),
        )


def ended_order(entry: object) -> tuple[str, datetime] | None:
    """The number and date of an order that cannot be read, if all that it shows is over.

    None means that a unit may still be open, or that the number or the date cannot be read.
    """
    order = mapping(entry)
    number, ordered_at = text(order.get("purchaseOrderId")), _moment(order, "orderDate", [])
    lines = elements(order.get("orderLines"), "orderLine")
    shown = [elements(each.get("orderLineStatuses"), "orderLineStatus") for each in lines]
    words = [str(each.get("status")).casefold() for units in shown for each in units]
    # mutation: unreadable-order-with-open-units
    over = bool(shown) and all(shown) and all(_STATUSES.get(word) in _OVER for word in words)
    return (number, ordered_at) if number and ordered_at and over else None


def _required(entry: Mapping[str, object], name: str) -> str:
    """Return a required text. Raises UnreadableOrder if it is missing."""
    value = text(entry.get(name))
    if value is None:
        raise UnreadableOrder(f"{name} is missing")
    return value


def _whole(value: object, what: str) -> int:
    """Read whole units from `{"amount": "1"}`, also from "1.0000", 1 and 1.0, with or without it.

    `measurementValue` is the returns API's name of amount. Raises UnreadableOrder for anything
    else: a wrong count would ship or cancel too many units.
    """
    if isinstance(value, Mapping):
        value = value.get("amount", value.get("measurementValue"))
    amount = decimal(value)
    if amount is None or amount != amount.to_integral_value() or not 0 <= amount <= MOST_UNITS:
        raise UnreadableOrder(f"{what} cannot be read")
    return int(amount)


def _moment(entry: Mapping[str, object], name: str, notes: list[str]) -> datetime | None:
    """Read a date. A date that cannot be read is added to the notes, and does not raise."""
    value = entry.get(name)
    read = rate_limit_headers.instant(value)
    if read is None and value is not None:
        notes.append(name)
    return read
