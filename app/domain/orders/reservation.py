"""Reservation: units that an update holds, so that no other update ships or cancels them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import NoReturn
from uuid import UUID

from app.domain.errors import Conflict
from app.domain.orders import held_units
from app.domain.orders.order import Item, Order, Task
from app.domain.update import AT_REST, Kind, State


def reserve(order: Order, task: Task) -> Order:
    """Return the order with one more update and its units reserved."""
    units = {item.line_number: item.reserved for item in task.items}
    return replace(_with_more(order, units), tasks=(*order.tasks, task))


def reserve_again(order: Order, update_id: UUID) -> Order:
    """Return the order with the missing units of an update reserved again, for a retry.

    Units that Walmart shows as canceled or shipped otherwise are left out; the delivery reports
    them by line. A cancellation covers the whole order, so it reserves all other open units too.
    Raises Conflict quantity_exceeds_remaining if another update holds units that it needs, or if
    no unit is left for it.
    """
    task = order.task(update_id)
    if task is None or not task.items:
        return order
    # mutation: retried-cancellation-units
    if task.kind is Kind.CANCELLATION:
        task = _of_the_whole_order(order, task)
    items = tuple(_reserved_again(order, task, item) for item in task.items)
    if not any(item.reserved for item in items):
        _refuse(items[0].line_number, task, ())
    more = {
        new.line_number: new.reserved - old.reserved
        for old, new in zip(task.items, items, strict=True)
    }
    return with_task(_with_more(order, more), replace(task, items=items))


def _of_the_whole_order(order: Order, task: Task) -> Task:
    """Return the cancellation with all open units that no other update has reserved."""
    items = {item.line_number: item for item in task.items}
    for line in order.lines:
        item = items.get(line.line_number, Item(line.line_number, 0))
        more = line.remaining - max(item.quantity - item.confirmed - item.reserved, 0)
        if more > 0:
            items[line.line_number] = replace(item, quantity=item.quantity + more)
    return replace(task, items=tuple(items.values()))


def _reserved_again(order: Order, task: Task, item: Item) -> Item:
    line = order.line(item.line_number)
    missing = max(item.quantity - item.confirmed, 0)
    if line is None:
        return replace(item, reserved=0)
    wanted = min(missing, max(line.ordered - line.shipped - line.canceled, 0))
    if wanted - item.reserved > line.remaining:
        # mutation: retry-names-holder
        others = held_units.holders_of(order, item.line_number, but=task.update_id)
        _refuse(item.line_number, task, others)
    return replace(item, reserved=wanted)


def release(order: Order, update_id: UUID) -> Order:
    """Return the order without the reservation of an update that will not take effect any more.

    An update that is not at rest can be retried, and keeps its reservation.
    """
    task = order.task(update_id)
    if task is None or task.state not in AT_REST:
        return order
    less = {item.line_number: -item.reserved for item in task.items}
    items = tuple(replace(item, reserved=0) for item in task.items)
    return with_task(_with_more(order, less), replace(task, items=items, in_doubt_until=None))


def with_task(order: Order, task: Task) -> Order:
    """Return the order with one of its updates replaced."""
    tasks = tuple(task if each.update_id == task.update_id else each for each in order.tasks)
    return replace(order, tasks=tasks)


def with_doubt(order: Order, update_id: UUID, in_doubt_until: datetime | None) -> Order:
    """Return the order with the doubt of one update begun, or ended by None."""
    task = order.task(update_id)
    if task is None or task.in_doubt_until == in_doubt_until:
        return order
    return with_task(order, replace(task, in_doubt_until=in_doubt_until))


def with_state(order: Order, states: Mapping[UUID, State]) -> Order:
    """Return the order with new states of some updates."""
    if not states or all(
        states.get(task.update_id, task.state) is task.state for task in order.tasks
    ):
        return order
    tasks = tuple(
        replace(task, state=states[task.update_id]) if task.update_id in states else task
        for task in order.tasks
    )
    return replace(order, tasks=tasks)


def _with_more(order: Order, more: Mapping[str, int]) -> Order:
    lines = tuple(
        replace(line, pending=line.pending + more.get(line.line_number, 0)) for line in order.lines
    )
    return replace(order, lines=lines)


def _refuse(line_number: str, task: Task, holders: Sequence[Task]) -> NoReturn:
    reason = "other updates hold them" if holders else "they were shipped or canceled otherwise"
    message = (
        f"Line {line_number} has too few units left for update {task.update_id}: {reason}. Dismiss "
        "it if it is not to be sent."
    )
    problem = held_units.refusal("quantity_exceeds_remaining", message, [task, *holders])
    raise Conflict(problem.code, problem.message, [problem])
