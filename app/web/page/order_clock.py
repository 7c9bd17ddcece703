"""The ship-by clock of an order: how much time is left, and how many units must leave."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from app.storage.queries.views import OrderView
from app.web.page import order_state

WIDTH: Final = 100
_SOON: Final = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class ShipByClock:
    """The time until Walmart counts the order as late."""

    ship_by: datetime
    units: int
    """Units that must leave."""
    ordered: int
    tone: str
    """bad (late), warn (within a day) or "" (later)."""
    gone: float
    """The part of the time that is gone, as a width of WIDTH."""


def clock(order: OrderView, now: datetime) -> ShipByClock | None:
    """The clock of an order that must still leave. None: nothing must, or no date is known."""
    units = order_state.unshipped(order)
    if order.ship_by is None or not units or order.fulfillment_status == "canceled":
        return None
    left = order.ship_by - now
    tone = "bad" if left <= timedelta() else "warn" if left < _SOON else ""
    whole = (order.ship_by - order.ordered_at) if order.ordered_at else timedelta()
    share = 1 - left / whole if whole > timedelta() else 1.0
    gone = round(WIDTH * min(max(share, 0.0), 1.0), 1)
    ordered = sum(line.quantity.ordered for line in order.lines)
    return ShipByClock(order.ship_by, units, ordered, tone, gone)
