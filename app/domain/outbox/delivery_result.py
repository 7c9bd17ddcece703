"""The result of a delivery: the update's next state, the snapshot it read, and its evidence."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from app.domain.orders.order import Link
from app.domain.orders.returns import Return
from app.domain.orders.snapshot import OrderSnapshot
from app.domain.outbox.claimed_update import Claimed
from app.domain.outbox.doubt import QUIET_PERIOD, Doubt
from app.domain.outbox.outcome import Failure
from app.domain.outbox.rate_limits import CallReport, Lane
from app.domain.update import State


@dataclass(frozen=True, slots=True)
class NextStep:
    """The next state of an update after a delivery. `Claimed` explains the counters."""

    state: State
    due_in: float = 0.0
    """Seconds until the next delivery."""
    retries: int = 0
    reads: int = 0
    ambiguous: bool = False
    """Walmart is read before the next write."""
    doubt: Doubt = Doubt.KEEP
    """What the delivery does to the doubt of the update (doubt.py)."""
    known: bool = False
    """A valid answer about the update arrived."""
    faults: int = 0
    failing: bool = False
    """The try reached Walmart and failed."""
    failing_for: float = 0.0
    failure: Failure | None = None
    failed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Attempt:
    """The evidence of one delivery."""

    id: UUID
    poller: str
    started_at: datetime
    ended_at: datetime
    verdict: str
    detail: str | None
    calls: Sequence[Mapping[str, Any]]
    """Requests and answers as JSON, redacted."""
    traceparent: str | None = None
    """Of the delivery's span where it is traced, else of the update's request."""


@dataclass(frozen=True, slots=True)
class DeliveryResult:
    """A finished delivery, ready to be recorded."""

    update: Claimed
    step: NextStep
    attempt: Attempt
    quiet: float = QUIET_PERIOD
    """Seconds that a doubt lasts if it begins now."""
    snapshot: OrderSnapshot | None = None
    """The order as Walmart showed it last. None means that no answer showed it."""
    read_at: datetime | None = None
    """When the call that showed the snapshot began, by the database's clock."""
    returned: Return | None = None
    link: Link | None = None
    reports: Sequence[CallReport] = ()
    fallback_step: Callable[[], NextStep] | None = None
    """Computes the next step that is recorded if this result cannot be. None means no fallback."""

    def fallback(self) -> "DeliveryResult | None":
        """Return the result to record if this one cannot be, without what was read.

        None means that this result is itself the fallback.
        """
        if self.fallback_step is None:
            return None
        detail = "The result of the delivery could not be recorded."
        attempt = replace(self.attempt, verdict="fault", detail=detail, calls=())
        return DeliveryResult(self.update, self.fallback_step(), attempt, self.quiet)


@dataclass(frozen=True, slots=True)
class Recorded:
    """What recording a batch of results changed."""

    kept: Sequence[DeliveryResult]
    """Results that still held their lease, and were recorded."""
    stopped: Sequence[Lane]
    """Lanes that became blocked, so that a person must act."""
    more: bool
    """An update may have become due."""
