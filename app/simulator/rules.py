"""Walmart's rules for acknowledging, shipping and canceling: all of a request or nothing of it.

What is known of them is observed, not documented; `errors.py` gives refusals Walmart's words.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from app.simulator.errors import bad_content
from app.simulator.names import CANCELLATION_REASONS, CARRIERS, METHOD_CODES
from app.simulator.orders import (
    ACKNOWLEDGED,
    CANCELLED,
    CREATED,
    DELIVERED,
    OPEN,
    SHIPPED,
    Line,
    Order,
    Parcel,
)

EDIT_WINDOW_MS = 4 * 3600 * 1000
# An intent to cancel is honoured or overridden, never ignored.
_REQUESTED = "CUSTOMER_REQUESTED_SELLER_TO_CANCEL"


@dataclass(frozen=True, slots=True)
class Effect:
    """Something Walmart did to units of a line."""

    line: str
    quantity: int
    tracking_number: str | None = None
    reason: str | None = None


def acknowledge(order: Order) -> list[Effect]:
    """Acknowledge every unit. Raises a refusal when any is past it."""
    for line in order.lines.values():
        if line.units(SHIPPED, DELIVERED, CANCELLED):
            raise bad_content(
                f"Line {line.number} of PO {order.purchase_order_id}: "
                "Some or all qty in higher status"
            )
    effects = []
    for line in order.lines.values():
        units = line.units(CREATED)
        if units:
            line.move(units, (CREATED,), Parcel(ACKNOWLEDGED, units))
            effects.append(Effect(line.number, units))
    return effects


def ship(order: Order, body: Mapping[str, Any], now: int) -> list[Effect]:
    """Ship units, or correct the tracking of shipped ones (processMode PARTIAL_UPDATE)."""
    shipment = _part(body, "orderShipment")
    asked = [
        (line, entry, status)
        for line, entry in _lines(order, shipment)
        for status in _statuses(entry, SHIPPED)
    ]
    if shipment.get("processMode") == "PARTIAL_UPDATE":
        return _edit(order, asked, now)
    wanted: Counter[str] = Counter()
    for line, entry, status in asked:
        _check_package(line, status.get("trackingInfo"), order, now)
        if line.intent_to_cancel and not _true(entry.get("intentToCancelOverride")):
            raise bad_content(f"Line {line.number} has intent to cancel", "intentToCancelOverride")
        wanted[line.number] += _quantity(status)
    for number, units in wanted.items():
        _check_units(order, order.lines[number], units, "ship")
    order.first_shipped_at = order.first_shipped_at or now
    return [_shipped(line, status) for line, _, status in asked]


def _shipped(line: Line, status: Mapping[str, Any]) -> Effect:
    units, tracking = _quantity(status), dict(status["trackingInfo"])
    line.move(units, (ACKNOWLEDGED,), Parcel(SHIPPED, units, tracking))
    return Effect(line.number, units, tracking["trackingNumber"])


def _edit(
    order: Order, asked: list[tuple[Line, Mapping[str, Any], Mapping[str, Any]]], now: int
) -> list[Effect]:
    began = order.first_shipped_at
    if began is None or now - began > EDIT_WINDOW_MS:
        raise bad_content("Tracking can be changed for 4 hours after shipping only")
    effects = []
    for line, _, status in asked:
        _check_package(line, status.get("trackingInfo"), order, now)
        current = (status.get("currentTrackingInfo") or {}).get("trackingNumber")
        edited = [
            parcel
            for parcel in line.parcels
            if parcel.status == SHIPPED
            and (current is None or (parcel.tracking or {}).get("trackingNumber") == current)
        ]
        if not edited:
            raise bad_content(f"Line {line.number} is not shipped under {current}")
        for parcel in edited:
            parcel.tracking = dict(status["trackingInfo"])
            number = parcel.tracking["trackingNumber"]
            effects.append(Effect(line.number, parcel.quantity, number))
    return effects


def cancel(order: Order, body: Mapping[str, Any]) -> list[Effect]:
    """Cancel units that have not been shipped."""
    asked = [
        (line, status)
        for line, entry in _lines(order, _part(body, "orderCancellation"))
        for status in _statuses(entry, CANCELLED)
    ]
    wanted: Counter[str] = Counter()
    for line, status in asked:
        reason = status.get("cancellationReason")
        if reason not in CANCELLATION_REASONS:
            raise bad_content(f"Reason {reason} is not supported", "cancellationReason")
        if reason == _REQUESTED and not line.intent_to_cancel:
            raise bad_content(f"Line {line.number} has no intent to cancel", "cancellationReason")
        wanted[line.number] += _quantity(status)
    for number, units in wanted.items():
        _check_units(order, order.lines[number], units, "cancel")
    effects = []
    for line, status in asked:
        units, reason = _quantity(status), status["cancellationReason"]
        line.move(units, OPEN, Parcel(CANCELLED, units, None, reason))
        effects.append(Effect(line.number, units, reason=reason))
    return effects


def _check_units(order: Order, line: Line, units: int, doing: str) -> None:
    where = f"The Line: {line.number} of PO: {order.purchase_order_id}"
    if line.units(CREATED):
        raise bad_content(f"{where} is not acknowledged")
    available = line.units(ACKNOWLEDGED)
    if not available:
        status = "SHIPPED" if line.units(SHIPPED, DELIVERED) else "CANCELLED"
        raise bad_content(f"{where} is in {status} status")
    if units > available:
        raise bad_content(
            f"{where} doesn't have enough quantity to {doing} requested quantity, "
            f"qtyAvailableTo{doing.title()} :: {available}"
        )


def _check_package(line: Line, info: Any, order: Order, now: int) -> None:  # noqa: ANN401 - JSON
    where = f"in line number {line.number}"
    if not isinstance(info, Mapping):
        raise bad_content(f"trackingInfo is missing {where}", "trackingInfo")
    carrier = info.get("carrierName")
    if not isinstance(carrier, Mapping) or len(carrier) != 1:
        raise bad_content(f"One of carrier and otherCarrier is needed {where}", "carrierName")
    if "carrier" in carrier and carrier["carrier"] not in CARRIERS:
        raise bad_content(f"Carrier is not supported {where}", "carrierName")
    if "otherCarrier" in carrier and not info.get("trackingURL"):
        raise bad_content(f"Tracking URL is required {where}", "trackingURL")
    if info.get("methodCode") not in METHOD_CODES:
        raise bad_content(f"Method code is not supported {where}", "methodCode")
    number = info.get("trackingNumber")
    if not isinstance(number, str) or not number.isalnum():
        raise bad_content(f"Tracking number is invalid {where}", "trackingNumber")
    at = info.get("shipDateTime")
    if not isinstance(at, int) or not order.ordered_at <= at <= now + 600_000:
        raise bad_content(f"Ship date is out of range {where}", "shipDateTime")


def _part(body: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = body.get(name) if isinstance(body, Mapping) else None
    if not isinstance(part, Mapping):
        raise bad_content(f"{name} is missing", name)
    return part


def _lines(order: Order, part: Mapping[str, Any]) -> Iterator[tuple[Line, Mapping[str, Any]]]:
    entries = (part.get("orderLines") or {}).get("orderLine") or []
    entries = [entries] if isinstance(entries, Mapping) else entries
    if not entries:
        raise bad_content("orderLine is missing", "orderLine")
    for entry in entries:
        line = order.lines.get(str(entry.get("lineNumber")))
        if line is None:
            raise bad_content(f"Line {entry.get('lineNumber')} is not in the PO", "lineNumber")
        yield line, entry


def _statuses(entry: Mapping[str, Any], expected: str) -> list[Mapping[str, Any]]:
    found = (entry.get("orderLineStatuses") or {}).get("orderLineStatus") or []
    statuses = [found] if isinstance(found, Mapping) else list(found)
    if not statuses or any(status.get("status") != expected for status in statuses):
        raise bad_content(f"Status must be {expected}", "status")
    return statuses


def _quantity(status: Mapping[str, Any]) -> int:
    amount = (status.get("statusQuantity") or {}).get("amount")
    if not isinstance(amount, str) or not amount.isdecimal() or int(amount) < 1:
        raise bad_content(f"Quantity {amount} is invalid", "statusQuantity")
    return int(amount)


def _true(value: object) -> bool:
    return value is True or str(value).lower() == "true"
