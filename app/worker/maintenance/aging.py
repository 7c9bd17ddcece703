"""Deletes finished orders, returns and timeline entries at their age limits, in sweeps."""

import asyncio
from dataclasses import dataclass, field

from app.storage.postgres.database import Database
from app.storage.removal import aging
from app.storage.removal.aging import Walk

# Seconds after each batch: the traffic comes first.
_PAUSE = 0.1
# Seconds between two sweeps. The limits are days.
_SWEEP_EVERY = 6 * 3600.0


@dataclass(frozen=True, slots=True)
class AgeLimitDays:
    """Days after the last change of a finished order or return; 0 keeps it for ever."""

    orders: int
    returns: int
    events: int
    """Of the timeline entries of finished orders."""


@dataclass(slots=True)
class AgeSweep:
    """Looks at what is older than its limit, of each store, and deletes what is at rest."""

    database: Database
    limits: AgeLimitDays
    _left: list[Walk] = field(default_factory=list)
    """What this sweep has not finished, the next one last."""
    _position: aging.Position = aging.START
    _next_at: float = 0.0
    """Time of the event loop at which the next sweep begins."""

    async def run(self) -> bool:
        """Delete a batch. True means that the sweep has not reached its end."""
        now = asyncio.get_running_loop().time()
        if now < self._next_at:
            return False
        self._left = self._left or await self._walks()
        if self._left:
            position = await aging.remove(self.database, self._left[-1], self._position)
            self._position = position or aging.START
            if position is None:
                self._left.pop()
        self._next_at = now if self._left else now + _SWEEP_EVERY
        await asyncio.sleep(_PAUSE if self._left else 0)
        return bool(self._left)

    async def _walks(self) -> list[Walk]:
        limits = (
            (aging.EVENTS, self.limits.events),
            (aging.RETURNS, self.limits.returns),
            (aging.ORDERS, self.limits.orders),
        )
        wanted = [(kind, days) for kind, days in limits if days]
        if not wanted:
            return []
        stores = await aging.store_ids(self.database)
        return [Walk(kind, days, store) for kind, days in wanted for store in stores]
