"""Buyers' returns: what Walmart shows of one, what may be refunded of it, what it has already.

A refund is expressed as a target, not as a difference: so many units of a return's line are to be
refunded in the end. Walmart may refund by itself meanwhile (its policy lets it after 48 hours);
then there is less to send, or nothing, and that is a success.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from app.orders.errors import Problem
from app.orders.order import Money, Order

RECEIVED, REFUNDED, ERROR = "received", "refunded", "error"


@dataclass(frozen=True, slots=True)
class ReturnLine:
    """A line of a return: whole units that the buyer sends back, and those refunded by now.

    number is the return's own; line_number that of the purchase order.
    """

    number: int
    line_number: str
    sku: str
    quantity: int
    refunded: int = 0
    name: str | None = None
    reason: str | None = None

    @property
    def left(self) -> int:
        """Units that are not refunded yet."""
        return max(self.quantity - self.refunded, 0)


@dataclass(frozen=True, slots=True)
class Return:
    """A return order of Walmart's; its number is the RMA number."""

    return_order_id: str
    customer_order_id: str
    lines: tuple[ReturnLine, ...]
    purchase_order_id: str | None = None
    requested_at: datetime | None = None
    return_by: datetime | None = None
    amount: Money | None = None

    def line(self, number: int) -> ReturnLine | None:
        """The line of that number, if the return has it."""
        return next((line for line in self.lines if line.number == number), None)

    @property
    def refunded(self) -> bool:
        """Whether every unit of it is refunded."""
        return not any(line.left for line in self.lines)


@dataclass(frozen=True, slots=True)
class RefundItem:
    """Units of a return's line to refund, and how many of it shall be refunded in the end."""

    number: int
    quantity: int
    target: int


@dataclass(frozen=True, slots=True)
class RefundRequest:
    """Units to refund by the return's line number; items None means all that is left."""

    items: tuple[tuple[int, int], ...] | None = None
    comment: str | None = None


def plan(
    order: Order, returned: Return, request: RefundRequest, pending: Mapping[int, int]
) -> tuple[tuple[RefundItem, ...], tuple[Problem, ...]]:
    """What a refund would do, and every reason against it.

    pending: units of each line that refunds accepted before still want.
    """
    if request.items is None:
        wanted = [(line.number, line.left - pending.get(line.number, 0)) for line in returned.lines]
        items = [each for each in wanted if each[1] > 0]
        if not items:
            return (), (_nothing_left(returned),)
    else:
        items = list(request.items)
    problems = [*_repeated(items), *_not_shipped(order, returned, items)]
    found = []
    for place, (number, units) in enumerate(items):
        line = returned.line(number)
        if line is None:
            message = f"The return has no line {number}."
            pointer = f"/items/{place}/return_line_number"
            problems.append(Problem("unknown_line", message, pointer))
            continue
        left = line.left - pending.get(number, 0)
        if units > left:
            problems.append(_too_many(place, number, units, left))
        found.append(RefundItem(number, units, line.quantity - left + units))
    return tuple(found), tuple(problems)


def missing(items: Iterable[RefundItem], shown: Return) -> dict[int, int]:
    """Units of each line that still have to be refunded, by what Walmart shows now."""
    found = {}
    for item in items:
        line = shown.line(item.number)
        if line is None:
            continue
        units = min(item.target, line.quantity) - line.refunded
        if units > 0:
            found[item.number] = min(units, item.quantity)
    return found


def _nothing_left(returned: Return) -> Problem:
    text = f"Every unit of return {returned.return_order_id} is refunded, or on its way."
    return Problem("nothing_to_refund", text, conflict=True)


def _too_many(place: int, number: int, units: int, left: int) -> Problem:
    return Problem(
        "refund_exceeds_return",
        f"{units} units of line {number} were asked for; {left} are left to refund.",
        f"/items/{place}/quantity",
        conflict=True,
        facts={"left": left},
    )


def _repeated(items: Sequence[tuple[int, int]]) -> list[Problem]:
    seen: set[int] = set()
    found = []
    for place, (number, _) in enumerate(items):
        if number in seen:
            message = f"Line {number} is named twice; give its units in one item."
            found.append(Problem("line_repeated", message, f"/items/{place}/return_line_number"))
        seen.add(number)
    return found


def _not_shipped(order: Order, returned: Return, items: Sequence[tuple[int, int]]) -> list[Problem]:
    """Only what has left can be refunded; what has not is canceled."""
    for number, _ in items:
        line = returned.line(number)
        ours = order.line(line.line_number) if line else None
        if line is not None and (ours is None or not ours.shipped):
            message = (
                f"Walmart shows no shipped unit of line {line.line_number}: only what was shipped "
                "is refunded. POST /v1/orders/{order_id}/refresh if it was."
            )
            return [Problem("order_not_shipped", message, conflict=True)]
    return []
