"""Units that Walmart shows shipped, canceled or refunded, and that no update here requested."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from uuid import UUID

from app.domain.orders.order import Order, Task
from app.domain.orders.returns import Return
from app.domain.orders.snapshot import (
    WAS_SHIPPED,
    LineSnapshot,
    OrderSnapshot,
    Units,
)
from app.domain.orders.tracking_history import possible_numbers
from app.domain.orders.tracking_key import tracking_key
from app.domain.update import Kind

SHIPPED, CANCELED, REFUNDED = "shipped", "canceled", "refunded"


@dataclass(frozen=True, slots=True)
class UnrequestedUnits:
    """Units of a line that no update requested."""

    what: str
    """SHIPPED, CANCELED or REFUNDED."""
    line_number: str
    """Line of the order; of the return for refunded units."""
    units: int
    tracking_number: str | None = None
    carrier: str | None = None


def of_order(order: Order, snapshot: OrderSnapshot) -> tuple[UnrequestedUnits, ...]:
    """Return shipped and canceled units that no update requested, whatever state it is in.

    An order that Walmart fulfils itself has none: Waybill sends nothing for it.
    """
    if order.fulfilled_by_walmart:
        return ()
    return tuple(
        each
        for line in snapshot.lines.values()
        for each in (*_shipped(order, line), *_canceled(order, line))
    )


def of_return(returned: Return, requested: Mapping[int, int]) -> tuple[UnrequestedUnits, ...]:
    """Return refunded units beyond those requested here, by number of the return's line."""
    return tuple(
        UnrequestedUnits(REFUNDED, str(line.number), more)
        for line in returned.lines
        if (more := line.refunded - requested.get(line.number, 0)) > 0
    )


def _shipped(order: Order, line: LineSnapshot) -> Iterator[UnrequestedUnits]:
    left: dict[str, int] = defaultdict(int)
    packages: dict[str, Units] = {}
    for shown in line.units:
        if shown.status in WAS_SHIPPED:
            key = tracking_key(shown.tracking_number or "")
            left[key] += shown.quantity
            packages.setdefault(key, shown)
    ours = [task for task in order.tasks if task.kind is Kind.SHIPMENT]
    wanted = {task.update_id: _requested([task], line.line_number) for task in ours}
    known = {task.update_id: possible_numbers(order, task) for task in ours}
    # Shipments with one possible number take their units first. Refunded units may have no number:
    # they go to any shipment that lacks some.
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
    # mutation: unrequested-units
    taken = min(left[key], wanted[update_id])
    left[key] -= taken
    wanted[update_id] -= taken


def _canceled(order: Order, line: LineSnapshot) -> Iterator[UnrequestedUnits]:
    ours = (task for task in order.tasks if task.kind is Kind.CANCELLATION)
    more = line.canceled - _requested(ours, line.line_number)
    if more > 0:
        yield UnrequestedUnits(CANCELED, line.line_number, more)


def _requested(tasks: Iterable[Task], line_number: str) -> int:
    return sum(
        item.quantity for task in tasks for item in task.items if item.line_number == line_number
    )
