"""Read Walmart's order with tolerance: one or a list, text or number, this or that date.

Strict in one thing only: how many units are in which status. A wrong count would ship twice.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal, InvalidOperation

from app.domain.orders.snapshot import LineSnapshot, OrderSnapshot, Units, UnitStatus
from app.walmart import rate_limit_headers

_MOST_UNITS = 1_000_000_000
_STATUSES = {status.value.casefold(): status for status in UnitStatus} | {
    "canceled": UnitStatus.CANCELLED,
    "refunded": UnitStatus.REFUND,
}
_NOT_ASKED = {"", "false", "no", "n", "0", "none", "null"}


class UnreadableOrder(ValueError):
    """What came is not an order whose units can be told; the message names what is missing."""


def read_order_body(payload: object) -> OrderSnapshot:
    """Read an order out of a decoded JSON answer, with or without its `order` wrapper.

    Tolerant of everything that does not change how many units are in which status: one element
    instead of a list, numbers as text, unknown fields and words. What was passed over is named
    in `unreadable`. Raises UnreadableOrder where a line or its units cannot be told.
    """
    order = _unwrapped(payload)
    notes: list[str] = []
    lines: dict[str, LineSnapshot] = {}
    for entry in elements(order.get("orderLines"), "orderLine"):
        line = _line(entry, notes)
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


def _line(entry: Mapping[str, object], notes: list[str]) -> LineSnapshot:
    number = _required(entry, "lineNumber")
    item = mapping(entry.get("item"))
    sku = text(item.get("sku"))
    if sku is None:
        notes.append(f"line {number}: no sku")
    price, currency = _price(entry)
    units = tuple(_units(entry, number, notes))
    return LineSnapshot(
        line_number=number,
        sku=sku or "",
        ordered=_whole(entry.get("orderLineQuantity"), f"the quantity of line {number}"),
        units=units,
        name=text(item.get("productName")),
        unit_price=price,
        currency=currency,
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


def _price(entry: Mapping[str, object]) -> tuple[Decimal | None, str | None]:
    """The item price: Walmart's documents do not say whether it is for one unit; it is read so."""
    for charge in elements(entry.get("charges"), "charge"):
        kind, name = str(charge.get("chargeType")), str(charge.get("chargeName"))
        # A subscription discount is a charge of the product too.
        if kind.upper() == "PRODUCT" and "discount" not in name.casefold():
            amount = mapping(charge.get("chargeAmount"))
            price, currency = decimal(amount.get("amount")), amount.get("currency")
            if price is not None:
                return price, text(currency)
    return None, None


def mapping(value: object) -> Mapping[str, object]:
    """An object, or an empty one where there is none."""
    return value if isinstance(value, Mapping) else {}


def elements(container: object, name: str) -> Sequence[Mapping[str, object]]:
    """Elements of a wrapper such as `{"orderLine": [..]}`; also of one element, or a bare list.

    Raises UnreadableOrder for an element that is not an object: units may hide in it.
    """
    inner = container.get(name) if isinstance(container, Mapping) else container
    found: list[object] = inner if isinstance(inner, list) else [] if inner is None else [inner]
    read = [element for element in found if isinstance(element, Mapping)]
    if len(read) != len(found):
        raise UnreadableOrder(f"{name} holds something that is not an object")
    return read


def text(value: object) -> str | None:
    """Text or a number as text, without surrounding space; None for anything else or nothing."""
    if isinstance(value, bool) or not isinstance(value, str | int | float | Decimal):
        return None
    # A name that was cut within an emoji ends in half of it, which no database takes.
    whole = str(value).encode("utf-8", "replace").decode()
    return whole.replace("\x00", "").strip() or None


def _required(entry: Mapping[str, object], name: str) -> str:
    """Text that an order cannot do without. Raises UnreadableOrder where it is missing."""
    value = text(entry.get(name))
    if value is None:
        raise UnreadableOrder(f"{name} is missing")
    return value


def _whole(value: object, what: str) -> int:
    """Whole units out of `{"amount": "1"}`; also "1.0000", 1 and 1.0, with or without wrapper.

    Raises UnreadableOrder for anything else: a wrong count would ship or cancel too much.
    """
    amount = decimal(value.get("amount") if isinstance(value, Mapping) else value)
    if amount is None or amount != amount.to_integral_value() or not 0 <= amount <= _MOST_UNITS:
        raise UnreadableOrder(f"{what} cannot be read")
    return int(amount)


def decimal(value: object) -> Decimal | None:
    """A finite number, exact where it came as text; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, str | int | float | Decimal):
        return None
    try:
        number = Decimal(str(value).strip())
    except (InvalidOperation, ValueError):
        return None
    return number if number.is_finite() and abs(number) <= _MOST_UNITS else None


def _moment(entry: Mapping[str, object], name: str, notes: list[str]) -> datetime | None:
    """A date in milliseconds since 1970 or ISO 8601; what cannot be read is noted, not raised."""
    value = entry.get(name)
    read = rate_limit_headers.instant(value)
    if read is None and value is not None:
        notes.append(name)
    return read
