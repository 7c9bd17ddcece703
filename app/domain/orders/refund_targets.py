"""Refunds as targets: how many units of a return line are refunded in the end, and what lacks.

Walmart may refund by itself meanwhile (its policy allows it after 48 hours); then less or nothing
is left to send, and the refund succeeds. The target depends on the results of the line's other
refunds; at most one of them is in doubt at a time. `refund_plan.py` decides what may be refunded.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from app.domain.orders.returns import RefundItem, Return
from app.domain.outbox.doubt import latest
from app.domain.outbox.outcome import Failure
from app.domain.update import AT_REST, State

# The code of a refund of units that Walmart took back.
CHANGED = "return_changed"
IN_DOUBT = "refund_in_doubt"


@dataclass(frozen=True, slots=True)
class RefundState:
    """A refund of a return, and its state."""

    update_id: UUID
    number: int
    """Sequence number: a later refund has a higher one."""
    items: tuple[RefundItem, ...]
    state: State
    in_doubt_until: datetime | None = None
    seen: bool = False
    """A read showed all of the refund, although it was dismissed."""

    @property
    def landed(self) -> bool:
        """Whether Walmart has made all of the refund."""
        return self.seen or self.state is State.CONFIRMED

    @property
    def absent(self) -> bool:
        """Whether Walmart has certainly made nothing of the refund."""
        return not self.landed and self.in_doubt_until is None

    def units(self, number: int) -> int:
        """Return the units of a return line that the refund is for."""
        return sum(item.quantity for item in self.items if item.number == number)


def with_current_targets(
    mine: RefundState, refunds: Iterable[RefundState]
) -> tuple[RefundItem, ...]:
    """Return the items of a refund, their targets adjusted to the return's other refunds.

    Units that the target counted on and Walmart did not refund are subtracted; units of later
    refunds that Walmart made are added.
    """
    others = {str(each.update_id): each for each in refunds if each.update_id != mine.update_id}

    def moved(item: RefundItem) -> int:
        lost = sum(
            units for key, units in item.ahead.items() if key in others and others[key].absent
        )
        later = sum(
            each.units(item.number)
            for each in others.values()
            if each.number > mine.number and each.landed
        )
        # mutation: refund-target-by-results
        return later - lost

    return tuple(replace(item, target=item.target + moved(item)) for item in mine.items)


def pending(returned: Return, refunds: Sequence[RefundState]) -> dict[int, dict[str, int]]:
    """Return the units that refunds not at rest still want, by line number and update id."""
    found: dict[int, dict[str, int]] = {}
    for each in refunds:
        if each.state in AT_REST:
            continue
        for item in with_current_targets(each, refunds):
            line = returned.line(item.number)
            done = line.refunded if line else 0
            units = max(min(item.quantity, item.target - done), 0)
            found.setdefault(item.number, {})[str(each.update_id)] = units
    return found


def at_walmart(mine: RefundState, refunds: Sequence[RefundState], returned: Return) -> int:
    """Return the units of a refund that Walmart shows refunded, by this refund or another way."""
    units = 0
    for item in with_current_targets(mine, refunds):
        line = returned.line(item.number)
        lacking = max(item.target - line.refunded, 0) if line else 0
        units += max(item.quantity - lacking, 0)
    return units


def others_until(mine: RefundState, refunds: Iterable[RefundState]) -> datetime | None:
    """Return when the doubt of other refunds of the same lines ends. None means no such doubt."""
    lines = {item.number for item in mine.items}
    return latest(
        each.in_doubt_until
        for each in refunds
        if each.update_id != mine.update_id and lines & {item.number for item in each.items}
    )


def doubts(refunds: Iterable[RefundState]) -> dict[int, list[RefundState]]:
    """Return the refunds in doubt by line number."""
    found: dict[int, list[RefundState]] = {}
    for each in refunds:
        # mutation: refund-in-doubt-paid-once
        if each.in_doubt_until is not None:
            for number in {item.number for item in each.items}:
                found.setdefault(number, []).append(each)
    return found


def by_order(returned: Return, items: Iterable[RefundItem]) -> dict[str, tuple[RefundItem, ...]]:
    """The items of a refund by the purchase order they are of."""
    found: dict[str, tuple[RefundItem, ...]] = {}
    for item in items:
        line = returned.line(item.number)
        number = returned.order_of(line) if line else None
        if number is not None:
            found[number] = (*found.get(number, ()), item)
    return found


def missing(items: Iterable[RefundItem], shown: Return) -> dict[int, int]:
    """Units of each line that still have to be refunded, by what Walmart shows now."""
    found = {}
    for item in items:
        line = shown.line(item.number)
        units = min(item.target - line.refunded, line.left) if line else 0
        if units > 0:
            found[item.number] = min(units, item.quantity)
    return found


def impossible(items: Iterable[RefundItem], shown: Return) -> Failure | None:
    """Return why units of a refund can never be refunded. None means that they can."""
    for item in items:
        line = shown.line(item.number)
        if line is None:
            return _changed(f"Walmart no longer shows line {item.number} of this return.")
        if item.target > line.refunded + line.left:
            units = item.target - line.refunded
            return _changed(
                f"{units} units of line {item.number} are still to be refunded, but Walmart shows "
                f"only {line.left} that can be: the others were canceled or taken back."
            )
    return None


def _changed(message: str) -> Failure:
    return Failure(
        code=CHANGED,
        message=message,
        suggestion="Compare the return in Seller Center; dismiss this refund, then refund what is "
        "left.",
    )
