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
| 5 | at rest, and holding nothing any more: it finds units that no other shipment accounts for |

A cancellation is recognised by how many units of a line are canceled beyond those that were so
when it was accepted. Units that were confirmed once stay found, whatever a read shows.
"""

import functools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from app.domain.orders import allocation
from app.domain.orders.order import Item, Order, Task
from app.domain.orders.snapshot import LineSnapshot, OrderSnapshot
from app.domain.orders.tracking_history import numbers
from app.domain.outbox.doubt import latest
from app.domain.update import AT_REST, DUE, Kind, State

_OVER = 5
# What is on its way now may be in doubt soon.
_NOT_YET = datetime.max.replace(tzinfo=UTC)
# The key of units without a number; a tracking key has no hyphen.
_UNNUMBERED = "-"
# Units of a shipment: confirmed ones (True), or others that it may own.
_Part = tuple[UUID, bool]


@dataclass(frozen=True, slots=True)
class Readback:
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


def read(order: Order, task: Task, snapshot: OrderSnapshot) -> Readback:
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


def unsure_until(order: Order, task: Task, snapshot: OrderSnapshot) -> datetime | None:
    """Until when units under a shipment's numbers may be another's whose write is in doubt.

    A read that began before cannot show which of them has the units. None where it shows none, or
    no other such shipment is in doubt. The time is the database's.
    """
    if task.kind is not Kind.SHIPMENT or task.in_doubt_until is None:
        return None
    mine, lines = numbers(order, task), {item.line_number for item in task.items}
    if not any(_under(snapshot.lines.get(number), mine) for number in lines):
        return None
    others = [
        other
        for other in order.tasks
        if _is_other_shipment(other, task)
        and numbers(order, other) & mine
        and any(item.line_number in lines for item in other.items)
    ]
    if any(other.state is State.SENDING for other in others):
        return _NOT_YET
    return latest(other.in_doubt_until for other in others)


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
    kept: list[_Owner] = []
    before: list[_Owner] = []
    after = 0
    for other in others:
        items = [item for item in other.items if item.line_number == number]
        wants = sum(_wants(other, item) for item in items)
        confirmed = sum(item.confirmed for item in items)
        more = 0
        if (_rank(other), other.sequence) < first:
            kept.append(_Owner(other, confirmed))
            finds = sum(item.quantity for item in items) - confirmed
            more = finds if _rank(other) == _OVER else wants
        elif numbers(order, other) & mine:
            after += wants
        before.append(_Owner(other, confirmed, more))
    places = functools.partial(_Places, line, _refunded(order, number, line))
    return _claimed(order, kept, places(), mine), _claimed(order, before, places(), mine), after


def _refunded(order: Order, number: str, line: LineSnapshot | None) -> int:
    """Units without a number that were a shipment's of ours: refunded ones do not keep theirs.

    Units that others shipped, and that do not stand under a number of theirs, may be among them.
    """
    known = order.line(number)
    if line is None or known is None or not line.unnumbered:
        return 0
    ours = frozenset[str]().union(
        *(numbers(order, task) for task in order.tasks if task.kind is Kind.SHIPMENT)
    )
    theirs = line.shipped - line.unnumbered - _under(line, ours)
    others = max(allocation.shipped_by_others(order, known) - theirs, 0)
    return max(line.unnumbered - others, 0)


@dataclass(frozen=True, slots=True)
class _Owner:
    """Units that are a shipment's: those that were confirmed of it, and those that it may own."""

    task: Task
    confirmed: int
    more: int = 0


def _claimed(order: Order, owners: list[_Owner], places: "_Places", mine: frozenset[str]) -> int:
    """Units under some numbers that others own.

    Who may stand under several numbers leaves those to others that have no choice, and stands
    elsewhere where that can be.
    """
    for elsewhere in (True, False):
        for owner in owners:
            known = numbers(order, owner.task)
            allowed = known - mine if elsewhere else known
            places.put((owner.task.update_id, True), allowed | {_UNNUMBERED}, owner.confirmed)
            places.put((owner.task.update_id, False), allowed, owner.more)
    return places.taken(mine)


class _Places:
    """Units of owners put under the numbers where a line shows some: as many as can be.

    A matching by augmenting paths (Ford and Fulkerson, 1956).
    """

    def __init__(self, line: LineSnapshot | None, unnumbered: int) -> None:
        self._line = line
        self._free = {_UNNUMBERED: unnumbered}
        # Units by number, and by owner.
        self._held: dict[str, dict[_Part, int]] = {_UNNUMBERED: {}}
        self._numbers: dict[_Part, frozenset[str]] = {}

    def put(self, owner: _Part, allowed: frozenset[str], units: int) -> None:
        """Put so many units of an owner, those that it has already included."""
        self._numbers[owner] = allowed
        for number in allowed:
            self._free.setdefault(number, _under(self._line, (number,)))
            self._held.setdefault(number, {})
        left = units - sum(held.get(owner, 0) for held in self._held.values())
        while left and (put := self._give(owner, left, set())):
            left -= put

    def taken(self, under: frozenset[str]) -> int:
        """Units that owners have under some numbers."""
        return sum(sum(self._held.get(number, {}).values()) for number in under)

    def _give(self, owner: _Part, wanted: int, tried: set[str]) -> int:
        """Put up to so many units, moving others' to make room; answers how many."""
        left = wanted
        for number in sorted(self._numbers[owner] - tried):
            if not left:
                break
            tried.add(number)
            held = self._held[number]
            room = min(self._free[number], left)
            self._free[number] -= room
            for other in [each for each in held if each != owner and held[each]]:
                if room < left:
                    moved = self._give(other, min(held[other], left - room), tried)
                    held[other] -= moved
                    room += moved
            held[owner] = held.get(owner, 0) + room
            left -= room
        return wanted - left


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
) -> Readback:
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
    return Readback(shown, found, missing, blocked, excess)
