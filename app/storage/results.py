"""The result of a delivery: what becomes of its update, what was seen, and the evidence."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from app.orders.doubt import QUIET_PERIOD, Doubt
from app.orders.lane import News
from app.orders.order import Link
from app.orders.outcome import Failure
from app.orders.returns import Return
from app.orders.snapshot import OrderSnapshot
from app.orders.update import State
from app.storage.settling import error_json
from app.storage.updates import Claimed


@dataclass(frozen=True, slots=True)
class Step:
    """What becomes of an update after a delivery; due_in seconds until the next one.

    ambiguous: Walmart is read before the next send. doubt: whether the update is in doubt from now
    on, see orders/doubt.py. known: a proper answer about it came. failing: the try reached Walmart
    and failed, failing_for such seconds so far. faults: see Claimed.
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
class Result:
    """A delivery that ended, ready to be written down.

    quiet: seconds that a doubt lasts which begins now. snapshot: the order as Walmart showed it
    last, in an answer to a call that began at read_at (the database's time).
    """

    update: Claimed
    step: Step
    attempt: Attempt
    quiet: float = QUIET_PERIOD
    snapshot: OrderSnapshot | None = None
    read_at: datetime | None = None
    returned: Return | None = None
    link: Link | None = None
    news: Sequence[News] = ()
    # What becomes of the update where the result cannot be written.
    unwritable: Callable[[], Step] | None = None

    def instead(self) -> "Result | None":
        """What is written where the result cannot be: that it could not, and nothing that was seen.

        None where that is what could not be written.
        """
        if self.unwritable is None:
            return None
        detail = "What the delivery came to could not be written."
        attempt = replace(self.attempt, verdict="fault", detail=detail, calls=())
        return Result(self.update, self.unwritable(), attempt, self.quiet)


def change_row(result: Result) -> dict[str, Any]:
    """What becomes of the update, as a row of the statement that writes it."""
    step = result.step
    return {
        "store_id": result.update.store_id,
        "id": str(result.update.id),
        "lease_token": str(result.update.lease_token),
        "state": step.state.value,
        "due_in": step.due_in,
        "retries": step.retries,
        "reads": step.reads,
        "ambiguous": step.ambiguous,
        "faults": step.faults,
        "doubt": step.doubt.value,
        "quiet": result.quiet,
        "known": step.known,
        "failing": step.failing,
        "failing_for": step.failing_for,
        "last_error": error_json(step.failure, result.update.kind, step.failed_at),
    }


def attempt_row(result: Result) -> dict[str, Any]:
    """The evidence of the try, as a row of that statement."""
    update, attempt = result.update, result.attempt
    return {
        "store_id": update.store_id,
        "id": str(attempt.id),
        "update_id": str(update.id),
        "order_id": str(update.order_id) if update.order_id else None,
        "number": update.attempts,
        "poller": attempt.poller,
        "started_at": attempt.started_at.isoformat(),
        "ended_at": attempt.ended_at.isoformat(),
        "verdict": attempt.verdict,
        "detail": attempt.detail,
        "calls": list(attempt.calls),
    }
