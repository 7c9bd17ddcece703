"""Snapshot: an order as Walmart shows it in one answer. Every rule compares with it.

An order at Walmart has no status of its own; each line has a status for each quantity of units. A
snapshot holds that, and nothing of Walmart's JSON.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from app.domain.orders.charges import Charges
from app.domain.orders.tracking_key import tracking_key


class UnitStatus(StrEnum):
    """The status of units of a line at Walmart. OTHER is a word that this code does not know."""

    CREATED = "Created"
    ACKNOWLEDGED = "Acknowledged"
    SHIPPED = "Shipped"
    DELIVERED = "Delivered"
    CANCELLED = "Cancelled"
    REFUND = "Refund"
    OTHER = "Other"


OPEN = frozenset({UnitStatus.CREATED, UnitStatus.ACKNOWLEDGED})
# A delivered or refunded unit was shipped, so it counts as shipped (contract, Orders).
WAS_SHIPPED = frozenset({UnitStatus.SHIPPED, UnitStatus.DELIVERED, UnitStatus.REFUND})


@dataclass(frozen=True, slots=True)
class Units:
    """Units of one line with the same status and, once shipped, in the same package."""

    status: UnitStatus
    quantity: int
    tracking_number: str | None = None
    carrier: str | None = None
    cancellation_reason: str | None = None


@dataclass(frozen=True, slots=True)
class LineSnapshot:
    """An order line at Walmart, in whole units."""

    line_number: str
    sku: str
    ordered: int
    units: tuple[Units, ...]
    name: str | None = None
    unit_price: Decimal | None = None
    currency: str | None = None
    charges: Charges | None = None
    """None means that Walmart shows no item price."""
    cancel_requested: bool = False

    def count(self, *statuses: UnitStatus) -> int:
        """Return the units in any of these statuses."""
        return sum(units.quantity for units in self.units if units.status in statuses)

    @property
    def paid(self) -> Charges:
        """What the buyer pays for the line."""
        return self.charges or Charges(items=(self.unit_price or Decimal(0)) * self.ordered)

    @property
    def open(self) -> int:
        """Units that can still be shipped or canceled."""
        return self.count(*OPEN)

    @property
    def shipped(self) -> int:
        """Units that were shipped: now shipped, delivered or refunded."""
        return self.count(*WAS_SHIPPED)

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
        """Shipped units without a tracking number, such as refunded ones."""
        return sum(
            u.quantity for u in self.units if u.status in WAS_SHIPPED and u.tracking_number is None
        )

    def shipped_under(self, tracking_number: str) -> int:
        """Return the units shipped under a tracking number, compared by `tracking_key`."""
        return self._under(tracking_number, WAS_SHIPPED)

    def unknown_under(self, tracking_number: str) -> int:
        """Return the units in an unknown status that have a tracking number."""
        return self._under(tracking_number, frozenset({UnitStatus.OTHER}))

    def _under(self, tracking_number: str, statuses: frozenset[UnitStatus]) -> int:
        key = tracking_key(tracking_number)
        return sum(
            units.quantity
            for units in self.units
            if units.status in statuses
            and units.tracking_number is not None
            and tracking_key(units.tracking_number) == key
        )


@dataclass(frozen=True, slots=True)
class OrderSnapshot:
    """A purchase order as Walmart shows it."""

    purchase_order_id: str
    lines: Mapping[str, LineSnapshot]
    customer_order_id: str | None = None
    ordered_at: datetime | None = None
    ship_by: datetime | None = None
    deliver_by: datetime | None = None
    ship_method: str | None = None
    node_type: str | None = None
    unreadable: tuple[str, ...] = field(default=())
    """Names of what could not be read and does not change the units."""

    @property
    def fulfilled_by_walmart(self) -> bool:
        """Whether Walmart's own warehouses ship the order (WFS); the seller cannot change it."""
        return (self.node_type or "").casefold().startswith("wfs")

    @property
    def created(self) -> bool:
        """Whether a unit waits for its acknowledgement."""
        return any(line.count(UnitStatus.CREATED) for line in self.lines.values())

    @property
    def canceled(self) -> bool:
        """Whether the order has units and all of them are canceled."""
        whole = [max(line.ordered, line.count(*UnitStatus)) for line in self.lines.values()]
        # mutation: missing-units-need-no-cancellation
        return any(whole) and whole == [line.canceled for line in self.lines.values()]

    @property
    def cancel_requested(self) -> tuple[str, ...]:
        """Numbers of the lines that the buyer asked to cancel."""
        return tuple(n for n, line in self.lines.items() if line.cancel_requested)
