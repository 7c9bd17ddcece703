"""What a job does, and on which updates of an order."""

from collections.abc import Mapping

from app.usecases.updates.retry_many import TO_DISMISS, TO_RETRY

RETRY, DISMISS, REFRESH = "retry", "dismiss", "refresh"
FIX = "fix"
"""Of the cases of a cause."""
STATES: Mapping[str, frozenset[str] | None] = {RETRY: TO_RETRY, DISMISS: TO_DISMISS}
"""Which updates of an order a kind acts on. The others act on what was selected itself."""
