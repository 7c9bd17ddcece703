"""Rules of a tracking correction: which units still need the new number, and when it is over.

A correction is idempotent: sent twice, it has the same effect as sent once. It is recognised by its
number. A correction back to a number that the package had before cannot be recognised, and is sent
at least once.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.domain.orders import readback
from app.domain.orders.order import Order, Task
from app.domain.orders.snapshot import OrderSnapshot
from app.domain.orders.tracking_history import corrections, own_numbers, possible_numbers
from app.domain.orders.tracking_key import tracking_key
from app.domain.outbox.doubt import latest
from app.domain.update import DUE, Kind, State

# Reasons for which Waybill dismisses a correction by itself.
LATER_CORRECTION = "A later correction of the same shipment took its place."
SHIPMENT_DISMISSED = "Its shipment was dismissed."
# Walmart takes corrections so long after the first shipping call (its guide "Ship an order").
WINDOW = timedelta(hours=4)


@dataclass(frozen=True, slots=True)
class CorrectionState:
    """The units of a corrected shipment at Walmart, by line number."""

    there: Mapping[str, int]
    """Units of the shipment that Walmart shows."""
    waiting: Mapping[str, int]
    """Of these, units that are not under the new number yet."""
    current: str | None = None
    """The number that the waiting units are under. None means that none wait."""

    @property
    def done(self) -> bool:
        """Whether Walmart shows the shipment, and all of it under the new number."""
        return any(self.there.values()) and not self.waiting


def correction_state(order: Order, task: Task, snapshot: OrderSnapshot) -> CorrectionState:
    """Compare a tracking correction with a snapshot of its order."""
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
    """Keep the waiting units of one number: a correction replaces one number, the first found."""
    for current in sorted(possible_numbers(order, shipment) - {new}):
        units_under = {
            number: min(units, snapshot.lines[number].shipped_under(current))
            for number, units in found.waiting.items()
        }
        lines = {number: units for number, units in units_under.items() if units}
        if lines:
            return CorrectionState(found.there, lines, current)
    # No unit is under an old number, although units of other shipments may be counted twice.
    return CorrectionState(found.there, {})


def _of_others(order: Order, shipment: Task, number: str, new: str) -> int:
    return sum(
        item.confirmed
        for other in order.tasks
        if other.kind is Kind.SHIPMENT
        and other.update_id != shipment.update_id
        and new in own_numbers(order, other)
        for item in other.items
        if item.line_number == number
    )


def recognisable(order: Order, shipment: Task, new_number: str) -> bool:
    """Whether a read can show the correction: the package never had the number."""
    return tracking_key(new_number) not in possible_numbers(order, shipment)


def supersedable(task: Task) -> bool:
    """Whether a later correction may replace this one. A doubt of this one stays with it."""
    return task.state in DUE | {State.FAILED}


def has_later_correction(order: Order, task: Task) -> bool:
    """Whether a later correction of the same shipment replaced this one."""
    return task.corrects is not None and any(
        each.corrects == task.corrects
        and each.sequence > task.sequence
        and each.state is not State.DISMISSED
        for each in order.tasks
    )


def dismissal_reason(order: Order, task: Task, snapshot: OrderSnapshot | None) -> str | None:
    """Return why Waybill dismisses an unconfirmed correction. None means that it goes on.

    snapshot: the last read of its delivery.
    """
    if task.corrects is None or not supersedable(task):
        return None
    if has_later_correction(order, task):
        return LATER_CORRECTION
    shipment = order.task(task.corrects)
    if shipment is None or shipment.state is not State.DISMISSED or shipment.in_doubt_until:
        return None
    absent = snapshot is not None and not correction_state(order, task, snapshot).there
    # mutation: correction-ends-with-dismissed-shipment
    return SHIPMENT_DISMISSED if absent else None


def overwritable_until(order: Order, task: Task) -> datetime | None:
    """Return until when another correction in doubt may arrive and overwrite this one.

    None means that no other correction of the shipment is in doubt. The time is the database's.
    """
    return latest(
        [
            each.in_doubt_until
            for each in order.tasks
            if each.corrects == task.corrects and each.update_id != task.update_id
        ]
    )


def read_lags(order: Order, task: Task, snapshot: OrderSnapshot, since: datetime) -> bool:
    """Whether a read shows a corrected shipment as it was before Walmart's last confirmation.

    That is: fewer units than Walmart confirmed after `since`, or units under a number that a
    correction confirmed since then has replaced.
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
    # mutation: correction-waits-for-lagging-read
    return correction_state(order, newest, snapshot).current in replaced


def _confirmed(task: Task, since: datetime) -> bool:
    return task.confirmed_at is not None and task.confirmed_at >= since


def replaceable(order: Order, shipment: Task) -> bool:
    """Whether a shipment can simply be sent with the new values: no try of it took effect.

    A shipment with an earlier correction may have been sent under that number, so it cannot.
    """
    waits = shipment.state in DUE | {State.FAILED} and shipment.in_doubt_until is None
    absent = not any(item.confirmed for item in shipment.items)
    return waits and absent and not corrections(order, shipment)


def window_closed(first_confirmed_at: datetime | None, now: datetime) -> bool:
    """Whether Walmart no longer takes a correction. Both are aware times."""
    return first_confirmed_at is not None and now - first_confirmed_at > WINDOW
