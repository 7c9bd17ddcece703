"""What an order is at Walmart: lines whose units are each in a status, some in a package."""

from dataclasses import dataclass, field, replace
from typing import Any

CREATED, ACKNOWLEDGED = "Created", "Acknowledged"
SHIPPED, DELIVERED, CANCELLED = "Shipped", "Delivered", "Cancelled"
SELLER_FULFILLED, WFS_FULFILLED = "SellerFulfilled", "WFSFulfilled"
REFUNDED = "Refund"
OPEN = (CREATED, ACKNOWLEDGED)
STATUSES = (CREATED, ACKNOWLEDGED, SHIPPED, DELIVERED, CANCELLED)


@dataclass(slots=True)
class Parcel:
    """Units of a line in one status; tracking once they are shipped, reason once canceled."""

    status: str
    quantity: int
    tracking: dict[str, Any] | None = None
    reason: str | None = None

    @property
    def tracking_number(self) -> str | None:
        """Under which number they went, if they did."""
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
    """A line of an order; its parcels' quantities always add up to its own."""

    number: str
    sku: str
    name: str
    quantity: int
    unit_price: float
    parcels: list[Parcel] = field(default_factory=list)
    intent_to_cancel: bool = False
    changed_at: int = 0
    first_shipped_at: int | None = None

    def units(self, *statuses: str) -> int:
        """Units in any of these statuses."""
        return sum(parcel.quantity for parcel in self.parcels if parcel.status in statuses)

    def move(self, source: tuple[str, ...], parcel: Parcel, now: int) -> None:
        """Take a parcel's units out of some statuses and put them where the parcel says."""
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
    """A purchase order. Times are milliseconds since 1970, as Walmart gives them."""

    purchase_order_id: str
    customer_order_id: str
    ordered_at: int
    ship_by: int
    deliver_by: int
    ship_method: str
    lines: dict[str, SimulatedLine]
    # Who ships it: the seller, or Walmart's own warehouses (WFS).
    node_type: str = SELLER_FULFILLED
    # us, ca or mx.
    market: str = "us"
    # Its quantities cannot be read, as happens to Walmart now and then.
    garbled: bool = False

    @property
    def changed_at(self) -> int:
        """When anything of it changed last."""
        return max(line.changed_at for line in self.lines.values())

    def copy(self) -> "SimulatedOrder":
        """The order as it is now; later changes leave the copy alone."""
        lines = {
            number: replace(line, parcels=[replace(parcel) for parcel in line.parcels])
            for number, line in self.lines.items()
        }
        return replace(self, lines=lines)
