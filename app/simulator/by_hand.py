"""Changes of an order outside the orders API: by the buyer, or by a person in Seller Center."""

from collections.abc import Iterator, Mapping
from typing import Any

from app.simulator.errors import BadInput
from app.simulator.ledger import Effect
from app.simulator.orders import CANCELLED, OPEN, Parcel, SimulatedLine, SimulatedOrder

_REASON, _CARRIER, _NUMBER = "SELLER_CANCEL_OUT_OF_STOCK", "UPS", "BYHAND"


def move(order: SimulatedOrder, status: str, wanted: object, now: int) -> list[Effect]:
    """Ship or cancel units; without lines, every open unit. Raises BadInput.

    At most the open units are moved; more are not refused. now is in milliseconds since 1970.
    """
    effects = []
    for line, each in list(_asked(order, wanted)):
        units = min(_units(each, line), line.units(*OPEN))
        if units:
            parcel = _parcel(order, status, units, each, now)
            line.move(OPEN, parcel, now)
            effects.append(
                Effect(
                    f"{status.lower()}_by_hand",
                    line.number,
                    units,
                    parcel.tracking_number,
                    parcel.reason,
                )
            )
    return effects


def want_to_cancel(order: SimulatedOrder, wanted: object, now: int) -> None:
    """Record the buyer's cancel request for lines, given by number; without any, for all."""
    numbers = wanted or list(order.lines)
    if not isinstance(numbers, list):
        raise BadInput("lines is a list of line numbers")
    for line in [_line(order, number) for number in numbers]:
        line.intent_to_cancel, line.changed_at = True, now


def _asked(
    order: SimulatedOrder, wanted: object
) -> Iterator[tuple[SimulatedLine, Mapping[str, Any]]]:
    if wanted is not None and not isinstance(wanted, list):
        raise BadInput("lines is a list of lines")
    for each in wanted or [{"line_number": number} for number in order.lines]:
        if not isinstance(each, Mapping):
            raise BadInput("a line is an object with a line_number")
        _units(each, line := _line(order, each.get("line_number")))
        yield line, each


def _line(order: SimulatedOrder, number: object) -> SimulatedLine:
    line = order.lines.get(str(number))
    if line is None:
        raise BadInput(f"there is no line {number}")
    return line


def _units(wanted: Mapping[str, Any], line: SimulatedLine) -> int:
    units = wanted.get("quantity", line.quantity)
    if type(units) is not int or units < 1:
        raise BadInput("quantity is a whole number from 1 on")
    return units


def _parcel(
    order: SimulatedOrder, status: str, units: int, wanted: Mapping[str, Any], now: int
) -> Parcel:
    if status == CANCELLED:
        return Parcel(CANCELLED, units, None, str(wanted.get("reason") or _REASON))
    tracking = {
        "shipDateTime": now,
        "carrierName": {"carrier": str(wanted.get("carrier") or _CARRIER)},
        "methodCode": order.ship_method,
        "trackingNumber": str(wanted.get("tracking_number") or _NUMBER),
    }
    return Parcel(status, units, tracking)
