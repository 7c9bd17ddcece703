"""Request bodies for Walmart: shipments, tracking corrections and cancellations.

Their shapes follow Walmart's OpenAPI document of the orders API (US marketplace, June 2026). The
samples of its guide pages differ from it and are wrong.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from app.domain.orders.snapshot import UnitStatus
from app.domain.orders.tracking_key import tracking_key
from app.walmart.carriers import WalmartCarrier
from app.walmart.json_values import UnreadableOrder, decimal
from app.walmart.markets import CODES
from app.walmart.order_parser import read_order_body

__all__ = [
    "ShipLine",
    "UnreadableOrder",
    "cancellation_body",
    "read_order_body",
    "shipping_body",
    "stock_of",
    "tracking_body",
]

_SELLER_ORDER_ID_MAX = 30


@dataclass(frozen=True, slots=True)
class ShipLine:
    """Whole units of one order line."""

    line_number: str
    quantity: int


def shipping_body(
    *,
    lines: Sequence[ShipLine],
    seller_order_id: str,
    shipped_at: datetime,
    carrier: WalmartCarrier,
    method_code: str,
    tracking_number: str,
    tracking_url: str | None,
    override_cancel_request: bool,
) -> dict[str, object]:
    """Return the body for one package: units of lines with one carrier and tracking number.

    shipped_at is an aware time. override_cancel_request ships lines that the buyer asked to cancel.
    Raises ValueError for no lines, a line named twice, less than one unit, no carrier or two, and
    for a carrier outside Walmart's list without a URL.
    """
    package = _package(shipped_at, carrier, method_code, tracking_number, tracking_url)
    order_lines = [
        {
            "lineNumber": line.line_number,
            "intentToCancelOverride": override_cancel_request,
            "sellerOrderId": seller_order_id[:_SELLER_ORDER_ID_MAX],
            **_statuses(_shipped(line, package)),
        }
        for line in _checked(lines)
    ]
    return {"orderShipment": {"orderLines": {"orderLine": order_lines}}}


def tracking_body(
    *,
    lines: Sequence[ShipLine],
    seller_order_id: str,
    shipped_at: datetime,
    carrier: WalmartCarrier,
    method_code: str,
    current_tracking_number: str,
    tracking_number: str,
    tracking_url: str | None,
) -> dict[str, object]:
    """Return the body that corrects the carrier, number or URL of a shipped package.

    Walmart takes it for 4 hours after the first shipping call. Raises like `shipping_body`.
    """
    package = _package(shipped_at, carrier, method_code, tracking_number, tracking_url)
    current = {"trackingNumber": tracking_key(current_tracking_number)}
    order_lines = [
        {
            "lineNumber": line.line_number,
            "sellerOrderId": seller_order_id[:_SELLER_ORDER_ID_MAX],
            **_statuses(_shipped(line, package) | {"currentTrackingInfo": current}),
        }
        for line in _checked(lines)
    ]
    edited = {"processMode": "PARTIAL_UPDATE", "orderLines": {"orderLine": order_lines}}
    return {"orderShipment": edited}


def cancellation_body(*, lines: Sequence[ShipLine], reason: str) -> dict[str, object]:
    """Return the body that cancels units. reason is Walmart's code; every line must be named.

    Raises ValueError like `shipping_body`, and for an unknown reason.
    """
    if reason not in CODES:
        raise ValueError(f"{reason!r} is not one of Walmart's cancellation reasons")
    order_lines = [
        {
            "lineNumber": line.line_number,
            **_statuses(
                {
                    "status": UnitStatus.CANCELLED.value,
                    "cancellationReason": reason,
                    "statusQuantity": _quantity(line),
                }
            ),
        }
        for line in _checked(lines)
    ]
    return {"orderCancellation": {"orderLines": {"orderLine": order_lines}}}


def _checked(lines: Sequence[ShipLine]) -> Sequence[ShipLine]:
    numbers = {line.line_number for line in lines}
    if not lines or len(numbers) != len(lines):
        raise ValueError("at least one line is needed, and each line once")
    if any(line.quantity < 1 for line in lines):
        raise ValueError("each line needs at least one unit")
    return lines


def _package(
    shipped_at: datetime,
    carrier: WalmartCarrier,
    method_code: str,
    tracking_number: str,
    tracking_url: str | None,
) -> dict[str, object]:
    if bool(carrier.carrier) == bool(carrier.other):
        raise ValueError("a carrier is either one of Walmart's or another one, by name")
    if carrier.other and not tracking_url:
        raise ValueError("another carrier needs a tracking URL")
    name = {"carrier": carrier.carrier} if carrier.carrier else {"otherCarrier": carrier.other}
    package: dict[str, object] = {
        "shipDateTime": round(shipped_at.timestamp() * 1000),
        "carrierName": name,
        "methodCode": method_code,
        "trackingNumber": tracking_key(tracking_number),
    }
    return package | {"trackingURL": tracking_url} if tracking_url else package


def _shipped(line: ShipLine, package: Mapping[str, object]) -> dict[str, object]:
    return {
        "status": UnitStatus.SHIPPED.value,
        "statusQuantity": _quantity(line),
        "trackingInfo": dict(package),
    }


def _statuses(status: Mapping[str, object]) -> dict[str, object]:
    return {"orderLineStatuses": {"orderLineStatus": [dict(status)]}}


def _quantity(line: ShipLine) -> dict[str, str]:
    return {"unitOfMeasurement": "EACH", "amount": str(line.quantity)}


def stock_of(payload: object) -> int | None:
    """Read the stock level in an answer of the inventory API. None means that it has none."""
    quantity = payload.get("quantity") if isinstance(payload, Mapping) else None
    amount = decimal(quantity.get("amount")) if isinstance(quantity, Mapping) else None
    return None if amount is None else int(amount)
