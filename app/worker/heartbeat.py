"""Whether a poller's loop still turns: what a liveness probe asks.

Nothing else is looked at. A loop that fails to claim turns all the same, so that a database
that is away makes nobody restart a poller, which would not heal it.
"""

from collections.abc import Callable
from dataclasses import dataclass

# Seconds for one round: some statements that time out one after the other, and the drain.
PATIENCE = 180.0


@dataclass(slots=True)
class Heartbeat:
    """monotonic: seconds that only grow; patience: seconds of silence that a round may take."""

    monotonic: Callable[[], float]
    patience: float = PATIENCE
    _last: float | None = None

    def beat(self) -> None:
        """Say that the loop turns."""
        self._last = self.monotonic()

    def stopped(self) -> str | None:
        """Why the loop is taken for hung, or None; one that has not begun yet is not."""
        silence = 0.0 if self._last is None else self.monotonic() - self._last
        if silence <= self.patience:
            return None
        return f"The poller's loop has not turned for {silence:.0f} seconds."
