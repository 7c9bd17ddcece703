"""What Walmart shows of an order, or of a return, that nothing written down here asked for."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from uuid import UUID

from app.domain.orders.order import Order, Task
from app.domain.orders.returns import Return
from app.domain.orders.snapshot import GONE, LineSnapshot, OrderSnapshot, Units, tracking_key
from app.domain.orders.tracking_history import numbers
from app.domain.update import Kind

SHIPPED, CANCELED, REFUNDED = "shipped", "canceled", "refunded"


@dataclass(frozen=True, slots=True)
class UnrequestedUnits:
    """Units of a line (of the order, or of the return for refunded ones)."""

    what: str
    line_number: str
    units: int
    tracking_number: str | None = None
    carrier: str | None = None


def of_order(order: Order, snapshot: OrderSnapshot) -> tuple[UnrequestedUnits, ...]:
    """Units that were shipped or canceled, as far as no update of ours asked for them.

    Updates count whatever became of them. No update asks for what Walmart fulfils itself.
    """
    if order.fulfilled_by_walmart:
        return ()
    return tuple(
        each
        for line in snapshot.lines.values()
        for each in (*_shipped(order, line), *_canceled(order, line))
    )


def of_return(returned: Return, asked: Mapping[int, int]) -> tuple[UnrequestedUnits, ...]:
    """Units that were refunded; asked: those that refunds here asked for, by the return's line."""
    return tuple(
        UnrequestedUnits(REFUNDED, str(line.number), more)
        for line in returned.lines
        if (more := line.refunded - asked.get(line.number, 0)) > 0
    )


def _shipped(order: Order, line: LineSnapshot) -> Iterator[UnrequestedUnits]:
    left: dict[str, int] = defaultdict(int)
    packages: dict[str, Units] = {}
    for shown in line.units:
        if shown.status in GONE:
            key = tracking_key(shown.tracking_number or "")
            left[key] += shown.quantity
            packages.setdefault(key, shown)
    ours = [task for task in order.tasks if task.kind is Kind.SHIPMENT]
    wanted = {task.update_id: _asked([task], line.line_number) for task in ours}
    known = {task.update_id: numbers(order, task) for task in ours}
    # Those that can only stand under one number take their units first. Refunded units may be
    # shown without a number: they are of whoever lacks some.
    for update_id in sorted(known, key=lambda each: len(known[each])):
        for key in sorted(known[update_id] & left.keys()):
            _take(left, key, wanted, update_id)
    for update_id in known:
        _take(left, "", wanted, update_id)
    for key, units in left.items():
        if units:
            package = packages[key]
            number, carrier = package.tracking_number, package.carrier
            yield UnrequestedUnits(SHIPPED, line.line_number, units, number, carrier)


def _take(left: dict[str, int], key: str, wanted: dict[UUID, int], update_id: UUID) -> None:
    taken = min(left[key], wanted[update_id])
    left[key] -= taken
    wanted[update_id] -= taken


def _canceled(order: Order, line: LineSnapshot) -> Iterator[UnrequestedUnits]:
    ours = (task for task in order.tasks if task.kind is Kind.CANCELLATION)
    more = line.canceled - _asked(ours, line.line_number)
    if more > 0:
        yield UnrequestedUnits(CANCELED, line.line_number, more)


def _asked(tasks: Iterable[Task], line_number: str) -> int:
    return sum(
        item.quantity for task in tasks for item in task.items if item.line_number == line_number
    )
