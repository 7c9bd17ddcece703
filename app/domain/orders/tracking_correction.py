"""Correcting the tracking of a package that may be at Walmart: what is still to be moved.

A correction is absolute: sent twice it does nothing more than sent once. It is recognised by
its number, so one that returns to a number the package had before is not recognisable, and is
sent at least once.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.domain.orders import readback
from app.domain.orders.order import Order, Task
from app.domain.orders.snapshot import LineSnapshot, OrderSnapshot, tracking_key
from app.domain.orders.tracking_history import corrections, numbers, targets
from app.domain.outbox.doubt import latest
from app.domain.update import DUE, Kind, State

# Why a correction ended that a person did not end.
LATER_CORRECTION = "A later correction of the same shipment took its place."
SHIPMENT_DISMISSED = "Its shipment was dismissed."
# Walmart takes corrections this long after the first shipping call (its guide "Ship an order").
WINDOW = timedelta(hours=4)


@dataclass(frozen=True, slots=True)
class CorrectionState:
    """Where the units of a corrected shipment are at Walmart.

    there: units per line that Walmart has of the shipment. waiting: those of them that are not
    under the new number yet. current: the number they are under now, None when none waits.
    """

    there: Mapping[str, int]
    waiting: Mapping[str, int]
    current: str | None = None

    @property
    def done(self) -> bool:
        """Whether Walmart shows all it has of the shipment under the new number."""
        return any(self.there.values()) and not self.waiting


def correction_state(order: Order, task: Task, snapshot: OrderSnapshot) -> CorrectionState:
    """Compare a tracking update with Walmart's picture of the order."""
    shipment = order.task(task.corrects) if task.corrects else None
    if shipment is None:
        return CorrectionState({}, {})
    found = readback.read(order, shipment, snapshot).shown
    there = {number: units for number, units in found.items() if units}
    new = tracking_key(task.tracking_number or "")
    waiting = {}
    for number, units in there.items():
        moved = snapshot.lines[number].shipped_under(new) - _of_others(order, shipment, number, new)
        if units > moved:
            waiting[number] = units - max(moved, 0)
    return _narrowed(order, shipment, snapshot, CorrectionState(there, waiting), new)


def _narrowed(
    order: Order, shipment: Task, snapshot: OrderSnapshot, found: CorrectionState, new: str
) -> CorrectionState:
    """One correction names one current number: the first under which units wait."""
    for current in sorted(numbers(order, shipment) - {new}):
        held = {
            number: min(units, _under(snapshot.lines[number], current))
            for number, units in found.waiting.items()
        }
        if any(held.values()):
            lines = {number: units for number, units in held.items() if units}
            return CorrectionState(found.there, lines, current)
    # All that is there is under the new number, though others' units of it may be counted twice.
    return CorrectionState(found.there, {})


def _under(line: LineSnapshot, number: str) -> int:
    return line.shipped_under(number)


def _of_others(order: Order, shipment: Task, number: str, new: str) -> int:
    return sum(
        item.confirmed
        for other in order.tasks
        if other.kind is Kind.SHIPMENT
        and other.update_id != shipment.update_id
        and new in targets(order, other)
        for item in other.items
        if item.line_number == number
    )


def recognisable(order: Order, shipment: Task, new_number: str) -> bool:
    """Whether a read can show the correction: the package never bore the number."""
    return tracking_key(new_number) not in numbers(order, shipment)


def superseded(task: Task) -> bool:
    """Whether a later correction takes this one's place: it waits; its doubt stays with it."""
    return task.state in DUE | {State.FAILED}


def followed(order: Order, task: Task) -> bool:
    """Whether a later correction of the same shipment took this one's place."""
    return task.corrects is not None and any(
        each.corrects == task.corrects
        and each.sequence > task.sequence
        and each.state is not State.DISMISSED
        for each in order.tasks
    )


def pointless(order: Order, task: Task, snapshot: OrderSnapshot | None) -> str | None:
    """Why a correction that is not confirmed is at its end, None where it is not.

    snapshot: what the read showed that its delivery made last.
    """
    if task.corrects is None or not superseded(task):
        return None
    if followed(order, task):
        return LATER_CORRECTION
    shipment = order.task(task.corrects)
    if shipment is None or shipment.state is not State.DISMISSED or shipment.in_doubt_until:
        return None
    absent = snapshot is not None and not correction_state(order, task, snapshot).there
    return SHIPMENT_DISMISSED if absent else None


def overwritten_until(order: Order, task: Task) -> datetime | None:
    """Until when another correction of the shipment may still arrive and overwrite this one.

    None where no other one is in doubt. The time is the database's.
    """
    return latest(
        [
            each.in_doubt_until
            for each in order.tasks
            if each.corrects == task.corrects and each.update_id != task.update_id
        ]
    )


def lags(order: Order, task: Task, snapshot: OrderSnapshot, since: datetime) -> bool:
    """Whether a read shows less of a corrected shipment than Walmart confirmed after since.

    Less is fewer units, or units under a number that a confirmed correction has replaced.
    """
    shipment = order.task(task.corrects) if task.corrects else None
    if shipment is None:
        return False
    if _confirmed(shipment, since):
        shown = readback.read(order, shipment, snapshot).shown
        if any(shown[item.line_number] < item.confirmed for item in shipment.items):
            return True
    done = [each for each in corrections(order, shipment) if _confirmed(each, since)]
    if not done:
        return False
    newest = done[-1]
    earlier = [each for each in corrections(order, shipment) if each.sequence < newest.sequence]
    replaced = {tracking_key(each.tracking_number or "") for each in (shipment, *earlier)}
    return correction_state(order, newest, snapshot).current in replaced


def _confirmed(task: Task, since: datetime) -> bool:
    return task.confirmed_at is not None and task.confirmed_at >= since


def replaceable(order: Order, shipment: Task) -> bool:
    """Whether a shipment that was never sent, or provably without effect, can bear new values.

    One that was corrected before may have been sent under that number, so it is not.
    """
    waits = shipment.state in DUE | {State.FAILED} and shipment.in_doubt_until is None
    absent = not any(item.confirmed for item in shipment.items)
    return waits and absent and not corrections(order, shipment)


def window_closed(first_confirmed_at: datetime | None, now: datetime) -> bool:
    """Whether Walmart takes no correction any more. Aware times."""
    return first_confirmed_at is not None and now - first_confirmed_at > WINDOW
