"""What does Walmart already have of this update? The question asked before anything is sent again.

A shipment is recognised by line and tracking number (or the number that was corrected to). Several
shipments may share a number: each owns the units that were confirmed of it, and what is left goes
to those that may have put it there, the least surely absent first, then by their order:

| rank | shipment |
|---|---|
| 0 | confirmed just now, by Walmart's own answer |
| 1 | under way, or in doubt |
| 2 | failed or dismissed, and in doubt |
| 3 | waiting, and known to be absent |
| 4 | failed or dismissed, and known to be absent |
| 5 | at rest, and holding nothing any more: it finds what nobody else accounts for |

A cancellation is recognised by how many units of a line are canceled beyond those that were so
when it was accepted. Units that were confirmed once stay found, whatever a read shows.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from app.orders.numbers import numbers
from app.orders.order import Item, Order, Task
from app.orders.snapshot import LineSnapshot, OrderSnapshot
from app.orders.update import AT_REST, DUE, Kind, State

_OVER = 5


@dataclass(frozen=True, slots=True)
class Reading:
    """What a read showed of one update.

    shown: units per line that the read shows of it. found: the same, or what was confirmed of it
    before where that is more. missing: units per line still to be sent. blocked: of the missing
    ones, lines that no longer have enough open units. excess: lines where Walmart shows more units
    under the number than all updates of ours account for.
    """

    shown: Mapping[str, int]
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
        return _reading(task.items, _canceled(order, task, snapshot), snapshot, ())
    shown: dict[str, int] = {}
    excess: list[str] = []
    mine = numbers(order, task)
    for item in task.items:
        line = snapshot.lines.get(item.line_number)
        kept, claimed, wanted = _of_others(order, task, item.line_number, line, mine)
        under = _under(line, mine)
        available = under - claimed
        # What was confirmed of it comes before what others want.
        confirmed = min(under - kept, item.confirmed)
        shown[item.line_number] = max(min(available, item.quantity), confirmed, 0)
        if available > item.quantity + wanted:
            excess.append(item.line_number)
    return _reading(task.items, shown, snapshot, tuple(excess))


def still_open(task: Task, snapshot: OrderSnapshot) -> bool:
    """Whether units are open that a cancellation covers: it is one of the whole order."""
    return task.kind is Kind.CANCELLATION and any(line.open for line in snapshot.lines.values())


def _under(line: LineSnapshot | None, under: Iterable[str]) -> int:
    return sum(line.shipped_under(number) for number in under) if line else 0


def _rank(task: Task) -> int:
    if task.state in AT_REST and not any(item.reserved for item in task.items):
        return _OVER
    if task.state is State.CONFIRMED:
        return 0
    if task.in_doubt_until is not None or task.state is State.SENDING:
        # What is not sent again by itself comes after what is.
        return 2 if task.state in {State.FAILED, State.DISMISSED} else 1
    return 3 if task.state in DUE else 4


def _wants(task: Task, item: Item) -> int:
    """Units that may be the shipment's beyond those that were confirmed of it."""
    if task.state in AT_REST:
        return item.reserved
    return item.quantity - item.confirmed


def _of_others(
    order: Order, task: Task, number: str, line: LineSnapshot | None, mine: frozenset[str]
) -> tuple[int, int, int]:
    """Units of a line under this shipment's numbers that our other shipments own.

    Answers those that were confirmed of shipments before this one, those that come before what it
    wants, and those that others may have after it.
    """
    others = [other for other in order.tasks if _is_other_shipment(other, task)]
    if not others:
        return 0, 0, 0
    first = (_rank(task), task.sequence)
    kept: list[tuple[Task, int]] = []
    before: list[tuple[Task, int]] = []
    after = 0
    for other in others:
        items = [item for item in other.items if item.line_number == number]
        wants = sum(_wants(other, item) for item in items)
        confirmed = owned = sum(item.confirmed for item in items)
        if (_rank(other), other.sequence) < first:
            kept.append((other, confirmed))
            finds = sum(item.quantity for item in items) - confirmed
            owned += finds if _rank(other) == _OVER else wants
        elif numbers(order, other) & mine:
            after += wants
        before.append((other, owned))
    return _claimed(order, kept, line, mine), _claimed(order, before, line, mine), after


def _claimed(
    order: Order, owners: list[tuple[Task, int]], line: LineSnapshot | None, mine: frozenset[str]
) -> int:
    """Units under some numbers that others own; what may stand elsewhere too is looked for there.

    Those that can only stand elsewhere take their units first.
    """
    known = {owner.update_id: numbers(order, owner) for owner, _ in owners}
    pool = {each: _under(line, (each,)) for each in frozenset[str]().union(mine, *known.values())}
    claimed = 0
    for owner, units in sorted(
        owners, key=lambda each: (bool(known[each[0].update_id] & mine), each[0].sequence)
    ):
        left = units
        for each in sorted(known[owner.update_id] - mine):
            left -= _take(pool, each, left)
        for each in sorted(known[owner.update_id] & mine):
            taken = _take(pool, each, left)
            left, claimed = left - taken, claimed + taken
    return claimed


def _take(pool: dict[str, int], number: str, wanted: int) -> int:
    taken = min(pool[number], wanted)
    pool[number] -= taken
    return taken


def _is_other_shipment(other: Task, task: Task) -> bool:
    return other.kind is Kind.SHIPMENT and other.update_id != task.update_id


def _canceled(order: Order, task: Task, snapshot: OrderSnapshot) -> dict[str, int]:
    shown: dict[str, int] = {}
    for item in task.items:
        line = snapshot.lines.get(item.line_number)
        ours = order.line(item.line_number)
        before = max((ours.ordered if ours else item.quantity) - item.quantity, 0)
        canceled = (line.canceled if line else 0) - before
        shown[item.line_number] = max(min(canceled, item.quantity), 0)
    return shown


def _reading(
    items: Sequence[Item],
    shown: Mapping[str, int],
    snapshot: OrderSnapshot,
    excess: tuple[str, ...],
) -> Reading:
    found = {item.line_number: max(shown[item.line_number], item.confirmed) for item in items}
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
    return Reading(shown, found, missing, blocked, excess)
