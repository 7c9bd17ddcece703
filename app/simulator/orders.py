"""The simulated order: lines, with units in a status and, once shipped, in a package."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

CREATED, ACKNOWLEDGED = "Created", "Acknowledged"
SHIPPED, DELIVERED, CANCELLED = "Shipped", "Delivered", "Cancelled"
SELLER_FULFILLED, WFS_FULFILLED = "SellerFulfilled", "WFSFulfilled"
REFUNDED = "Refund"
OPEN = (CREATED, ACKNOWLEDGED)
STATUSES = (CREATED, ACKNOWLEDGED, SHIPPED, DELIVERED, CANCELLED)


@dataclass(slots=True)
class Parcel:
    """Units of a line in one status."""

    status: str
    quantity: int
    tracking: dict[str, Any] | None = None
    """Set once the units are shipped."""
    reason: str | None = None
    """Set once the units are canceled."""

    @property
    def tracking_number(self) -> str | None:
        """The tracking number. None means that the units are not shipped."""
        number: str | None = (self.tracking or {}).get("trackingNumber")
        return number

    def like(self, other: "Parcel") -> bool:
        """Whether Walmart shows the two as one entry."""
        return (self.status, self.tracking, self.reason) == (
            other.status,
            other.tracking,
            other.reason,
        )


@dataclass(slots=True)
class SimulatedLine:
    """A line of an order; the quantities of its parcels always add up to its own."""

    number: str
    sku: str
    name: str
    quantity: int
    unit_price: float
    parcels: list[Parcel] = field(default_factory=list)
    intent_to_cancel: bool = False
    changed_at: int = 0
    first_shipped_at: int | None = None
    charges: Sequence[Mapping[str, Any]] = ()
    """Charges beside the item price, as Walmart shows them."""
    refunded_amount: Decimal = Decimal(0)
    """Of the item price, by refunds of amounts."""
    refunds: Sequence[Mapping[str, Any]] = ()
    """Refunds of amounts, as they were requested."""

    def units(self, *statuses: str) -> int:
        """Return the units in any of these statuses."""
        return sum(parcel.quantity for parcel in self.parcels if parcel.status in statuses)

    def move(self, source: tuple[str, ...], parcel: Parcel, now: int) -> None:
        """Move a parcel's units from the source statuses to the parcel."""
        left = parcel.quantity
        for held in self.parcels:
            if held.status in source and left:
                taken = min(held.quantity, left)
                held.quantity -= taken
                left -= taken
        self.parcels = [held for held in self.parcels if held.quantity]
        self._add(parcel)
        self.changed_at = now
        if parcel.status == SHIPPED and self.first_shipped_at is None:
            self.first_shipped_at = now

    def _add(self, parcel: Parcel) -> None:
        for held in self.parcels:
            if held.like(parcel):
                held.quantity += parcel.quantity
                return
        self.parcels.insert(0, parcel)


@dataclass(slots=True)
class SimulatedOrder:
    """A purchase order. Times are milliseconds since 1970, as at Walmart."""

    purchase_order_id: str
    customer_order_id: str
    ordered_at: int
    ship_by: int
    deliver_by: int
    ship_method: str
    lines: dict[str, SimulatedLine]
    node_type: str = SELLER_FULFILLED
    """Shipped by the seller, or by Walmart's own warehouses (WFS)."""
    market: str = "us"
    """us, ca or mx."""
    garbled: bool = False
    """Its quantities cannot be read, as happens at Walmart at times."""
    words: Mapping[str, str] = field(default_factory=dict)
    """Other words for statuses, as if Walmart had renamed them."""

    @property
    def changed_at(self) -> int:
        """When a line changed last."""
        return max(line.changed_at for line in self.lines.values())

    def copy(self) -> "SimulatedOrder":
        """Return a copy that later changes do not affect."""
        lines = {
            number: replace(line, parcels=[replace(parcel) for parcel in line.parcels])
            for number, line in self.lines.items()
        }
        return replace(self, lines=lines)
