"""Request bodies: parses a shipment or a cancellation, or raises Walmart's 400."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request

from app.simulator.errors import ORDERS, BadInput, bad_content, order_error
from app.simulator.names import CARRIERS, SHIP_METHODS
from app.simulator.orders import SimulatedLine, SimulatedOrder

LONGEST_SELLER_ORDER_ID = 30
# The seller's clock may run a little ahead of Walmart's.
_CLOCK_SKEW_MS = 600_000
# Tuples are searched where JSON may hold what cannot be hashed.
_UNITS = ("EACH", "EA")
_MOST_UNITS = 1_000_000
_KEPT = ("shipDateTime", "carrierName", "methodCode", "trackingNumber", "trackingURL")


@dataclass(frozen=True, slots=True)
class RequestedUnits:
    """Units of a line in a request; override is intentToCancelOverride."""

    line: SimulatedLine
    units: int
    status: Mapping[str, Any]
    override: bool


def parse(body: bytes) -> Any:  # noqa: ANN401 - any JSON
    """Decode the JSON of a request. Raises 400 for anything else."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        text = "Request body is not valid JSON"
        raise order_error(400, f"MALFORMED_REQUEST_CONTENT.{ORDERS}", text) from error


def part(body: object, name: str) -> Mapping[str, Any]:
    """Return the object with this name. Raises 400 if there is none."""
    found = body.get(name) if isinstance(body, Mapping) else None
    if not isinstance(found, Mapping):
        raise bad_content(f"{name} is missing", name)
    return found


def asked(order: SimulatedOrder, wanted: Mapping[str, Any], status: str) -> list[RequestedUnits]:
    """Return the units requested of each line; every entry must have the given status."""
    found = list(_asked(order, wanted, status))
    if not found:
        raise bad_content("orderLine is missing", "orderLine")
    return found


def _asked(
    order: SimulatedOrder, wanted: Mapping[str, Any], status: str
) -> Iterator[RequestedUnits]:
    for entry in listed(part(wanted, "orderLines"), "orderLine"):
        line = order.lines.get(str(entry.get("lineNumber")))
        if line is None:
            raise bad_content(f"Line {entry.get('lineNumber')} is not in the PO", "lineNumber")
        seller_order = entry.get("sellerOrderId")
        if seller_order is not None and len(str(seller_order)) > LONGEST_SELLER_ORDER_ID:
            raise bad_content(f"sellerOrderId is too long in line {line.number}", "sellerOrderId")
        # Walmart's global API types the flag as a text.
        override = str(entry.get("intentToCancelOverride")).lower() == "true"
        for each in listed(part(entry, "orderLineStatuses"), "orderLineStatus"):
            if each.get("status") != status:
                raise bad_content(f"Status must be {status}", "status")
            yield RequestedUnits(line, _quantity(each), each, override)


def listed(holder: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    """Return the objects of a list, or the one. Raises 400 for none and for anything else."""
    found = holder.get(name)
    several = found if isinstance(found, list) else [found]
    objects = [each for each in several if isinstance(each, Mapping)]
    if not objects or len(objects) < len(several):
        raise bad_content(f"{name} is missing", name)
    return objects


def _quantity(status: Mapping[str, Any]) -> int:
    quantity = part(status, "statusQuantity")
    amount = quantity.get("amount")
    if quantity.get("unitOfMeasurement") not in _UNITS:
        raise bad_content("Unit of measurement must be EACH or EA", "unitOfMeasurement")
    digits = isinstance(amount, str) and amount.isascii() and amount.isdecimal()
    # The length is checked first: Python refuses to convert thousands of digits.
    if not digits or len(str(amount)) > len(str(_MOST_UNITS)) or int(str(amount)) < 1:
        raise bad_content(f"Quantity {str(amount)[:20]} is invalid", "statusQuantity")
    return int(str(amount))


def package(one: RequestedUnits, order: SimulatedOrder, now: int) -> dict[str, Any]:
    """Check the tracking of a package as Walmart does. now is in milliseconds since 1970."""
    where = f"in line number {one.line.number}"
    info = one.status.get("trackingInfo")
    if not isinstance(info, Mapping):
        raise bad_content(f"trackingInfo is missing {where}", "trackingInfo")
    for field, fits, complaint in _CHECKS:
        if not fits(info):
            raise bad_content(f"{complaint} {where}", field)
    at = info.get("shipDateTime")
    if type(at) is not int or not order.ordered_at <= at <= now + _CLOCK_SKEW_MS:
        raise bad_content(f"Ship date is out of range {where}", "shipDateTime")
    return {name: info[name] for name in _KEPT if info.get(name) is not None}


def _one_carrier(info: Mapping[str, Any]) -> bool:
    carrier = info.get("carrierName")
    if not isinstance(carrier, Mapping) or len(carrier) != 1:
        return False
    return all(isinstance(name, str) and name.strip() for name in carrier.values())


def _known_carrier(info: Mapping[str, Any]) -> bool:
    return "otherCarrier" in info["carrierName"] or info["carrierName"].get("carrier") in CARRIERS


def _linked(info: Mapping[str, Any]) -> bool:
    link = info.get("trackingURL")
    if link is None:
        return "otherCarrier" not in info["carrierName"]
    return isinstance(link, str) and link.startswith(("http://", "https://"))


def _method(info: Mapping[str, Any]) -> bool:
    return isinstance(info.get("methodCode"), str) and info["methodCode"] in SHIP_METHODS


def _numbered(info: Mapping[str, Any]) -> bool:
    number = info.get("trackingNumber")
    return isinstance(number, str) and number.isascii() and number.isalnum()


_CHECKS: tuple[tuple[str, Callable[[Mapping[str, Any]], bool], str], ...] = (
    ("carrierName", _one_carrier, "One of carrier and otherCarrier is needed"),
    ("carrierName", _known_carrier, "Carrier is not supported"),
    ("trackingURL", _linked, "Tracking URL is required"),
    ("methodCode", _method, "Method code is not supported"),
    ("trackingNumber", _numbered, "Tracking number is invalid"),
)


async def admin_body(request: Request) -> dict[str, Any]:
    """Return the JSON object of a request under /simulator, empty without a body.

    Raises BadInput for any other body.
    """
    body = await request.body()
    try:
        decoded = json.loads(body or b"{}")
    except (ValueError, RecursionError):
        raise BadInput("the body is not JSON") from None
    if not isinstance(decoded, dict):
        raise BadInput("the body is not a JSON object")
    return decoded


def number(wanted: dict[str, Any], name: str) -> float:
    """Return a number of a request under /simulator. Raises BadInput for anything else."""
    number = wanted.get(name)
    if not isinstance(number, int | float) or isinstance(number, bool):
        raise BadInput(f"{name} must be a number")
    return float(number)


def text(wanted: dict[str, Any], name: str) -> str:
    """Return a text of a request under /simulator. Raises BadInput for anything else."""
    text = wanted.get(name)
    if not isinstance(text, str) or not text:
        raise BadInput(f"{name} must be a text")
    return text
