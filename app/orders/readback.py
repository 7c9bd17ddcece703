"""What does Walmart already have of this update? The question asked before anything is sent again.

A shipment is recognised by line and tracking number (or the number that was corrected to): of
the units Walmart shows under a
number, those that our other shipments put there are counted first, the rest is this one's.
A cancellation is recognised by how many units of a line are canceled beyond those that
were so when it was accepted.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from app.orders.numbers import numbers
from app.orders.order import Item, Order, Task
from app.orders.snapshot import LineSnapshot, OrderSnapshot
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
    mine = numbers(order, task)
    for item in task.items:
        line = snapshot.lines.get(item.line_number)
        claimed = _claimed_by_others(order, task, item.line_number, line, mine)
        available = _under(line, mine) - claimed
        found[item.line_number] = max(min(available, item.quantity), 0)
        if available > item.quantity + _wanted_by_later(order, task, item.line_number, mine):
            excess.append(item.line_number)
    return _reading(task.items, found, snapshot, tuple(excess))


def _under(line: LineSnapshot | None, under: Iterable[str]) -> int:
    return sum(line.shipped_under(number) for number in under) if line else 0


def _claimed_by_others(
    order: Order, task: Task, number: str, line: LineSnapshot | None, mine: frozenset[str]
) -> int:
    """Units under this shipment's numbers that belong to our other shipments.

    A shipment that is at rest (confirmed, dismissed, failed in part) owns what was confirmed
    of it; one that is still under way and older owns what it asked for. One whose package may
    stand under other numbers too is looked for there first.
    """
    others = [other for other in order.tasks if _is_other_shipment(other, task)]
    known = {other.update_id: numbers(order, other) for other in others}
    pool = {each: _under(line, (each,)) for each in frozenset[str]().union(mine, *known.values())}
    # Those that can only be elsewhere take their units first.
    others.sort(key=lambda other: (bool(known[other.update_id] & mine), other.sequence))
    claimed = 0
    for other in others:
        owned = _owned(other, task, number)
        for each in sorted(known[other.update_id] - mine):
            owned -= _take(pool, each, owned)
        for each in sorted(known[other.update_id] & mine):
            taken = _take(pool, each, owned)
            owned, claimed = owned - taken, claimed + taken
    return claimed


def _take(pool: dict[str, int], number: str, wanted: int) -> int:
    taken = min(pool[number], wanted)
    pool[number] -= taken
    return taken


def _owned(other: Task, task: Task, number: str) -> int:
    earlier = other.unresolved and other.sequence < task.sequence
    return sum(
        item.quantity if earlier else item.confirmed
        for item in other.items
        if item.line_number == number
    )


def _wanted_by_later(order: Order, task: Task, number: str, mine: frozenset[str]) -> int:
    return sum(
        item.quantity - item.confirmed
        for other in order.tasks
        if _is_other_shipment(other, task) and numbers(order, other) & mine
        if other.unresolved and other.sequence > task.sequence
        for item in other.items
        if item.line_number == number
    )


def _is_other_shipment(other: Task, task: Task) -> bool:
    return other.kind is Kind.SHIPMENT and other.update_id != task.update_id


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
