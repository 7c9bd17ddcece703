"""Where the units of an order are, and what may be done with it: computed once, for the page."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from app.domain.update import State
from app.storage.queries.views import OrderLineView, OrderView
from app.usecases.orders.refresh import LineAtWalmart, OrderAtWalmart
from app.web.page.i18n import deferred

WIDTH: Final = 190
_GAP: Final = 2
FAILED: Final = State.FAILED.value


@dataclass(frozen=True, slots=True)
class Part:
    """Units of a line in the same place: a part of its bar."""

    name: str
    """shipped, moving, held, canceled, refunded or open."""
    units: int
    x: float
    width: float


@dataclass(frozen=True, slots=True)
class LineState:
    """A line, and where its units are."""

    line: OrderLineView
    parts: tuple[Part, ...]


def lines_of(order: OrderView) -> list[LineState]:
    """Where the units of each line are."""
    held = _held(order)
    return [LineState(line, tuple(_parts(line, held[line.line_number]))) for line in order.lines]


def _held(order: OrderView) -> Counter[str]:
    """Units of failed packages, by line: they stay reserved."""
    held: Counter[str] = Counter()
    for shipment in order.shipments:
        if shipment.state == FAILED:
            for item in shipment.items:
                held[item.line_number] += item.quantity - item.confirmed
    return held


def _parts(line: OrderLineView, held: int) -> Iterator[Part]:
    units = line.quantity
    held = min(held, units.pending)
    counted = (
        ("shipped", units.shipped - units.refunded),
        ("refunded", units.refunded),
        ("moving", units.pending - held),
        ("held", held),
        ("canceled", units.canceled),
        ("open", units.remaining),
    )
    whole = sum(max(count, 0) for _, count in counted) or 1
    at = 0.0
    for name, count in counted:
        if count > 0:
            width = WIDTH * count / whole
            yield Part(name, count, round(at, 1), round(max(width - _GAP, 1), 1))
            at += width


def remaining(order: OrderView) -> int:
    """Units that can still be shipped."""
    return sum(line.quantity.remaining for line in order.lines)


def unshipped(order: OrderView) -> int:
    """Units that Walmart does not show as shipped or canceled."""
    return sum(
        max(line.quantity.ordered - line.quantity.shipped - line.quantity.canceled, 0)
        for line in order.lines
    )


def by_walmart(order: OrderView) -> bool:
    """Whether Walmart's own warehouses ship the order."""
    return order.fulfilled_by == "walmart"


def why_not_canceled(order: OrderView) -> str | None:
    """Why the order cannot be canceled, to be translated. None means that it can be."""
    if any(line.quantity.shipped for line in order.lines):
        return deferred("Units have left, and Walmart cancels whole orders only.")
    states = {shipment.state for shipment in order.shipments}
    if FAILED in states:
        return deferred("A package failed. Settle it first.")
    if states & {"pending", "retrying"}:
        return deferred("A package is on its way to Walmart.")
    if order.cancellation is not None and order.cancellation.state in {"pending", "retrying"}:
        return deferred("A cancellation is on its way to Walmart.")
    if order.cancellation is not None and order.cancellation.state == FAILED:
        return deferred("A cancellation failed. Settle it first.")
    return None


def over(order: OrderView) -> bool:
    """Whether nothing can be shipped or canceled any more."""
    return not remaining(order) and not unshipped(order)


_SHIPPED_THERE: Final = {"Shipped", "Delivered", "Refund"}


@dataclass(frozen=True, slots=True)
class Compared:
    """A line here, and the same line at Walmart."""

    here: LineState
    there: LineAtWalmart | None
    same: bool
    """Whether Walmart shows as many units as shipped and as canceled."""


def compared(order: OrderView, walmart: OrderAtWalmart) -> list[Compared]:
    """Both sides of each line."""
    there = {line.line_number: line for line in walmart.lines}
    return [_compared(each, there.get(each.line.line_number)) for each in lines_of(order)]


def _compared(here: LineState, there: LineAtWalmart | None) -> Compared:
    if there is None:
        return Compared(here, None, same=False)
    counted: Counter[str] = Counter()
    for units in there.units:
        counted[units.status] += units.quantity
    quantity = here.line.quantity
    shipped = sum(counted[status] for status in _SHIPPED_THERE)
    same = shipped == quantity.shipped and counted["Cancelled"] == quantity.canceled
    return Compared(here, there, same)
