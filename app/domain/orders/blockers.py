"""Blockers: which units of an update can be sent after a read of Walmart, and why others cannot.

A delivery uses this before a write, and so does a manual retry, which must not accept what cannot
be sent.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from app.domain.orders import readback, settlement
from app.domain.orders.cancellation import Reason
from app.domain.orders.order import Item, Order, Task
from app.domain.orders.readback import Readback
from app.domain.orders.snapshot import LineSnapshot, OrderSnapshot
from app.domain.update import Kind

EXCESS = "needs_review"
ALREADY_SHIPPED = "order_already_shipped"
CANCEL_NOT_REQUESTED = "cancel_not_requested"
CANCEL_REQUESTED = "cancel_requested"
LINE_CANCELED = "line_canceled"
NO_OPEN_UNITS = "no_open_units"
STATUS_UNKNOWN = "status_unknown"


@dataclass(frozen=True, slots=True)
class BlockedUnits:
    """Units of a line that cannot be sent, with the code of the reason."""

    line_number: str
    units: int
    code: str


@dataclass(frozen=True, slots=True)
class SendableUnits:
    """The units of an update that may be sent now, and those that may not."""

    units: Mapping[str, int]
    """Units by line number."""
    blocked: tuple[BlockedUnits, ...] = ()
    """Units that the order's state at Walmart blocks."""


def blocking_code(task: Task, reading: Readback, snapshot: OrderSnapshot) -> str | None:
    """Return the code of what blocks an update as a whole. None means that nothing does."""
    if reading.excess:
        return EXCESS
    if task.kind is not Kind.CANCELLATION:
        return None
    if any(line.shipped for line in snapshot.lines.values()):
        return ALREADY_SHIPPED
    asked = task.reason != Reason.CUSTOMER_REQUEST or bool(snapshot.cancel_requested)
    return None if asked else CANCEL_NOT_REQUESTED


def sendable(order: Order, task: Task, snapshot: OrderSnapshot, read_at: datetime) -> SendableUnits:
    """Return what may be sent of a shipment or cancellation after a read that began at read_at.

    A cancellation covers every open unit of the order, less units that an earlier read showed
    shipped or canceled. A shipment sends the units that it lacks and still has reserved once the
    read is settled. Lines that the buyer asked to cancel go only with override_cancel_request.
    """
    after = settlement.settle(order, snapshot, read_at).order
    if task.kind is Kind.CANCELLATION:
        return SendableUnits(_open_units(after, snapshot))
    missing = readback.read(order, task, snapshot).missing
    settled = after.task(task.update_id)
    reserved = {item.line_number: item.reserved for item in settled.items} if settled else {}
    units: dict[str, int] = {}
    blocked: list[BlockedUnits] = []
    for number, wanted in missing.items():
        line = snapshot.lines.get(number)
        unknown = min(readback.unknown_units(order, task, line), wanted)
        # mutation: unknown-status-units
        if unknown:
            blocked.append(BlockedUnits(number, unknown, STATUS_UNKNOWN))
            wanted -= unknown  # noqa: PLW2901 - the rest of the line
        stopped = bool(line and line.cancel_requested and not task.override_cancel_request)
        going = 0 if stopped else min(wanted, reserved.get(number, 0), line.open if line else 0)
        if going:
            units[number] = going
        if going < wanted:
            code = CANCEL_REQUESTED if stopped and _open(line) else _code(line)
            blocked.append(BlockedUnits(number, wanted - going, code))
    return SendableUnits(units, tuple(blocked))


def _open_units(settled: Order, snapshot: OrderSnapshot) -> dict[str, int]:
    """Return open units by line, less those that an earlier read showed shipped or canceled."""
    left = {each.line_number: each.ordered - each.shipped - each.canceled for each in settled.lines}
    # mutation: lagging-read-before-cancellation
    units = {number: min(line.open, left.get(number, 0)) for number, line in snapshot.lines.items()}
    return {number: count for number, count in units.items() if count > 0}


def lacks_units(items: tuple[Item, ...]) -> bool:
    """Whether an update wants units that are not reserved for it; only a read can say why."""
    return any(item.reserved < item.quantity - item.confirmed for item in items)


def _open(line: LineSnapshot | None) -> bool:
    return line is not None and line.open > 0


def _code(line: LineSnapshot | None) -> str:
    return LINE_CANCELED if line is not None and line.canceled else NO_OPEN_UNITS
