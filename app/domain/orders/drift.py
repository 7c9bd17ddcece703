"""Drift: differences between an order here and at Walmart, with their cause and repair.

Walmart is the source of truth (`settlement.py`), so a read repairs most drift. There are two
exceptions. A difference that an open update explains is no drift. Units that Walmart no longer
shows are never taken back without a person, because they could then ship twice; the rest of the
same read is applied nevertheless.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from app.domain.orders import readback, settlement
from app.domain.orders.order import Order, OrderLine, Task
from app.domain.orders.snapshot import OrderSnapshot
from app.domain.update import OPEN, Kind, State


class Cause(StrEnum):
    """Why the order differs."""

    UPDATE_IN_FLIGHT = "update_in_flight"
    UPDATE_LANDED = "update_landed"
    SHIPPED_IN_SELLER_CENTER = "shipped_in_seller_center"
    CANCELED_BY_WALMART = "canceled_by_walmart"
    REFUNDED_AT_WALMART = "refunded_at_walmart"
    CANCEL_REQUESTED = "cancel_requested"
    QUANTITY_CHANGED = "quantity_changed"
    STATUS_UNKNOWN = "status_unknown"
    LINE_UNKNOWN = "line_unknown"
    MISSING_AT_WALMART = "missing_at_walmart"
    LINE_MISSING_AT_WALMART = "line_missing_at_walmart"
    ORDER_UNKNOWN_AT_WALMART = "order_unknown_at_walmart"
    ORDER_UNKNOWN_HERE = "order_unknown_here"
    ORDER_UNREADABLE = "order_unreadable"


class Repair(StrEnum):
    """How the difference is repaired."""

    READ = "settled_by_reading"
    WAIT = "waits_for_update"
    PERSON = "needs_person"


# Units that Walmart no longer shows: taking them back would free units that may be shipped.
_VANISHED = frozenset({Cause.MISSING_AT_WALMART, Cause.LINE_MISSING_AT_WALMART})

_SENTENCES = {
    Cause.UPDATE_IN_FLIGHT: "An update under way explains the difference; there is nothing to do.",
    Cause.UPDATE_LANDED: "A failed update took effect at Walmart.",
    Cause.SHIPPED_IN_SELLER_CENTER: "Units were shipped outside Waybill, in Seller Center.",
    Cause.CANCELED_BY_WALMART: "Units were canceled outside Waybill, by Walmart or in Seller "
    "Center.",
    Cause.REFUNDED_AT_WALMART: "Units were refunded outside Waybill.",
    Cause.CANCEL_REQUESTED: "The buyer asks for a cancellation, or no longer does.",
    Cause.QUANTITY_CHANGED: "Walmart shows another number of units ordered.",
    Cause.STATUS_UNKNOWN: "Walmart shows units under a tracking number of Waybill's in a status "
    "that Waybill does not know: compare the order in Seller Center.",
    Cause.LINE_UNKNOWN: "Walmart shows a line that Waybill does not know.",
    Cause.MISSING_AT_WALMART: "Walmart no longer shows units that it had confirmed: compare the "
    "order in Seller Center, then POST /v1/orders/{order_id}/refresh with accept_walmart if "
    "Walmart is right.",
    Cause.LINE_MISSING_AT_WALMART: "Walmart does not show this line: compare the order in Seller "
    "Center.",
    Cause.ORDER_UNKNOWN_AT_WALMART: "Walmart knows no such purchase order for this seller account: "
    "check that the order belongs to the store.",
    Cause.ORDER_UNKNOWN_HERE: "Walmart has an order that Waybill does not: POST /v1/orders/import.",
    Cause.ORDER_UNREADABLE: "Walmart's answer for this order cannot be read: compare the order in "
    "Seller Center.",
}
_UPDATE_BLOCKED = (
    " An update here needs these units; it fails and says why: retry or dismiss the update."
)


@dataclass(frozen=True, slots=True)
class Drift:
    """One difference."""

    cause: Cause
    repair: Repair
    line_number: str | None = None
    """None means that the difference is about the whole order."""
    here: int | None = None
    """Units here. None means that the difference is not about units."""
    walmart: int | None = None
    """Units at Walmart. None means that the difference is not about units."""

    @property
    def sentence(self) -> str:
        """What the cause means, and what a person must do if one is needed."""
        blocks = self.repair is Repair.PERSON and self.cause in _SETTLED_BY_READING
        return _SENTENCES[self.cause] + (_UPDATE_BLOCKED if blocks else "")


_SETTLED_BY_READING = frozenset(
    {Cause.SHIPPED_IN_SELLER_CENTER, Cause.CANCELED_BY_WALMART, Cause.QUANTITY_CHANGED}
)


def compare(
    order: Order, snapshot: OrderSnapshot, read_at: datetime, quiet: timedelta
) -> tuple[Drift, ...]:
    """Return every difference between an order here and at Walmart, line by line.

    read_at is when the read began, by the database's clock. A read may lag behind a confirmation
    for `quiet`: units that it does not show within that time are no drift.
    """
    settled = settlement.settle(order, snapshot, read_at)
    blocked_lines = _lacking(settled.trimmed)
    fresh = _confirmed_since(order, read_at - quiet)
    found: list[Drift] = []
    for line in order.lines:
        seen = snapshot.lines.get(line.line_number)
        if seen is None or not (seen.ordered or seen.shipped or seen.canceled):
            found.append(_drift(Cause.LINE_MISSING_AT_WALMART, line, line.ordered, 0))
        else:
            after = settled.order.line(line.line_number) or line
            found += _line(order, snapshot, line, after, fresh=fresh)
    for number, seen in snapshot.lines.items():
        if order.line(number) is None:
            # A line without units cannot be stored or shipped.
            units = settlement.ordered_units(seen, 0)
            repair = Repair.READ if units else Repair.PERSON
            found.append(Drift(Cause.LINE_UNKNOWN, repair, number, 0, units))
    return tuple(_with_person(drift, blocked_lines) for drift in found)


def is_drift(drift: Drift) -> bool:
    """Whether no open update explains the difference."""
    return drift.cause is not Cause.UPDATE_IN_FLIGHT


def of_order(cause: Cause) -> Drift:
    """Return a difference about the whole order, which needs a person."""
    return Drift(cause, Repair.PERSON)


def _confirmed_since(order: Order, since: datetime) -> bool:
    return any(task.confirmed_at is not None and task.confirmed_at > since for task in order.tasks)


def _line(
    order: Order, snapshot: OrderSnapshot, line: OrderLine, after: OrderLine, *, fresh: bool
) -> Iterator[Drift]:
    """Compare one line. after: the line once the read is settled."""
    seen = snapshot.lines[line.line_number]
    # Units that are known to be canceled are no new shipment, although Walmart shows them shipped.
    unknown = readback.unknown_of_line(order, seen)
    if unknown:
        yield Drift(Cause.STATUS_UNKNOWN, Repair.PERSON, line.line_number, 0, unknown)
    # Ours in an unknown status have not vanished.
    shown = min(line.shipped, seen.shipped + unknown) if unknown else seen.shipped
    shipped = shown if shown < line.shipped else max(after.shipped, line.shipped)
    canceled = seen.canceled if seen.canceled < line.canceled else after.canceled
    refunded = seen.refunded if seen.refunded < line.refunded else after.refunded
    for kind, cause, here, walmart in (
        (Kind.SHIPMENT, Cause.SHIPPED_IN_SELLER_CENTER, line.shipped, shipped),
        (Kind.CANCELLATION, Cause.CANCELED_BY_WALMART, line.canceled, canceled),
        (None, Cause.REFUNDED_AT_WALMART, line.refunded, refunded),
    ):
        if walmart < here:
            cause_of_less = Cause.UPDATE_IN_FLIGHT if fresh else Cause.MISSING_AT_WALMART
            yield _drift(cause_of_less, line, here, walmart)
            continue
        in_flight, landed = _ours(order, snapshot, line, kind) if kind else (0, 0)
        more = walmart - here
        if min(more, in_flight):
            yield _drift(Cause.UPDATE_IN_FLIGHT, line, here, walmart)
        if min(more - in_flight, landed) > 0:
            yield _drift(Cause.UPDATE_LANDED, line, here, walmart)
        if more > in_flight + landed:
            yield _drift(cause, line, here, walmart)
    if after.ordered != line.ordered:
        yield _drift(Cause.QUANTITY_CHANGED, line, line.ordered, after.ordered)
    if seen.cancel_requested != (line.line_number in order.cancel_requested):
        yield Drift(Cause.CANCEL_REQUESTED, Repair.READ, line.line_number)


def _ours(order: Order, snapshot: OrderSnapshot, line: OrderLine, kind: Kind) -> tuple[int, int]:
    """Return units of open and of failed updates that Walmart has and Waybill has not recorded."""
    in_flight = landed = 0
    for task in order.tasks:
        if task.kind is not kind or not task.unresolved:
            continue
        found = readback.read(order, task, snapshot).found.get(line.line_number, 0)
        known = sum(i.confirmed for i in task.items if i.line_number == line.line_number)
        new = max(found - known, 0)
        if task.state in OPEN:
            in_flight += new
        elif task.state is State.FAILED:
            landed += new
    return in_flight, landed


def _drift(cause: Cause, line: OrderLine, here: int, walmart: int) -> Drift:
    if cause is Cause.UPDATE_IN_FLIGHT:
        repair = Repair.WAIT
    else:
        repair = Repair.PERSON if cause in _VANISHED else Repair.READ
    return Drift(cause, repair, line.line_number, here, walmart)


def _lacking(trimmed: Iterable[Task]) -> frozenset[str]:
    """Return lines with too few open units left for an update that still wants some."""
    return frozenset(
        item.line_number
        for task in trimmed
        for item in task.items
        if item.reserved < item.quantity - item.confirmed
    )


def _with_person(drift: Drift, blocked_lines: frozenset[str]) -> Drift:
    if drift.cause in _SETTLED_BY_READING and drift.line_number in blocked_lines:
        return Drift(drift.cause, Repair.PERSON, drift.line_number, drift.here, drift.walmart)
    return drift
