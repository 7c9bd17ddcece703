"""The result of a delivery: what becomes of its update, what was seen, and the evidence."""

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
    """What becomes of an update after a delivery; due_in seconds until the next one.

    ambiguous: Walmart is read before the next send. doubt: whether the update is in doubt from now
    on (domain/outbox/doubt.py). known: a proper answer about it came. failing: the try reached
    Walmart and failed, failing_for such seconds so far. faults: see Claimed.
    """

    state: State
    due_in: float = 0.0
    retries: int = 0
    reads: int = 0
    ambiguous: bool = False
    doubt: Doubt = Doubt.KEEP
    known: bool = False
    faults: int = 0
    failing: bool = False
    failing_for: float = 0.0
    failure: Failure | None = None
    failed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Attempt:
    """The evidence of one try. calls: what was sent (redacted) and what came back, as JSON."""

    id: UUID
    poller: str
    started_at: datetime
    ended_at: datetime
    verdict: str
    detail: str | None
    calls: Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class DeliveryResult:
    """A delivery that ended, ready to be written down.

    quiet: seconds that a doubt lasts which begins now. snapshot: the order as Walmart showed it
    last, in an answer to a call that began at read_at (the database's time).
    """

    update: Claimed
    step: NextStep
    attempt: Attempt
    quiet: float = QUIET_PERIOD
    snapshot: OrderSnapshot | None = None
    read_at: datetime | None = None
    returned: Return | None = None
    link: Link | None = None
    reports: Sequence[CallReport] = ()
    # What becomes of the update where the result cannot be written.
    unwritable: Callable[[], NextStep] | None = None

    def instead(self) -> "DeliveryResult | None":
        """What is written where the result cannot be: that it could not, and nothing that was seen.

        None where that is what could not be written.
        """
        if self.unwritable is None:
            return None
        detail = "What the delivery came to could not be written."
        attempt = replace(self.attempt, verdict="fault", detail=detail, calls=())
        return DeliveryResult(self.update, self.unwritable(), attempt, self.quiet)


@dataclass(frozen=True, slots=True)
class Recorded:
    """What came of a batch.

    kept: results that still held their lease. stopped: lanes that a person should hear of.
    more: something may have become due by it, sooner or later.
    """

    kept: Sequence[DeliveryResult]
    stopped: Sequence[Lane]
    more: bool
