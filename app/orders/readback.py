"""What does Walmart already have of this update? The question asked before anything is sent again.

A shipment is recognised by line and tracking number: of the units Walmart shows under a
number, those that our other shipments put there are counted first, the rest is this one's.
A cancellation is recognised by how many units of a line are canceled beyond those that
were so when it was accepted.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app.orders.order import Item, Order, Task
from app.orders.snapshot import LineSnapshot, OrderSnapshot, tracking_key
from app.orders.update import Kind


@dataclass(frozen=True, slots=True)
class Reading:
    """What a read showed of one update.

    found: units per line that Walmart has of it. missing: units per line still to be sent.
    blocked: of the missing ones, lines that no longer have enough open units.
    excess: lines where Walmart shows more units under the number than anybody here knows of.
    """

    found: Mapping[str, int]
    missing: Mapping[str, int]
    blocked: tuple[str, ...] = ()
    excess: tuple[str, ...] = ()

    @property
    def complete(self) -> bool:
        """Everything the update asked for is at Walmart, and nothing speaks against it."""
        return not self.missing and not self.excess


def read(order: Order, task: Task, snapshot: OrderSnapshot) -> Reading:
    """Compare a shipment or cancellation of the order with Walmart's picture of it."""
    if task.kind is Kind.CANCELLATION:
        return _read_cancellation(order, task, snapshot)
    found: dict[str, int] = {}
    excess: list[str] = []
    for item in task.items:
        line = snapshot.lines.get(item.line_number)
        available = _under(line, task) - _claimed_by_others(order, task, item.line_number, line)
        found[item.line_number] = max(min(available, item.quantity), 0)
        if available > item.quantity + _wanted_by_later(order, task, item.line_number):
            excess.append(item.line_number)
    return _reading(task.items, found, snapshot, tuple(excess))


def _under(line: LineSnapshot | None, task: Task) -> int:
    return line.shipped_under(task.tracking_number or "") if line else 0


def _claimed_by_others(order: Order, task: Task, number: str, line: LineSnapshot | None) -> int:
    """Units under the same number that belong to our other shipments.

    A shipment that is at rest (confirmed, dismissed, failed in part) owns what was confirmed
    of it; one that is still under way and older owns what it asked for.
    """
    claimed = 0
    for other in _same_package(order, task):
        for item in other.items:
            if item.line_number != number:
                continue
            earlier = other.unresolved and other.sequence < task.sequence
            claimed += item.quantity if earlier else item.confirmed
    return min(claimed, _under(line, task))


def _wanted_by_later(order: Order, task: Task, number: str) -> int:
    return sum(
        item.quantity - item.confirmed
        for other in _same_package(order, task)
        if other.unresolved and other.sequence > task.sequence
        for item in other.items
        if item.line_number == number
    )


def _same_package(order: Order, task: Task) -> list[Task]:
    key = tracking_key(task.tracking_number or "")
    return [
        other
        for other in order.tasks
        if other.kind is Kind.SHIPMENT
        and other.update_id != task.update_id
        and tracking_key(other.tracking_number or "") == key
    ]


def _read_cancellation(order: Order, task: Task, snapshot: OrderSnapshot) -> Reading:
    found: dict[str, int] = {}
    for item in task.items:
        line = snapshot.lines.get(item.line_number)
        ours = order.line(item.line_number)
        before = (ours.ordered if ours else item.quantity) - item.quantity
        found[item.line_number] = max(
            min((line.canceled if line else 0) - before, item.quantity), 0
        )
    return _reading(task.items, found, snapshot, ())


def _reading(
    items: Sequence[Item],
    found: Mapping[str, int],
    snapshot: OrderSnapshot,
    excess: tuple[str, ...],
) -> Reading:
    missing = {
        item.line_number: item.quantity - found[item.line_number]
        for item in items
        if item.quantity > found[item.line_number]
    }
    blocked = tuple(
        number
        for number, units in missing.items()
        if number not in snapshot.lines or snapshot.lines[number].open < units
    )
    return Reading(found, missing, blocked, excess)
