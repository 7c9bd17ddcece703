"""Walmart's rules for acknowledging, shipping and canceling. A request is applied whole or not.

The rules are observed, not documented; the descriptions of the errors are those that integrators
have seen.
"""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from app.simulator import bodies
from app.simulator.bodies import RequestedUnits
from app.simulator.errors import bad_content
from app.simulator.ledger import Effect
from app.simulator.names import CANCELLATION_REASONS
from app.simulator.orders import (
    ACKNOWLEDGED,
    CANCELLED,
    CREATED,
    DELIVERED,
    SELLER_FULFILLED,
    SHIPPED,
    Parcel,
    SimulatedLine,
    SimulatedOrder,
)

# Walmart's guide: a cancellation of more lines takes several calls.
MOST_CANCELED_LINES = 100
# Tracking can be corrected so long after the line's first shipment, any number of times.
EDIT_WINDOW_MS = 4 * 3600 * 1000
_EDIT = "PARTIAL_UPDATE"
_REQUESTED = "CUSTOMER_REQUESTED_SELLER_TO_CANCEL"


def acknowledge(order: SimulatedOrder, now: int) -> list[Effect]:
    """Acknowledge every unit; idempotent. Raises Refusal if a unit has a later status."""
    if order.node_type != SELLER_FULFILLED:
        raise bad_content(f"PO {order.purchase_order_id} is not fulfilled by the seller")
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
            line.move((CREATED,), Parcel(ACKNOWLEDGED, units), now)
            effects.append(Effect("acknowledge", line.number, units))
    return effects


def ship(order: SimulatedOrder, body: object, now: int) -> list[Effect]:
    """Ship units, or correct the tracking of shipped ones (processMode PARTIAL_UPDATE)."""
    shipment = bodies.part(body, "orderShipment")
    mode = shipment.get("processMode")
    if mode not in (None, _EDIT):
        raise bad_content(f"processMode {mode} is not supported", "processMode")
    _check_origin(order, shipment)
    wanted = [
        (one, bodies.package(one, order, now)) for one in bodies.asked(order, shipment, SHIPPED)
    ]
    if mode == _EDIT:
        return _edit(wanted, now)
    for one, _ in wanted:
        if one.line.intent_to_cancel and not one.override:
            raise bad_content(
                f"Line {one.line.number} has intent to cancel", "intentToCancelOverride"
            )
    _check_units(order, [one for one, _ in wanted], "ship")
    for one, tracking in wanted:
        one.line.move((ACKNOWLEDGED,), Parcel(SHIPPED, one.units, tracking), now)
    return [
        Effect("shipping", one.line.number, one.units, tracking["trackingNumber"])
        for one, tracking in wanted
    ]


def _check_origin(order: SimulatedOrder, shipment: Mapping[str, Any]) -> None:
    """Check that each line names the country it was shipped from, which CA requires."""
    if order.market != "ca":
        return
    for line in bodies.part(shipment, "orderLines").get("orderLine") or ():
        if not isinstance(line, Mapping) or not line.get("shipFromCountry"):
            raise bad_content("shipFromCountry is missing", "shipFromCountry")


def _edit(wanted: list[tuple[RequestedUnits, dict[str, Any]]], now: int) -> list[Effect]:
    found = [(one, tracking, _parcels(one, now)) for one, tracking in wanted]
    effects = []
    for one, tracking, parcels in found:
        for parcel in parcels:
            replaced, number = parcel.tracking_number, tracking["trackingNumber"]
            parcel.tracking = tracking
            effects.append(
                Effect("tracking", one.line.number, parcel.quantity, number, reference=replaced)
            )
        one.line.changed_at = now
    return effects


def _parcels(one: RequestedUnits, now: int) -> list[Parcel]:
    """Return the packages of a correction; one of several must be named by its number."""
    line, current = one.line, one.status.get("currentTrackingInfo")
    if current is not None:
        current = bodies.part(one.status, "currentTrackingInfo").get("trackingNumber")
    began = line.first_shipped_at
    if began is None or now - began > EDIT_WINDOW_MS:
        raise bad_content(
            f"Line {line.number}: tracking can be updated within 4 hours of shipping only"
        )
    shipped = [parcel for parcel in line.parcels if parcel.status == SHIPPED]
    if current is None and len({parcel.tracking_number for parcel in shipped}) > 1:
        raise bad_content(f"Line {line.number} has several packages", "currentTrackingInfo")
    found = [p for p in shipped if current in (None, p.tracking_number)]
    if not found or one.units > sum(parcel.quantity for parcel in found):
        raise bad_content(
            f"Line {line.number} has no such quantity shipped under {current}",
            "currentTrackingInfo",
        )
    return found


def cancel(order: SimulatedOrder, body: object, now: int) -> list[Effect]:
    """Cancel units that have not been shipped."""
    cancellation = bodies.part(body, "orderCancellation")
    lines = bodies.part(cancellation, "orderLines").get("orderLine")
    if isinstance(lines, list) and len(lines) > MOST_CANCELED_LINES:
        text = f"A request can cancel {MOST_CANCELED_LINES} lines at most"
        raise bad_content(text, "orderLine")
    wanted = [(one, _reason(order, one)) for one in bodies.asked(order, cancellation, CANCELLED)]
    _check_units(order, [one for one, _ in wanted], "cancel")
    for one, reason in wanted:
        one.line.move((ACKNOWLEDGED,), Parcel(CANCELLED, one.units, None, reason), now)
    return [Effect("cancel", one.line.number, one.units, reason=reason) for one, reason in wanted]


def _reason(order: SimulatedOrder, one: RequestedUnits) -> str:
    reason = one.status.get("cancellationReason")
    if not isinstance(reason, str) or reason not in CANCELLATION_REASONS[order.market]:
        raise bad_content("Cancellation reason is not supported", "cancellationReason")
    if reason == _REQUESTED and not one.line.intent_to_cancel:
        raise bad_content(f"Line {one.line.number} has no intent to cancel", "cancellationReason")
    return reason


def _check_units(order: SimulatedOrder, wanted: list[RequestedUnits], doing: str) -> None:
    """Check the units of each line; the units of a line that is named twice are added up."""
    units: Counter[str] = Counter()
    for one in wanted:
        units[one.line.number] += one.units
    for number, total in units.items():
        _check_line(order, order.lines[number], total, doing)


def _check_line(order: SimulatedOrder, line: SimulatedLine, units: int, doing: str) -> None:
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


_DAY_MS = 86_400_000
_GRACE_DAYS = {"us": 4, "ca": 7, "mx": 4}
REASON = "AUTO_CANCEL_LATE_SHIPMENT"


def cancel_late(order: SimulatedOrder, now: int) -> list[Effect]:
    """Cancel the open units of a late order. now is in milliseconds since 1970."""
    if now <= order.ship_by + _GRACE_DAYS[order.market] * _DAY_MS:
        return []
    effects = []
    for line in order.lines.values():
        units = line.units(CREATED, ACKNOWLEDGED)
        if units:
            line.move((CREATED, ACKNOWLEDGED), Parcel(CANCELLED, units, None, REASON), now)
            effects.append(Effect("auto_cancelled", line.number, units, reason=REASON))
    return effects
