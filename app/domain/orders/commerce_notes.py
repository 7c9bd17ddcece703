"""Notes for the history of Commerce's order, about changes that were made at Walmart."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from app.domain.orders.cancellation import LABELS, Reason
from app.domain.orders.order import Order, Task
from app.domain.orders.snapshot import OrderSnapshot
from app.domain.update import Kind


@dataclass(frozen=True, slots=True)
class Note:
    """A note for Commerce."""

    text: str
    """A comment in the order's history."""
    payment: str | None = None
    """A line of the payment information. None means no line."""


def notes(before: Order, after: Order, snapshot: OrderSnapshot) -> Iterator[Note]:
    """Describe what a read changed: units canceled at Walmart, and the buyer's cancel requests."""
    units = _newly_canceled(before, after)
    if units:
        reason = _reason(after, snapshot, units)
        what = ", ".join(f"{count} of {_sku(after, number)}" for number, count in units.items())
        because = f" Reason: {reason}." if reason else ""
        yield Note(
            f"Canceled at Walmart: {what} (order {after.purchase_order_id}).{because}",
            f"Cancellation Reason: {reason}" if reason else None,
        )
    requested = [each for each in after.cancel_requested if each not in before.cancel_requested]
    if requested:
        what = ", ".join(_sku(after, number) for number in requested)
        text = f"The buyer asked Walmart to cancel {what} (order {after.purchase_order_id})."
        yield Note(text)


def _newly_canceled(before: Order, after: Order) -> dict[str, int]:
    known = {line.line_number: line.canceled for line in before.lines}
    more = {
        line.line_number: line.canceled - known.get(line.line_number, 0) for line in after.lines
    }
    return {number: units for number, units in more.items() if units > 0}


def _reason(order: Order, snapshot: OrderSnapshot, units: Mapping[str, int]) -> str | None:
    """Return the reason of our own confirmed cancellation, else the one that Walmart shows."""
    own = [task.reason for task in order.tasks if _confirmed(task) and task.reason]
    if own:
        return LABELS[Reason(own[-1])][0] if own[-1] in set(Reason) else own[-1]
    for number in units:
        line = snapshot.lines.get(number)
        for each in line.units if line else ():
            if each.cancellation_reason:
                return each.cancellation_reason
    return None


def _confirmed(task: Task) -> bool:
    return task.kind is Kind.CANCELLATION and any(item.confirmed for item in task.items)


def _sku(order: Order, number: str) -> str:
    line = order.line(number)
    return line.sku if line and line.sku else f"line {number}"
