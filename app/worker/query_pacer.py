"""When the dispatcher queries for due updates next.

At once where anything may be due, paced while stores can claim or where only results were recorded,
and otherwise when the next update is due or after the poll interval. All times are of the monotonic
clock.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

# Seconds between two queries for due updates while there is other work, and how many times its own
# duration the next one waits.
PACE = 0.02
_QUERY_SHARE = 4
# Seconds after an error.
_AFTER_ERROR = 1.0


@dataclass(slots=True)
class QueryPacer:
    """Paces the queries for due updates of one dispatcher."""

    monotonic: Callable[[], float]
    poll_interval: float
    """Seconds between two queries while nothing is announced."""
    anything: bool = False
    """Since the last query, anything may have become due."""
    recorded: bool = False
    """Since the last query, a result recorded here may have made an update due."""
    held_back: bool = False
    """Since the last query, a rate limit held back updates of a store."""
    turn_at: float | None = None
    """When the query may ask all shards of a cluster. None: no turn is taken yet."""
    _query_at: float = 0.0
    """When an update is due next."""
    _paced_until: float = 0.0
    """Until when another query would come too soon after the last one."""

    def delivery_ended(self) -> None:
        """Note that a delivery has ended: its answer may have raised the rate limit."""
        self.recorded |= self.held_back

    def next_at(self, *, claimable: bool) -> float:
        """Return when to query. claimable: stores that are known to be due can claim now."""
        # mutation: survey-turn
        if self.turn_at is not None:
            return self.turn_at
        at = self._query_at
        if self.anything:
            at = min(at, self._paced_until if claimable else -math.inf)
        if self.recorded:
            at = min(at, self._paced_until)
        return at

    def begin(self) -> float:
        """Begin a query; returns the time."""
        self.anything = self.recorded = self.held_back = False
        self.turn_at = None
        # A claim that ends during the query may set an earlier time.
        self._query_at = math.inf
        return self.monotonic()

    def end(self, began: float, ended: float, later: float) -> None:
        """End a query. later: seconds until the first update that is not due yet."""
        self._paced_until = ended + max(PACE, (ended - began) * _QUERY_SHARE)
        self.query_by(ended + min(later, self.poll_interval))

    def query_by(self, at: float) -> None:
        """Query no later than at a time."""
        self._query_at = min(self._query_at, at)

    def back_off(self) -> None:
        """Query again after a pause, because something failed."""
        self._query_at = self._paced_until = self.monotonic() + _AFTER_ERROR
