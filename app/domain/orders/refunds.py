"""Rules of a refund: what may be refunded of a return, and what Walmart has refunded already.

A refund is a target, not a difference: how many units of a return line are refunded in the end.
Walmart may refund by itself meanwhile (its policy allows it after 48 hours); then less or nothing
is left to send, and the refund succeeds. The target depends on the results of the line's other
refunds, of which at most one is in doubt at a time.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from app.domain.errors import Problem
from app.domain.orders import held_units
from app.domain.orders.order import Order
from app.domain.orders.returns import REPLACEMENT, RefundItem, RefundRequest, Return
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
        if each.in_doubt_until is not None:
            for number in {item.number for item in each.items}:
                found.setdefault(number, []).append(each)
    return found


def concerned(returned: Return, request: RefundRequest) -> tuple[str, ...]:
    """Return the purchase orders that a refund is for."""
    if request.items is not None:
        named = [returned.line(number) for number, _ in request.items]
        lines = [line for line in named if line is not None]
    elif request.purchase_order_id is not None:
        return (request.purchase_order_id,)
    else:
        lines = [line for line in returned.lines if line.left]
    found = {returned.order_of(line) for line in lines}
    return tuple(sorted(number for number in found if number is not None))


def plan(
    known: Mapping[str, Order],
    returned: Return,
    request: RefundRequest,
    pending: Mapping[int, Mapping[str, int]],
    doubts: Mapping[int, Sequence[RefundState]],
) -> tuple[tuple[RefundItem, ...], tuple[Problem, ...]]:
    """Return the items of a refund and every problem; with any problem the request is refused.

    known: the orders concerned, by purchase order number. pending and doubts: the results of the
    functions with these names.
    """
    if returned.closed:
        return (), (_closed(returned),)
    if request.items is None:
        only = request.purchase_order_id
        lines = returned.lines if only is None else returned.lines_of(only)
        wanted = [(each.number, each.left - _sum(pending, each.number)) for each in lines]
        items = [each for each in wanted if each[1] > 0]
        unclear = [(line.number, 0) for line in lines if line.number in doubts]
        if unclear:
            return (), tuple(_in_doubt(unclear, doubts))
        if not items:
            return (), (_nothing_left(returned),)
    else:
        items = list(request.items)
    problems = [
        *_repeated(items),
        *_not_shipped(known, returned, items),
        *_in_doubt(items, doubts),
    ]
    found = []
    for index, (number, units) in enumerate(items):
        line = returned.line(number)
        if line is None:
            message = f"The return has no line {number}."
            pointer = f"/items/{index}/return_line_number"
            problems.append(Problem("unknown_line", message, pointer))
            continue
        left = line.left - _sum(pending, number)
        if units > left:
            problems.append(_too_many(index, number, units, left))
        target = line.quantity - line.canceled - left + units
        found.append(RefundItem(number, units, target, pending.get(number, {})))
    return tuple(found), tuple(problems)


def _sum(pending: Mapping[int, Mapping[str, int]], number: int) -> int:
    return sum(pending.get(number, {}).values())


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


def _in_doubt(
    items: Sequence[tuple[int, int]], doubts: Mapping[int, Sequence[RefundState]]
) -> list[Problem]:
    """Refuse a refund of a line with another refund in doubt: both could be paid."""
    return [
        held_units.refusal(
            IN_DOUBT,
            f"A refund of line {number} is in doubt.",
            doubts[number],
            f"/items/{index}/return_line_number",
        )
        for index, (number, _) in enumerate(items)
        if number in doubts
    ]


def _closed(returned: Return) -> Problem:
    reason = (
        "the buyer gets a replacement"
        if returned.return_type == REPLACEMENT
        else "it was canceled at Walmart"
    )
    text = f"Return {returned.return_order_id} cannot be refunded: {reason}."
    return Problem("return_closed", text, conflict=True)


def _nothing_left(returned: Return) -> Problem:
    text = f"Every unit of return {returned.return_order_id} is refunded, or a refund is pending."
    return Problem("nothing_to_refund", text, conflict=True)


def _too_many(index: int, number: int, units: int, left: int) -> Problem:
    return Problem(
        "refund_exceeds_return",
        f"{units} units of line {number} were requested; {left} are left to refund.",
        f"/items/{index}/quantity",
        conflict=True,
        facts={"left": left},
    )


def _repeated(items: Sequence[tuple[int, int]]) -> list[Problem]:
    seen: set[int] = set()
    found = []
    for index, (number, _) in enumerate(items):
        if number in seen:
            message = f"Line {number} is named twice; send its units in one item."
            found.append(Problem("line_repeated", message, f"/items/{index}/return_line_number"))
        seen.add(number)
    return found


def _not_shipped(
    known: Mapping[str, Order], returned: Return, items: Sequence[tuple[int, int]]
) -> list[Problem]:
    """Refuse a refund of units that are not shipped: those are canceled instead."""
    for number, _ in items:
        line = returned.line(number)
        order = known.get(returned.order_of(line) or "") if line else None
        ours = order.line(line.line_number) if order and line else None
        if line is not None and (ours is None or not ours.shipped):
            message = (
                f"Walmart shows no shipped unit of line {line.line_number}, and only shipped units "
                "can be refunded. If it was shipped, POST /v1/orders/{order_id}/refresh first."
            )
            return [Problem("order_not_shipped", message, conflict=True)]
    return []
