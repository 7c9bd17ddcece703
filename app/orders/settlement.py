"""Bring the order in line with what Walmart shows: the only way units become shipped or canceled.

Each update gets credited with the units of it that the snapshot shows; what it still waits
for stays reserved. Where Walmart's truth leaves no room for a reservation (somebody shipped
the units in Seller Center), the reservation is trimmed, newest first, and its update is
handed to a person.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from app.orders import correction, readback
from app.orders.order import Item, Line, Money, Order, Task
from app.orders.snapshot import LineSnapshot, OrderSnapshot
from app.orders.update import OPEN, Kind, State

_HOLDING = (Kind.SHIPMENT, Kind.CANCELLATION)


@dataclass(frozen=True, slots=True)
class Settlement:
    """The order after a read.

    landed: updates that Walmart shows complete; trimmed: updates whose reservation had to
    give way; new_lines: lines only Walmart knew.
    """

    order: Order
    landed: tuple[Task, ...]
    trimmed: tuple[Task, ...]
    new_lines: tuple[Line, ...]


def settle(order: Order, snapshot: OrderSnapshot) -> Settlement:
    """Credit every update, then count the lines anew."""
    tasks = [_credit(order, task, snapshot) for task in order.tasks]
    known = [_seen(line, snapshot.lines.get(line.line_number)) for line in order.lines]
    new = [line for line in lines_of(snapshot) if not order.line(line.line_number)]
    tasks, trimmed = _trim([*known, *new], tasks)
    lines = tuple(_reserve(line, tasks) for line in (*known, *new))
    landed = tuple(
        task
        for task in tasks
        if task.unresolved
        and task.kind in _HOLDING
        and all(item.confirmed >= item.quantity for item in task.items)
        # More than anybody here knows of may be a double effect: a person must see it.
        and not readback.read(order, task, snapshot).excess
    )
    counted = replace(order, tasks=tuple(tasks))
    landed += tuple(task for task in tasks if _corrected(counted, task, snapshot))
    after = replace(
        order, lines=lines, tasks=tuple(tasks), cancel_requested=snapshot.cancel_requested
    )
    return Settlement(after, landed, trimmed, tuple(new))


def _corrected(order: Order, task: Task, snapshot: OrderSnapshot) -> bool:
    """Whether Walmart shows a tracking correction done; one under an unclear try may not be yet."""
    if task.kind is not Kind.TRACKING or not task.unresolved or not task.recognisable:
        return False
    shipment = order.task(task.corrects) if task.corrects else None
    # While the rest of the shipment may still go out, the correction waits for its turn.
    settled = shipment is not None and shipment.state not in OPEN
    return settled and correction.standing(order, task, snapshot).done


def _credit(order: Order, task: Task, snapshot: OrderSnapshot) -> Task:
    if task.kind not in _HOLDING or not task.unresolved:
        return task
    found = readback.read(order, task, snapshot).found
    at_rest = task.state in {State.DISMISSED, State.CONFIRMED}

    def credited(item: Item) -> Item:
        confirmed = max(found.get(item.line_number, 0), item.confirmed)
        return replace(
            item,
            confirmed=confirmed,
            reserved=0 if at_rest else min(item.quantity - confirmed, item.reserved),
        )

    return replace(task, items=tuple(credited(item) for item in task.items))


def _seen(line: Line, seen: LineSnapshot | None) -> Line:
    if seen is None:
        return line
    return replace(
        line,
        ordered=max(seen.ordered, seen.shipped + seen.canceled),
        shipped=seen.shipped,
        canceled=seen.canceled,
        refunded=seen.refunded,
        name=line.name or seen.name,
    )


def _from_walmart(seen: LineSnapshot) -> Line:
    price = (
        Money(seen.unit_price, seen.currency)
        if seen.unit_price is not None and seen.currency
        else None
    )
    blank = Line(seen.line_number, seen.sku, seen.ordered, name=seen.name, unit_price=price)
    return _seen(blank, seen)


def lines_of(snapshot: OrderSnapshot) -> tuple[Line, ...]:
    """The lines of an order as Walmart shows them; one without units is none."""
    lines = (_from_walmart(line) for line in snapshot.lines.values())
    return tuple(line for line in lines if line.ordered)


def _trim(lines: Sequence[Line], tasks: Sequence[Task]) -> tuple[list[Task], tuple[Task, ...]]:
    room = {line.line_number: line.ordered - line.shipped - line.canceled for line in lines}
    kept: dict[object, Task] = {}
    trimmed: list[Task] = []
    for task in sorted(tasks, key=lambda each: each.sequence):
        items = []
        for item in task.items:
            reserved = min(item.reserved, max(room.get(item.line_number, 0), 0))
            room[item.line_number] = room.get(item.line_number, 0) - reserved
            items.append(item if reserved == item.reserved else replace(item, reserved=reserved))
        after = task
        if any(new is not old for new, old in zip(items, task.items, strict=True)):
            after = replace(task, items=tuple(items))
            trimmed.append(after)
        kept[task.update_id] = after
    return [kept[task.update_id] for task in tasks], tuple(trimmed)


def _reserve(line: Line, tasks: Iterable[Task]) -> Line:
    reserved = sum(
        item.reserved
        for task in tasks
        for item in task.items
        if item.line_number == line.line_number
    )
    return replace(line, pending=reserved)
