"""Units held back for an update, so that nobody else can ship or cancel them meanwhile."""

from collections.abc import Mapping
from dataclasses import replace
from uuid import UUID

from app.orders.errors import Conflict, Problem
from app.orders.order import Order, Task
from app.orders.update import State


def reserve(order: Order, task: Task) -> Order:
    """The order with one more update, whose units are held back from now on."""
    held = {item.line_number: item.reserved for item in task.items}
    return replace(_with_more(order, held), tasks=(*order.tasks, task))


def hold_again(order: Order, update_id: UUID) -> Order:
    """The order with all that is missing of an update held back again, for a retry.

    Raises Conflict quantity_exceeds_remaining where others have taken the units meanwhile.
    """
    task = order.task(update_id)
    if task is None or not task.items:
        return order
    items = tuple(
        replace(item, reserved=max(item.quantity - item.confirmed, 0)) for item in task.items
    )
    more = {
        new.line_number: new.reserved - old.reserved
        for old, new in zip(task.items, items, strict=True)
    }
    _refuse_without_room(order, more)
    tasks = tuple(replace(task, items=items) if each is task else each for each in order.tasks)
    return replace(_with_more(order, more), tasks=tasks)


def with_state(order: Order, states: Mapping[UUID, State]) -> Order:
    """The order with some of its updates in other states."""
    if all(states.get(task.update_id, task.state) is task.state for task in order.tasks):
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


def _refuse_without_room(order: Order, more: Mapping[str, int]) -> None:
    for line in order.lines:
        if more.get(line.line_number, 0) > line.remaining:
            message = (
                f"Line {line.line_number} has no units left for it: they were shipped or "
                "canceled otherwise. Dismiss the update if nothing of it is to be sent."
            )
            problem = Problem("quantity_exceeds_remaining", message, conflict=True)
            raise Conflict(problem.code, message, [problem])
