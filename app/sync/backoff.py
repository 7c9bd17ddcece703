"""How long do we wait, when do we read back, when do we give up? Pure arithmetic.

Between deliveries the wait is exponential with full jitter: anything between nothing and
base * 2^n, at most cap. After an unclear write Walmart is read at 2, 5, 15 and 60 seconds
and when the quiet period ends; before its end a read may only confirm.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import assert_never

from app.orders.outcome import (
    AlreadyThere,
    Confirmed,
    Failure,
    HandedBack,
    Outcome,
    Refused,
    TryLater,
    Unclear,
)
from app.orders.update import State
from app.storage.recording import Step
from app.storage.updates import Claimed

# Seconds from one early read to the next.
READ_GAPS = (2.0, 3.0, 10.0, 45.0)
# 2^40 seconds is beyond any cap; a larger exponent would only overflow.
_MAX_EXPONENT = 40


@dataclass(frozen=True, slots=True)
class Policy:
    """Seconds: the first wait, the longest wait, when to give up, how long absence is doubted."""

    base: float = 1.0
    cap: float = 900.0
    give_up_after: float = 172_800.0
    quiet_period: float = 120.0


def delay(policy: Policy, retries: int, jitter: float) -> float:
    """Seconds to wait after that many failures in a row; jitter is uniform in [0, 1)."""
    ceiling = policy.base * float(2 ** min(max(retries - 1, 0), _MAX_EXPONENT))
    return min(policy.cap, ceiling) * jitter


def next_step(
    update: Claimed, outcome: Outcome, policy: Policy, *, now: datetime, jitter: float
) -> Step:
    """What becomes of an update after a delivery. now is the database's time at its end."""
    match outcome:
        case Confirmed() | AlreadyThere():
            return Step(State.CONFIRMED)
        case Refused(failure):
            doubtful = update.ambiguous and quiet_left(update, policy, now) > 0
            return Step(State.FAILED, ambiguous=doubtful, failure=failure, failed_at=now)
        case HandedBack():
            return _handed_back(update)
        case TryLater():
            return _later(update, outcome, policy, now=now, jitter=jitter)
        case Unclear():
            return _unclear(update, outcome, policy, now=now, jitter=jitter)
        case _:
            assert_never(outcome)


def _handed_back(update: Claimed) -> Step:
    return Step(
        update.claimed_from,
        retries=update.retries,
        reads=update.reads,
        ambiguous=update.ambiguous,
        failing_for=update.failing_for,
    )


def _failing_for(update: Claimed, policy: Policy, now: datetime, *, reached: bool) -> float:
    """Seconds of tries that reached Walmart and failed, this one's share included.

    Only the time between two such tries counts, so waiting for a throttled or unreachable
    Walmart never makes an update give up.
    """
    if not reached or update.failing_since is None:
        return update.failing_for
    passed = (now - update.failing_since).total_seconds()
    # No wait between two tries is planned longer than this: the rest nobody was trying.
    return update.failing_for + min(max(passed, 0.0), policy.cap + policy.quiet_period)


def _later(
    update: Claimed, outcome: TryLater, policy: Policy, *, now: datetime, jitter: float
) -> Step:
    failing_for = _failing_for(update, policy, now, reached=outcome.reached)
    if failing_for >= policy.give_up_after and not update.ambiguous:
        return Step(State.FAILED, failure=_given_up(outcome.failure), failed_at=now)
    # Being told to wait is not a failure: it does not lengthen the next wait.
    retries = update.retries + (1 if outcome.pause is None else 0)
    told = outcome.wait.total_seconds() if outcome.wait else 0.0
    wait = told if outcome.pause else max(told, delay(policy, retries, jitter))
    return Step(
        State.VERIFYING if update.ambiguous else State.RETRYING,
        due_in=wait,
        retries=retries,
        reads=update.reads,
        ambiguous=update.ambiguous,
        failing=outcome.reached,
        failing_for=failing_for,
        failure=replace(outcome.failure, retryable=True),
        failed_at=now,
    )


def _unclear(
    update: Claimed, outcome: Unclear, policy: Policy, *, now: datetime, jitter: float
) -> Step:
    reached = outcome.sent or outcome.read
    failing_for = _failing_for(update, policy, now, reached=reached)
    if failing_for >= policy.give_up_after and outcome.read:
        failure = _unsettled(outcome.failure)
        return Step(State.FAILED, ambiguous=True, failure=failure, failed_at=now)
    reads = 0 if outcome.sent else update.reads + 1
    retries = update.retries + (1 if outcome.sent or not outcome.read else 0)
    return Step(
        State.VERIFYING,
        due_in=_next_read(update, outcome, policy, now=now, retries=retries, jitter=jitter),
        retries=retries,
        reads=reads,
        ambiguous=True,
        sent=outcome.sent,
        failing=reached,
        failing_for=failing_for,
        failure=replace(outcome.failure, retryable=True),
        failed_at=now,
    )


def _next_read(
    update: Claimed,
    outcome: Unclear,
    policy: Policy,
    *,
    now: datetime,
    retries: int,
    jitter: float,
) -> float:
    if outcome.pause is not None:
        return outcome.pause.wait.total_seconds()
    reads = 0 if outcome.sent else update.reads + 1
    quiet = policy.quiet_period if outcome.sent else quiet_left(update, policy, now)
    backoff = delay(policy, retries, jitter)
    if not outcome.sent and not outcome.read and quiet <= 0:
        return backoff
    gap = READ_GAPS[reads] if reads < len(READ_GAPS) else quiet
    return min(gap, quiet) if quiet > 0 else backoff


def quiet_left(update: Claimed, policy: Policy, now: datetime) -> float:
    """Seconds until a read may be believed that shows nothing of an unclear write."""
    if update.may_have_left_at is None:
        return 0.0
    passed = (now - update.may_have_left_at).total_seconds()
    return max(policy.quiet_period - passed, 0.0)


def _given_up(failure: Failure) -> Failure:
    message = f"Given up after trying for as long as is set. The last try: {failure.message}"
    return replace(failure, code="gave_up", message=message, retryable=True)


def _unsettled(failure: Failure) -> Failure:
    message = (
        "Whether Walmart took it could not be settled for as long as is set. "
        f"The last try: {failure.message}"
    )
    return replace(failure, code="needs_review", message=message, retryable=True)
