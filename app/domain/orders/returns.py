"""Buyers' returns as Walmart shows them, and a refund as it is asked for."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from app.domain.orders.order import Money

# Closed is what no refund answers: it was canceled, or the buyer gets the item anew.
RECEIVED, REFUNDED, ERROR, CLOSED = "received", "refunded", "error", "closed"
REFUND, REPLACEMENT = "refund", "replacement"
# Walmart refunds by itself so long after a return has arrived.
REFUND_WITHIN = timedelta(hours=48)


@dataclass(frozen=True, slots=True)
class ReturnLine:
    """A line of a return: whole units that the buyer sends back, and those refunded by now.

    number is the return's own; line_number that of the purchase order, of which a return may
    hold several. canceled: units that the buyer keeps after all.
    """

    number: int
    line_number: str
    sku: str
    quantity: int
    refunded: int = 0
    name: str | None = None
    reason: str | None = None
    purchase_order_id: str | None = None
    canceled: int = 0

    @property
    def left(self) -> int:
        """Units that may still be refunded."""
        return max(self.quantity - self.refunded - self.canceled, 0)


@dataclass(frozen=True, slots=True)
class Return:
    """A return order of Walmart's; its number is the RMA number.

    purchase_order_id: that of its first line. arrived_at: when the first of it was received.
    """

    return_order_id: str
    customer_order_id: str
    lines: tuple[ReturnLine, ...]
    purchase_order_id: str | None = None
    requested_at: datetime | None = None
    return_by: datetime | None = None
    amount: Money | None = None
    return_type: str = REFUND
    arrived_at: datetime | None = None

    def line(self, number: int) -> ReturnLine | None:
        """The line of that number, if the return has it."""
        return next((line for line in self.lines if line.number == number), None)

    def order_of(self, line: ReturnLine) -> str | None:
        """The purchase order that a line is of."""
        return line.purchase_order_id or self.purchase_order_id

    def lines_of(self, purchase_order_id: str) -> tuple[ReturnLine, ...]:
        """Its lines that are of a purchase order."""
        return tuple(line for line in self.lines if self.order_of(line) == purchase_order_id)

    @property
    def purchase_orders(self) -> tuple[str, ...]:
        """The purchase orders it is of, that of the first line first."""
        numbers = (self.purchase_order_id, *map(self.order_of, self.lines))
        return tuple(dict.fromkeys(number for number in numbers if number is not None))

    @property
    def refund_by(self) -> datetime | None:
        """When Walmart refunds it by itself; not known before it has arrived."""
        waits = self.arrived_at is not None and self.return_type == REFUND
        return self.arrived_at + REFUND_WITHIN if waits and self.arrived_at else None

    @property
    def canceled(self) -> bool:
        """Whether it was canceled, all of it."""
        return any(line.canceled for line in self.lines) and not any(
            line.left or line.refunded for line in self.lines
        )

    @property
    def refunded(self) -> bool:
        """Whether every unit of it that is not canceled is refunded."""
        return any(line.refunded for line in self.lines) and not any(
            line.left for line in self.lines
        )

    @property
    def closed(self) -> bool:
        """Whether no refund answers it."""
        return not self.refunded and (self.canceled or self.return_type == REPLACEMENT)


@dataclass(frozen=True, slots=True)
class RefundItem:
    """Units of a return's line to refund, and how many of it shall be refunded in the end.

    ahead: units of the line that other refunds still wanted when this one was accepted, by their
    updates; the target counts on them.
    """

    number: int
    quantity: int
    target: int
    ahead: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RefundRequest:
    """Units to refund by the return's line number; items None means all that is left.

    purchase_order_id: only what is left of this order, where the return is of several.
    """

    items: tuple[tuple[int, int], ...] | None = None
    comment: str | None = None
    purchase_order_id: str | None = None
