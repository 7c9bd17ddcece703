"""Requests as Commerce sends them, before any rule has checked them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class RequestedItem:
    """Units to ship. Exactly one of the line number, the SKU and the Commerce item id is set."""

    quantity: int
    line_number: str | None = None
    sku: str | None = None
    commerce_item_id: int | None = None


@dataclass(frozen=True, slots=True)
class ShipRequest:
    """One package that was shipped."""

    carrier_code: str
    tracking_number: str
    carrier_title: str | None = None
    tracking_url: str | None = None
    shipped_at: datetime | None = None
    """None means now."""
    method_code: str | None = None
    """None means the order's own ship method."""
    reference: str | None = None
    override_cancel_request: bool = False
    """Ship lines that the buyer asked to cancel, too."""
    items: tuple[RequestedItem, ...] | None = None
    """None means all units that remain."""
    # Not a part of the content that is compared under a reference.
    pointer: str = field(default="", repr=False, compare=False)
    """JSON pointer of the package, where a request has several."""


@dataclass(frozen=True, slots=True)
class StockLevel:
    """The stock level of a SKU."""

    sku: str
    quantity: int | None
    """None means that Commerce is asked when the level is sent to Walmart."""
    ship_node: str | None = None


@dataclass(frozen=True, slots=True)
class CancelRequest:
    """The cancellation of a whole order."""

    reason: str
    """A code of `cancellation.Reason`. Empty means that none was given, and there is no default."""
    comment: str | None = None
    inventory: tuple[StockLevel, ...] = ()
    by_default: bool = False
    """The reason is the store's default, which replaces none that was given before."""


@dataclass(frozen=True, slots=True)
class TrackingCorrection:
    """New values of a shipment. None means that a field stays."""

    carrier_code: str | None = None
    carrier_title: str | None = None
    tracking_number: str | None = None
    tracking_url: str | None = None
    method_code: str | None = None
    shipped_at: datetime | None = None


# A store's own carrier mapping: Commerce carrier codes to Walmart's, or to a name and URL template.
CarrierMap = Mapping[str, str | Mapping[str, str | None]]
