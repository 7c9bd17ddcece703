"""Which orders and returns of Walmart's lists are too old to be stored.

Finished ones are deleted at a certain age. Walmart may still list one, after any change; it must
not come back. What is not finished is stored whatever its age.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from app.domain.orders.returns import Return
from app.domain.orders.snapshot import OrderSnapshot


@dataclass(frozen=True, slots=True)
class AgeLimits:
    """How long finished orders and returns are kept. None means for ever."""

    orders: timedelta | None = None
    returns: timedelta | None = None

    def passes_order(self, shown: OrderSnapshot, now: datetime) -> bool:
        """Whether an order that is not stored stays so."""
        # mutation: aged-order-stays-away
        is_open = any(line.open for line in shown.lines.values())
        return not is_open and _before(shown.ordered_at, now, self.orders)

    def passes_ended(self, ordered_at: datetime | None, now: datetime) -> bool:
        """Whether an order that is over, and cannot be read, stays away. None: it may be open."""
        return _before(ordered_at, now, self.orders)

    def passes_return(self, shown: Return, now: datetime) -> bool:
        """Whether a return that is not stored stays so."""
        # A return goes with its order, if not before.
        old = any(_before(shown.requested_at, now, each) for each in (self.returns, self.orders))
        return old and (shown.refunded or shown.closed)


KEEP_ALL = AgeLimits()


def _before(at: datetime | None, now: datetime, limit: timedelta | None) -> bool:
    return limit is not None and at is not None and at < now - limit
