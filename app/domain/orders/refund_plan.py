"""Plans a refund: which units of a return may be refunded now, or why the request is refused."""

from collections.abc import Mapping, Sequence

from app.domain.errors import Problem
from app.domain.orders import held_units
from app.domain.orders.order import Order
from app.domain.orders.refund_targets import IN_DOUBT, RefundState
from app.domain.orders.returns import REPLACEMENT, RefundItem, RefundRequest, Return


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
    # mutation: canceled-return
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
