"""What Commerce is told of an order that changed at Walmart: pure sentences for its history."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from app.domain.orders.cancellation import LABELS, Reason
from app.domain.orders.order import Order, Task
from app.domain.orders.snapshot import OrderSnapshot
from app.domain.update import Kind


@dataclass(frozen=True, slots=True)
class Note:
    """text goes into the history of Commerce's order; payment beside its payment information."""

    text: str
    payment: str | None = None


def notes(before: Order, after: Order, snapshot: OrderSnapshot) -> Iterator[Note]:
    """What changed between two pictures that Commerce cannot know by itself."""
    units = _newly_canceled(before, after)
    if units:
        why = _why(after, snapshot, units)
        what = ", ".join(f"{count} of {_sku(after, number)}" for number, count in units.items())
        said = f" Reason: {why}." if why else ""
        yield Note(
            f"Canceled at Walmart: {what} (order {after.purchase_order_id}).{said}",
            f"Cancellation Reason: {why}" if why else None,
        )
    asked = [each for each in after.cancel_requested if each not in before.cancel_requested]
    if asked:
        what = ", ".join(_sku(after, number) for number in asked)
        text = f"The buyer asked Walmart to cancel {what} (order {after.purchase_order_id})."
        yield Note(text)


def _newly_canceled(before: Order, after: Order) -> dict[str, int]:
    known = {line.line_number: line.canceled for line in before.lines}
    more = {
        line.line_number: line.canceled - known.get(line.line_number, 0) for line in after.lines
    }
    return {number: units for number, units in more.items() if units > 0}


def _why(order: Order, snapshot: OrderSnapshot, units: Mapping[str, int]) -> str | None:
    """Our own reason where we asked for it, else the one that Walmart shows."""
    own = [task.reason for task in order.tasks if _asked(task) and task.reason]
    if own:
        return LABELS[Reason(own[-1])][0] if own[-1] in set(Reason) else own[-1]
    for number in units:
        line = snapshot.lines.get(number)
        for each in line.units if line else ():
            if each.cancellation_reason:
                return each.cancellation_reason
    return None


def _asked(task: Task) -> bool:
    return task.kind is Kind.CANCELLATION and any(item.confirmed for item in task.items)


def _sku(order: Order, number: str) -> str:
    line = order.line(number)
    return line.sku if line and line.sku else f"line {number}"
