"""The lease of a claimed update, and the database's time by a monotonic clock.

The host's clock may be wrong. Times are therefore the database's at the claim, plus the monotonic
time that has passed.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

# Seconds that must be left of a lease beside the time-out of a write: its result is recorded too.
WRITE_MARGIN = 10.0


@dataclass(slots=True)
class Lease:
    """The time in which this poller alone may deliver an update."""

    claimed_at: datetime
    """The database's time of the claim."""
    seconds: float
    timeout: float
    """Seconds that a call may take."""
    monotonic: Callable[[], float]
    leased_monotonic: float
    """Right before the statement that gave the lease, which therefore lasts at least as long as
    this clock shows."""
    claimed_monotonic: float
    """Right after the claim, so that `now` is never ahead of the database's time."""
    renew: Callable[[], Awaitable[bool]]
    """Extend the lease to another period. False means that it is lost."""
    stopping: Callable[[], bool]
    """Whether the poller stops."""

    def now(self) -> datetime:
        """Return the database's time, by an estimate that is never ahead of it."""
        return self.claimed_at + timedelta(seconds=self.monotonic() - self.claimed_monotonic)

    async def may_write(self) -> bool:
        """Return whether enough is left for a write; where it is not, try to renew the lease."""
        asked_at = self.monotonic()
        # mutation: remaining-lease-from-claim
        left = self.seconds - (asked_at - self.leased_monotonic)
        if left >= min(self.timeout + WRITE_MARGIN, self.seconds):
            return True
        if self.stopping() or not await self.renew():
            return False
        # mutation: lease-from-renewal-request
        self.leased_monotonic = asked_at
        return True
