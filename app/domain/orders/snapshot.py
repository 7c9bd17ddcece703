"""What Walmart says an order is right now: the one picture every decision is compared with.

A Walmart order has no status of its own; each line carries, per quantity, the status
those units are in. A snapshot keeps exactly that and nothing about how it travelled.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum


class UnitStatus(StrEnum):
    """The status Walmart gives to some units of a line; a word it may add later is OTHER."""

    CREATED = "Created"
    ACKNOWLEDGED = "Acknowledged"
    SHIPPED = "Shipped"
    DELIVERED = "Delivered"
    CANCELLED = "Cancelled"
    REFUND = "Refund"
    OTHER = "Other"


OPEN = frozenset({UnitStatus.CREATED, UnitStatus.ACKNOWLEDGED})
# A delivered or refunded unit left the warehouse, so it counts as shipped (contract, Orders).
GONE = frozenset({UnitStatus.SHIPPED, UnitStatus.DELIVERED, UnitStatus.REFUND})


def tracking_key(number: str) -> str:
    """The form in which two tracking numbers are compared: no spaces, no hyphens, upper case."""
    return number.replace(" ", "").replace("-", "").upper()


@dataclass(frozen=True, slots=True)
class Units:
    """Some units of one line that share a status (and, once shipped, a package)."""

    status: UnitStatus
    quantity: int
    tracking_number: str | None = None
    carrier: str | None = None
    cancellation_reason: str | None = None


@dataclass(frozen=True, slots=True)
class LineSnapshot:
    """One order line at Walmart. Quantities are whole units."""

    line_number: str
    sku: str
    ordered: int
    units: tuple[Units, ...]
    name: str | None = None
    unit_price: Decimal | None = None
    currency: str | None = None
    cancel_requested: bool = False

    def count(self, *statuses: UnitStatus) -> int:
        """Units that are in any of these statuses."""
        return sum(units.quantity for units in self.units if units.status in statuses)

    @property
    def open(self) -> int:
        """Units that can still be shipped or canceled."""
        return self.count(*OPEN)

    @property
    def shipped(self) -> int:
        """Units that left: shipped, delivered or refunded."""
        return self.count(*GONE)

    @property
    def canceled(self) -> int:
        """Units Walmart has canceled."""
        return self.count(UnitStatus.CANCELLED)

    @property
    def refunded(self) -> int:
        """Units Walmart shows as refunded."""
        return self.count(UnitStatus.REFUND)

    @property
    def unnumbered(self) -> int:
        """Units that left and bear no tracking number, as refunded ones do."""
        return sum(u.quantity for u in self.units if u.status in GONE and u.tracking_number is None)

    def shipped_under(self, tracking_number: str) -> int:
        """Units that left under this tracking number, however it was typed."""
        key = tracking_key(tracking_number)
        return sum(
            units.quantity
            for units in self.units
            if units.status in GONE
            and units.tracking_number is not None
            and tracking_key(units.tracking_number) == key
        )


@dataclass(frozen=True, slots=True)
class OrderSnapshot:
    """One purchase order at Walmart."""

    purchase_order_id: str
    lines: Mapping[str, LineSnapshot]
    customer_order_id: str | None = None
    ordered_at: datetime | None = None
    ship_by: datetime | None = None
    deliver_by: datetime | None = None
    ship_method: str | None = None
    node_type: str | None = None
    unreadable: tuple[str, ...] = field(default=())

    @property
    def fulfilled_by_walmart(self) -> bool:
        """Walmart's own warehouses ship it (WFS); the seller can change nothing of it."""
        return (self.node_type or "").casefold().startswith("wfs")

    @property
    def created(self) -> bool:
        """Some unit still waits for its acknowledgement."""
        return any(line.count(UnitStatus.CREATED) for line in self.lines.values())

    @property
    def canceled(self) -> bool:
        """There are units, and every one of them is canceled."""
        whole = [max(line.ordered, line.count(*UnitStatus)) for line in self.lines.values()]
        return any(whole) and whole == [line.canceled for line in self.lines.values()]

    @property
    def cancel_requested(self) -> tuple[str, ...]:
        """Numbers of the lines whose buyer asked for a cancellation."""
        return tuple(n for n, line in self.lines.items() if line.cancel_requested)
