"""What Commerce asks for, before any rule has looked at it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class RequestedItem:
    """Units to ship, of a line named by exactly one of its number, SKU or Commerce item."""

    quantity: int
    line_number: str | None = None
    sku: str | None = None
    commerce_item_id: int | None = None


@dataclass(frozen=True, slots=True)
class ShipRequest:
    """One package that left.

    items None means everything that remains; shipped_at None means now.
    """

    carrier_code: str
    tracking_number: str
    carrier_title: str | None = None
    tracking_url: str | None = None
    shipped_at: datetime | None = None
    method_code: str | None = None
    reference: str | None = None
    override_cancel_request: bool = False
    items: tuple[RequestedItem, ...] | None = None


@dataclass(frozen=True, slots=True)
class StockLevel:
    """How many units of a SKU Commerce has to sell; None: it is asked when Walmart is told."""

    sku: str
    quantity: int | None
    ship_node: str | None = None


@dataclass(frozen=True, slots=True)
class CancelRequest:
    """Cancel the whole order, with one of the reasons of `domain/orders/cancellation.py`."""

    reason: str
    comment: str | None = None
    inventory: tuple[StockLevel, ...] = ()


@dataclass(frozen=True, slots=True)
class TrackingCorrection:
    """New carrier, number or URL of a shipment; None leaves a field as it is."""

    carrier_code: str | None = None
    carrier_title: str | None = None
    tracking_number: str | None = None
    tracking_url: str | None = None


CarrierMap = Mapping[str, str | Mapping[str, str | None]]
