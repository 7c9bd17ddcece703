"""What of an update can still be sent, and why the rest cannot, by what Walmart shows.

Asked after a read: by a delivery before it sends, and by a person's retry, which must not promise
what cannot be.
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


@dataclass(frozen=True, slots=True)
class BlockedUnits:
    """Units of a line that cannot go, with the code of what stands against them."""

    line_number: str
    units: int
    code: str


@dataclass(frozen=True, slots=True)
class SendableUnits:
    """Units per line that may be sent now, and those that cannot because of Walmart's side."""

    units: Mapping[str, int]
    blocked: tuple[BlockedUnits, ...] = ()


def obstacle(task: Task, reading: Readback, snapshot: OrderSnapshot) -> str | None:
    """The code of what stands against an update as a whole, None where nothing does."""
    if reading.excess:
        return EXCESS
    if task.kind is not Kind.CANCELLATION:
        return None
    if any(line.shipped for line in snapshot.lines.values()):
        return ALREADY_SHIPPED
    asked = task.reason != Reason.CUSTOMER_REQUEST or bool(snapshot.cancel_requested)
    return None if asked else CANCEL_NOT_REQUESTED


def sendable(order: Order, task: Task, snapshot: OrderSnapshot, read_at: datetime) -> SendableUnits:
    """What may be sent of a shipment or cancellation after a read that began at read_at.

    A cancellation covers every open unit of the order, as far as a read that lags behind what is
    known does not show too many. A shipment sends what is missing of it and
    what it still holds once the read is settled; lines that the buyer asked to cancel go only
    where a person has overridden that.
    """
    after = settlement.settle(order, snapshot, read_at).order
    if task.kind is Kind.CANCELLATION:
        return SendableUnits(_open_units(after, snapshot))
    missing = readback.read(order, task, snapshot).missing
    settled = after.task(task.update_id)
    held = {item.line_number: item.reserved for item in settled.items} if settled else {}
    units: dict[str, int] = {}
    blocked: list[BlockedUnits] = []
    for number, wanted in missing.items():
        line = snapshot.lines.get(number)
        stopped = bool(line and line.cancel_requested and not task.override_cancel_request)
        going = 0 if stopped else min(wanted, held.get(number, 0), line.open if line else 0)
        if going:
            units[number] = going
        if going < wanted:
            code = CANCEL_REQUESTED if stopped and _open(line) else _code(line)
            blocked.append(BlockedUnits(number, wanted - going, code))
    return SendableUnits(units, tuple(blocked))


def _open_units(settled: Order, snapshot: OrderSnapshot) -> dict[str, int]:
    """Open units per line, but for those that were shipped or canceled in an earlier read."""
    left = {each.line_number: each.ordered - each.shipped - each.canceled for each in settled.lines}
    units = {number: min(line.open, left.get(number, 0)) for number, line in snapshot.lines.items()}
    return {number: count for number, count in units.items() if count > 0}


def unheld(items: tuple[Item, ...]) -> bool:
    """Whether an update wants units that it does not hold: what stands against them is unknown."""
    return any(item.reserved < item.quantity - item.confirmed for item in items)


def _open(line: LineSnapshot | None) -> bool:
    return line is not None and line.open > 0


def _code(line: LineSnapshot | None) -> str:
    return LINE_CANCELED if line is not None and line.canceled else NO_OPEN_UNITS
