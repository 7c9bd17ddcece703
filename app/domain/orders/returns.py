"""Returns as Walmart shows them, and requests to refund them."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from app.domain.orders.order import Money

# A closed return cannot be refunded: it was canceled, or the buyer gets a replacement.
RECEIVED, REFUNDED, ERROR, CLOSED = "received", "refunded", "error", "closed"
REFUND, REPLACEMENT = "refund", "replacement"
# Walmart refunds a return by itself so long after it has arrived.
REFUND_WITHIN = timedelta(hours=48)


@dataclass(frozen=True, slots=True)
class ReturnLine:
    """A line of a return, in whole units."""

    number: int
    """Number of the line within the return."""
    line_number: str
    """Number of the line within its purchase order."""
    sku: str
    quantity: int
    """Units that the buyer sends back."""
    refunded: int = 0
    name: str | None = None
    reason: str | None = None
    purchase_order_id: str | None = None
    """The purchase order of this line. None means that of the return."""
    canceled: int = 0
    """Units that the buyer keeps after all."""

    @property
    def left(self) -> int:
        """Units that may still be refunded."""
        return max(self.quantity - self.refunded - self.canceled, 0)

    def with_refunded(self, known: int) -> "ReturnLine":
        """Return the line with at least the refunded units that are known."""
        refunded = max(self.refunded, known)
        canceled = min(self.canceled, max(self.quantity - refunded, 0))
        return replace(self, refunded=refunded, canceled=canceled)


@dataclass(frozen=True, slots=True)
class Return:
    """A return order at Walmart; it may contain lines of several purchase orders."""

    return_order_id: str
    """The RMA number."""
    customer_order_id: str
    lines: tuple[ReturnLine, ...]
    purchase_order_id: str | None = None
    """The purchase order of the first line."""
    requested_at: datetime | None = None
    return_by: datetime | None = None
    amount: Money | None = None
    return_type: str = REFUND
    arrived_at: datetime | None = None
    """When the first units were received. None means that none were."""

    def line(self, number: int) -> ReturnLine | None:
        """Return the line with this number. None means that the return has no such line."""
        return next((line for line in self.lines if line.number == number), None)

    def order_of(self, line: ReturnLine) -> str | None:
        """Return the purchase order of a line."""
        # mutation: refund-order-of-line
        return line.purchase_order_id or self.purchase_order_id

    def lines_of(self, purchase_order_id: str) -> tuple[ReturnLine, ...]:
        """Return the lines of a purchase order."""
        return tuple(line for line in self.lines if self.order_of(line) == purchase_order_id)

    @property
    def purchase_orders(self) -> tuple[str, ...]:
        """The purchase orders of all lines, that of the first line first."""
        numbers = (self.purchase_order_id, *map(self.order_of, self.lines))
        return tuple(dict.fromkeys(number for number in numbers if number is not None))

    @property
    def refund_by(self) -> datetime | None:
        """When Walmart refunds by itself. None means that the return has not arrived."""
        if self.arrived_at is None or self.return_type != REFUND:
            return None
        return self.arrived_at + REFUND_WITHIN

    @property
    def canceled(self) -> bool:
        """Whether all of it was canceled."""
        return any(line.canceled for line in self.lines) and not any(
            line.left or line.refunded for line in self.lines
        )

    @property
    def refunded(self) -> bool:
        """Whether every unit that is not canceled is refunded."""
        return any(line.refunded for line in self.lines) and not any(
            line.left for line in self.lines
        )

    @property
    def closed(self) -> bool:
        """Whether it can no longer be refunded, and was not."""
        return not self.refunded and (self.canceled or self.return_type == REPLACEMENT)


@dataclass(frozen=True, slots=True)
class RefundItem:
    """Units of a return line to refund."""

    number: int
    quantity: int
    target: int
    """How many units of the line are refunded in the end."""
    ahead: Mapping[str, int] = field(default_factory=dict)
    """Units that earlier refunds still wanted when this one was accepted, by update id.

    The target includes them.
    """


@dataclass(frozen=True, slots=True)
class RefundRequest:
    """A request to refund a return."""

    items: tuple[tuple[int, int], ...] | None = None
    """Pairs of a return line number and units. None means all that is left."""
    comment: str | None = None
    purchase_order_id: str | None = None
    """Limits a refund without items to the lines of this order. None means every order."""
