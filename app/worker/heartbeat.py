"""Whether a poller's loop still turns, for a liveness probe.

Nothing else counts. A loop that fails to claim still turns, so that an unreachable database does
not restart pollers, which would not repair it.
"""

from collections.abc import Callable
from dataclasses import dataclass

# Seconds that one round may take: some statements that time out one after another, and the drain.
PATIENCE = 180.0


@dataclass(slots=True)
class Heartbeat:
    """Records when the loop turned last."""

    monotonic: Callable[[], float]
    patience: float = PATIENCE
    """Seconds without a beat after which the loop counts as hung."""
    _last: float | None = None
    """None means that the loop has not begun."""

    def beat(self) -> None:
        """Note that the loop turns."""
        self._last = self.monotonic()

    def stopped(self) -> str | None:
        """Why the loop counts as hung. None means that it turns, or has not begun."""
        silence = 0.0 if self._last is None else self.monotonic() - self._last
        if silence <= self.patience:
            return None
        return f"The poller's loop has not turned for {silence:.0f} seconds."
