"""Mending: the failed shipment that a request of Commerce corrects or retries.

A failed shipment keeps its units, so a request for them lacks units. At Commerce's REST door such a
request is about the failed shipment that has exactly these units; which one must be certain. If a
shipment on its way or confirmed has the request's number and exactly its units, the request repeats
that shipment.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from uuid import UUID

from app.domain.errors import OrderError
from app.domain.orders import allocation
from app.domain.orders.held_units import LACK_OF_UNITS
from app.domain.orders.order import Order, Task
from app.domain.orders.requests import ShipRequest
from app.domain.orders.tracking_history import own_numbers
from app.domain.orders.tracking_key import tracking_key
from app.domain.update import Kind, State


@dataclass(frozen=True, slots=True)
class Match:
    """A shipment that has the units of a request."""

    task: Task
    rest_only: bool
    """The request names only those units that Walmart has not confirmed."""

    @property
    def failed(self) -> bool:
        """Whether the shipment is to be mended. Else the package only repeats it."""
        return self.task.state is State.FAILED


def lacks_units(error: OrderError) -> bool:
    """Whether a request for a shipment was refused for lack of units, and for nothing else."""
    return bool(error.problems) and all(each.code in LACK_OF_UNITS for each in error.problems)


def matches(
    order: Order, wanted: Mapping[int, ShipRequest], taken: Collection[UUID]
) -> dict[int, Match]:
    """Return the shipment that each package of a request is about, by the place of the package.

    wanted: the packages that lack units. taken: updates that other packages of the request are
    about. A package is about the shipment of its number and units, failed or not, else about the
    one failed shipment of its units. Empty if this is not certain for each.
    """
    shipments = [
        task
        for task in order.tasks
        if task.kind is Kind.SHIPMENT
        and task.state is not State.DISMISSED
        and task.update_id not in taken
    ]
    failed = [task for task in shipments if task.state is State.FAILED]
    found: dict[int, Match] = {}
    for same_number in (True, False):
        # mutation: repetition-by-number-and-units
        free = shipments if same_number else failed
        for place in sorted(wanted.keys() - found.keys()):
            used = [each.task for each in found.values()]
            left = [task for task in free if task not in used]
            fitting = _fitting(order, left, wanted[place], same_number=same_number)
            # mutation: correction-of-one-failed-shipment
            if len(fitting) == 1:
                found[place] = fitting[0]
    return found if found.keys() == wanted.keys() else {}


def _fitting(
    order: Order, shipments: Collection[Task], request: ShipRequest, *, same_number: bool
) -> list[Match]:
    number = tracking_key(request.tracking_number)
    return [
        match
        for task in shipments
        if (not same_number or number in own_numbers(order, task))
        and (match := _match(order, task, request)) is not None
    ]


def _match(order: Order, task: Task, request: ShipRequest) -> Match | None:
    for units, rest_only in _shares(task):
        if units and _asks_for(order, request, units):
            return Match(task, rest_only)
    return None


def _shares(task: Task) -> Iterator[tuple[dict[str, int], bool]]:
    """Yield the units by line that a request may mean: all, the unconfirmed, the reserved ones."""
    partly = any(item.confirmed for item in task.items)
    yield {item.line_number: item.quantity for item in task.items}, False
    rest = {item.line_number: item.quantity - item.confirmed for item in task.items}
    yield {number: units for number, units in rest.items() if units}, partly
    yield {item.line_number: item.reserved for item in task.items if item.reserved}, partly


def _asks_for(order: Order, request: ShipRequest, units: Mapping[str, int]) -> bool:
    """Whether a request asks for exactly these units of a shipment, were they free."""
    lines = tuple(
        replace(
            line,
            ordered=max(line.remaining, 0) + units.get(line.line_number, 0),
            pending=0,
            shipped=0,
            canceled=0,
        )
        for line in order.lines
    )
    freed = replace(order, lines=lines, tasks=(), later_parts={})
    if request.items is None:
        items = allocation.remaining_items(freed)
    else:
        items, problems = allocation.allocate(freed, request.items)
        if problems:
            return False
    return {item.line_number: item.quantity for item in items} == dict(units)
