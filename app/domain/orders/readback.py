"""Read-back: which units of an update Walmart shows. It decides what is sent again.

A shipment is recognised by line and tracking number, or by the number of a correction. Several
shipments may share a number: each keeps the units that were confirmed for it, and the rest goes to
shipments that may have shipped it, by rank and then by sequence:

| rank | shipment |
|---|---|
| 0 | confirmed just now, by Walmart's own answer |
| 1 | being sent, or in doubt |
| 2 | failed or dismissed, and in doubt |
| 3 | due, and known to be absent |
| 4 | failed or dismissed, and known to be absent |
| 5 | at rest without reserved units: it gets units that no other shipment explains |

A cancellation is recognised by the units of a line that are canceled beyond those canceled when it
was accepted. Units that were confirmed once stay found, whatever a read shows.
"""

import functools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from app.domain.orders import allocation
from app.domain.orders.order import Item, Order, Task
from app.domain.orders.snapshot import LineSnapshot, OrderSnapshot
from app.domain.orders.tracking_history import possible_numbers
from app.domain.orders.unit_matching import Owner, claimed
from app.domain.outbox.doubt import latest
from app.domain.update import AT_REST, DUE, Kind, State

_FINAL_RANK = 5
# The end of the doubt of a shipment that is being sent: later than any read.
_AFTER_ANY_READ = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Readback:
    """What a read shows of one update. Units are by line number."""

    shown: Mapping[str, int]
    """Units that the read shows."""
    found: Mapping[str, int]
    """The same, or the units confirmed before if these are more."""
    missing: Mapping[str, int]
    """Units that are still to be sent."""
    blocked: tuple[str, ...] = ()
    """Lines with fewer open units than are missing."""
    excess: tuple[str, ...] = ()
    """Lines with more units under the number than updates here explain, or perhaps with more."""

    @property
    def complete(self) -> bool:
        """Whether Walmart shows all units of the update, and no unexplained ones."""
        return not self.missing and not self.excess


def read(order: Order, task: Task, snapshot: OrderSnapshot) -> Readback:
    """Find the units of a shipment or cancellation in a snapshot of its order."""
    if task.kind is Kind.CANCELLATION:
        return _readback(task.items, _canceled(order, task, snapshot), snapshot, ())
    shown: dict[str, int] = {}
    excess: list[str] = []
    mine = possible_numbers(order, task)
    for item in task.items:
        free = _free(order, task, item.line_number, snapshot.lines.get(item.line_number), mine)
        # Units that were confirmed for this shipment come before units that others want.
        confirmed = min(free.kept, item.confirmed)
        shown[item.line_number] = max(min(free.certain, item.quantity), confirmed, 0)
        if free.most > item.quantity + free.wanted or _unclear(task, item, free):
            excess.append(item.line_number)
    return _readback(task.items, shown, snapshot, tuple(excess))


def ambiguous_until(order: Order, task: Task, snapshot: OrderSnapshot) -> datetime | None:
    """Return until when units under a shipment's numbers may belong to another shipment in doubt.

    A read that began earlier cannot show which of the two has the units. None means that it shows
    no such units, or that no other shipment of these numbers is in doubt. Database time.
    """
    if task.kind is not Kind.SHIPMENT or task.in_doubt_until is None:
        return None
    mine, lines = possible_numbers(order, task), {item.line_number for item in task.items}
    if not any(_under(snapshot.lines.get(number), mine) for number in lines):
        return None
    others = [
        other
        for other in order.tasks
        if _is_other_shipment(other, task)
        and possible_numbers(order, other) & mine
        and any(item.line_number in lines for item in other.items)
    ]
    if any(other.state is State.SENDING for other in others):
        return _AFTER_ANY_READ
    return latest(other.in_doubt_until for other in others)


def unknown_units(order: Order, task: Task, line: LineSnapshot | None) -> int:
    """Return the units under a shipment's numbers that have a status that this code does not know.

    They are its own: neither shipped nor canceled, and not sent again.
    """
    if line is None or task.kind is not Kind.SHIPMENT:
        return 0
    return sum(line.unknown_under(number) for number in possible_numbers(order, task))


def unknown_of_line(order: Order, line: LineSnapshot) -> int:
    """Return the units in an unknown status under a number of any shipment here."""
    shipments = [task for task in order.tasks if task.kind is Kind.SHIPMENT]
    numbers = frozenset[str]().union(*(possible_numbers(order, each) for each in shipments))
    return sum(line.unknown_under(number) for number in numbers)


def units_left_to_cancel(task: Task, snapshot: OrderSnapshot) -> bool:
    """Whether the update is a cancellation and the order still has open units."""
    # mutation: cancellation-of-whole-order
    return task.kind is Kind.CANCELLATION and any(line.open for line in snapshot.lines.values())


def _under(line: LineSnapshot | None, numbers: Iterable[str]) -> int:
    if line is None:
        return 0
    units = sum(line.shipped_under(number) for number in numbers)
    # Statuses that add up to more than the line show a unit twice.
    return min(units, line.ordered) if line.ordered else units


def _rank(task: Task) -> int:
    # mutation: rank-of-whole-confirmation
    if task.state in AT_REST and not any(item.reserved for item in task.items):
        # mutation: finished-shipment-ranks-last
        return _FINAL_RANK
    # mutation: confirmed-shipment-ranks-first
    if task.state is State.CONFIRMED:
        return 0
    if task.in_doubt_until is not None or task.state is State.SENDING:
        # A shipment that is not sent again automatically comes after one that is.
        # mutation: failed-shipment-in-doubt-yields
        # mutation: dismissed-shipment-in-doubt-yields
        return 2 if task.state in {State.FAILED, State.DISMISSED} else 1
    # mutation: readback-by-least-certain-absence
    return 3 if task.state in DUE else 4


def _unconfirmed(task: Task, item: Item) -> int:
    """Return the units that a shipment may own beyond those confirmed for it."""
    if task.state in AT_REST:
        return item.reserved
    return item.quantity - item.confirmed


@dataclass(frozen=True, slots=True)
class _Free:
    """Units of a line under a shipment's numbers that no other shipment here owns."""

    kept: int
    """Units beyond those confirmed for shipments that rank before it."""
    certain: int
    """Units beyond all that shipments before it may own, whichever units were refunded."""
    most: int
    """The same, if as many refunded units as possible are of shipments here."""
    wanted: int
    """Units that other shipments may get after it."""


def _unclear(task: Task, item: Item, free: _Free) -> bool:
    """Whether a shipment in doubt has units only if certain refunded units are not by hand.

    A person must compare: neither a confirmation nor another write would be safe.
    """
    in_doubt = task.state is State.SENDING or task.in_doubt_until is not None
    found = max(free.certain, item.confirmed)
    # mutation: refunded-by-hand-in-doubt
    return in_doubt and found < min(free.most, item.quantity)


def _free(
    order: Order, task: Task, number: str, line: LineSnapshot | None, mine: frozenset[str]
) -> _Free:
    shipped = _under(line, mine)
    others = [other for other in order.tasks if _is_other_shipment(other, task)]
    if not others:
        return _Free(shipped, shipped, shipped, 0)
    own_rank = (_rank(task), task.sequence)
    kept: list[Owner] = []
    before: list[Owner] = []
    after = 0
    for other in others:
        items = [item for item in other.items if item.line_number == number]
        wanted = sum(_unconfirmed(other, item) for item in items)
        confirmed = sum(item.confirmed for item in items)
        numbers = possible_numbers(order, other)
        more = 0
        if (_rank(other), other.sequence) < own_rank:
            kept.append(Owner(other.update_id, numbers, confirmed))
            rest = sum(item.quantity for item in items) - confirmed
            more = rest if _rank(other) == _FINAL_RANK else wanted
        elif numbers & mine:
            after += wanted
        before.append(Owner(other.update_id, numbers, confirmed, more))
    under = functools.partial(_under_one, line)
    least, most = _refunded(order, number, line)
    available = shipped - claimed(before, under, most, mine)
    certain = available if least == most else shipped - claimed(before, under, least, mine)
    # A shipment that Walmart has just confirmed needs no other proof.
    # mutation: refunded-by-hand
    certain = available if _rank(task) == 0 else certain
    return _Free(shipped - claimed(kept, under, most, mine), certain, available, after)


def _under_one(line: LineSnapshot | None, number: str) -> int:
    return _under(line, (number,))


def _refunded(order: Order, number: str, line: LineSnapshot | None) -> tuple[int, int]:
    """Return the least and the most refunded units that are of shipments here.

    Walmart shows them without a tracking number. Of these units, those that were shipped outside
    Waybill are subtracted, as far as Walmart does not show them under another number. All that
    confirmed shipments do not explain may be such units too: units can be shipped outside Waybill,
    sent back and refunded before any read.
    """
    known = order.line(number)
    if line is None or known is None or not line.unnumbered:
        return 0, 0
    shipments = [task for task in order.tasks if task.kind is Kind.SHIPMENT]
    ours = frozenset[str]().union(*(possible_numbers(order, task) for task in shipments))
    theirs = line.shipped - line.unnumbered - _under(line, ours)
    by_hand = allocation.shipped_elsewhere(order, known)
    most = max(line.unnumbered - max(by_hand - theirs, 0), 0)
    confirmed = sum(
        item.confirmed for task in shipments for item in task.items if item.line_number == number
    )
    # mutation: refunded-before-it-was-read
    unexplained = max(line.shipped - theirs - confirmed, 0)
    return min(max(line.unnumbered - unexplained, 0), most), most


def _is_other_shipment(other: Task, task: Task) -> bool:
    return other.kind is Kind.SHIPMENT and other.update_id != task.update_id


def _canceled(order: Order, task: Task, snapshot: OrderSnapshot) -> dict[str, int]:
    shown: dict[str, int] = {}
    for item in task.items:
        line = snapshot.lines.get(item.line_number)
        ours = order.line(item.line_number)
        # mutation: units-canceled-before
        before = max((ours.ordered if ours else item.quantity) - item.quantity, 0)
        canceled = (line.canceled if line else 0) - before
        shown[item.line_number] = max(min(canceled, item.quantity), 0)
    return shown


def _readback(
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
