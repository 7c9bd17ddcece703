"""Retry policy: after a delivery, when does the next one go, is it a read, or is it over?

Backoff is exponential with full jitter: a random time between 0 and base * 2^n seconds, at most
cap. After an unclear write Walmart is read after 2, 5, 15 and 60 seconds and when the quiet period
ends; before its end a read may only confirm.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import assert_never

from app.domain.outbox.claimed_update import Claimed
from app.domain.outbox.delivery_result import NextStep
from app.domain.outbox.doubt import ENDED_BY_TIME, QUIET_PERIOD, Doubt
from app.domain.outbox.outcome import (
    AlreadyThere,
    Confirmed,
    Failure,
    HandedBack,
    InternalError,
    Outcome,
    Refused,
    SendAgain,
    TryLater,
    Unclear,
)
from app.domain.update import State

# Seconds between the early reads after an unclear write.
READ_GAPS = (2.0, 3.0, 10.0, 45.0)
# Deliveries in a row that may end with an exception of Waybill's own before the update fails.
MAX_FAULTS = 10
# 2^40 seconds exceed any cap; a larger exponent would overflow.
_MAX_EXPONENT = 40


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Durations in seconds."""

    base: float = 1.0
    """The first wait at most."""
    cap: float = 900.0
    """The longest wait."""
    give_up_after: float = 172_800.0
    """The update fails after so long of failing tries that reached Walmart."""
    quiet_period: float = QUIET_PERIOD
    """After an unclear write, until a read may show that it had no effect."""


@dataclass(frozen=True, slots=True)
class DeliveryEnd:
    """The circumstances in which a delivery ended."""

    now: datetime
    """The database's time at the end."""
    jitter: float
    """Uniform in [0, 1)."""
    doubt_ended: bool = False
    """A read began late enough, and showed that no earlier try will take effect."""
    read: bool = False
    """The delivery read the subject of the update at the target."""


def delay(policy: RetryPolicy, retries: int, jitter: float) -> float:
    """Return the seconds to wait after so many failures in a row; jitter is uniform in [0, 1)."""
    ceiling = policy.base * float(2 ** min(max(retries - 1, 0), _MAX_EXPONENT))
    return min(policy.cap, ceiling) * jitter


def next_step(  # noqa: PLR0911 - one for each outcome
    update: Claimed, outcome: Outcome, policy: RetryPolicy, end: DeliveryEnd
) -> NextStep:
    """Return the next state of an update after a delivery."""
    doubt = doubt_after(update, outcome, doubt_ended=end.doubt_ended)
    match outcome:
        case Confirmed() | AlreadyThere():
            return NextStep(State.CONFIRMED, doubt=doubt)
        case Refused(failure):
            return NextStep(
                State.FAILED,
                ambiguous=_in_doubt(update, doubt),
                doubt=doubt,
                known=True,
                failure=failure,
                failed_at=end.now,
            )
        case HandedBack():
            return _after_handed_back(update)
        case TryLater():
            return _after_try_later(update, outcome, policy, end, doubt)
        case Unclear() if update.kind in ENDED_BY_TIME:
            later = TryLater(outcome.failure, reached=True, pause=outcome.pause)
            return replace(_after_try_later(update, later, policy, end, doubt), known=False)
        case Unclear():
            return _after_unclear(update, outcome, policy, end, doubt)
        case SendAgain():
            return _after_send_again(update, outcome, end, doubt)
        case InternalError():
            return _after_internal_error(update, outcome, policy, end, doubt)
        case _:
            assert_never(outcome)


def doubt_after(update: Claimed, outcome: Outcome, *, doubt_ended: bool) -> Doubt:
    """Return what a delivery does to the doubt of its update."""
    match outcome:
        case Unclear(sent=True) | InternalError(sent=True):
            return Doubt.BEGIN
        case AlreadyThere(in_doubt=True):
            return Doubt.KEEP
        case Confirmed() | AlreadyThere() if update.kind not in ENDED_BY_TIME:
            return Doubt.END
        case _:
            return Doubt.END if doubt_ended else Doubt.KEEP


def _in_doubt(update: Claimed, doubt: Doubt) -> bool:
    """Whether only a read can show if a try took effect."""
    if update.kind in ENDED_BY_TIME:
        return False
    return doubt is Doubt.BEGIN or (doubt is Doubt.KEEP and update.in_doubt_until is not None)


def _reads_first(update: Claimed, doubt: Doubt, end: DeliveryEnd) -> bool:
    """Whether Walmart is read before the next write."""
    return _in_doubt(update, doubt) or (update.ambiguous and not end.read)


def _after_handed_back(update: Claimed) -> NextStep:
    return NextStep(
        update.claimed_from,
        retries=update.retries,
        reads=update.reads,
        ambiguous=update.ambiguous,
        failing_for=update.failing_for,
        faults=update.faults,
    )


def _failing_for(update: Claimed, policy: RetryPolicy, now: datetime, *, reached: bool) -> float:
    """Return the seconds of failing tries that reached Walmart, this one included.

    Only the time between two such tries counts: waiting for a throttled or unreachable Walmart
    never makes an update give up.
    """
    if not reached or update.failing_since is None:
        return update.failing_for
    passed = (now - update.failing_since).total_seconds()
    # No planned wait is longer than this; in a longer gap no poller was running.
    return update.failing_for + min(max(passed, 0.0), policy.cap + policy.quiet_period)


def _after_try_later(
    update: Claimed, outcome: TryLater, policy: RetryPolicy, end: DeliveryEnd, doubt: Doubt
) -> NextStep:
    failing_for = _failing_for(update, policy, end.now, reached=outcome.reached)
    in_doubt = _in_doubt(update, doubt)
    known = outcome.reached or outcome.pause is not None or outcome.snapshot is not None
    if failing_for >= policy.give_up_after and not in_doubt:
        failure = _gave_up(outcome.failure, policy)
        return NextStep(State.FAILED, doubt=doubt, known=known, failure=failure, failed_at=end.now)
    # A requested pause is not a failure: it does not lengthen the next wait.
    retries = update.retries + (1 if outcome.pause is None else 0)
    requested = outcome.wait.total_seconds() if outcome.wait else 0.0
    wait = requested if outcome.pause else max(requested, delay(policy, retries, end.jitter))
    return NextStep(
        State.VERIFYING if in_doubt else State.RETRYING,
        due_in=wait,
        retries=retries,
        reads=update.reads,
        ambiguous=_reads_first(update, doubt, end),
        doubt=doubt,
        known=known,
        failing=outcome.reached,
        failing_for=failing_for,
        failure=replace(outcome.failure, retryable=True),
        failed_at=end.now,
    )


def _after_unclear(
    update: Claimed, outcome: Unclear, policy: RetryPolicy, end: DeliveryEnd, doubt: Doubt
) -> NextStep:
    reached = outcome.sent or outcome.read
    failing_for = _failing_for(update, policy, end.now, reached=reached)
    if failing_for >= policy.give_up_after and outcome.read:
        failure = _needs_review(outcome.failure, policy)
        return NextStep(
            State.FAILED, ambiguous=True, doubt=doubt, failure=failure, failed_at=end.now
        )
    reads = 0 if outcome.sent else update.reads + 1
    retries = update.retries + (1 if outcome.sent or not outcome.read else 0)
    return NextStep(
        State.VERIFYING,
        due_in=_next_read(update, outcome, policy, end, retries=retries),
        retries=retries,
        reads=reads,
        ambiguous=True,
        doubt=doubt,
        failing=reached,
        failing_for=failing_for,
        failure=replace(outcome.failure, retryable=True),
        failed_at=end.now,
    )


def _after_send_again(
    update: Claimed, outcome: SendAgain, end: DeliveryEnd, doubt: Doubt
) -> NextStep:
    reads_first = update.kind not in ENDED_BY_TIME
    return NextStep(
        State.VERIFYING if reads_first else State.RETRYING,
        due_in=max((outcome.until - end.now).total_seconds(), 0.0),
        ambiguous=reads_first,
        doubt=doubt,
        known=True,
        failure=_OVERWRITABLE,
        failed_at=end.now,
    )


def _after_internal_error(
    update: Claimed, outcome: InternalError, policy: RetryPolicy, end: DeliveryEnd, doubt: Doubt
) -> NextStep:
    """Back off as after any failure; after MAX_FAULTS in a row the update fails."""
    in_doubt, faults = _in_doubt(update, doubt), update.faults + 1
    # mutation: internal-error-limit
    if faults >= MAX_FAULTS:
        return NextStep(
            State.FAILED,
            ambiguous=in_doubt,
            doubt=doubt,
            failure=outcome.failure,
            failed_at=end.now,
        )
    retries = update.retries + 1
    return NextStep(
        State.VERIFYING if in_doubt else State.RETRYING,
        due_in=delay(policy, retries, end.jitter),
        retries=retries,
        reads=update.reads,
        ambiguous=_reads_first(update, doubt, end),
        doubt=doubt,
        failing_for=update.failing_for,
        faults=faults,
        failure=outcome.failure,
        failed_at=end.now,
    )


def _next_read(
    update: Claimed, outcome: Unclear, policy: RetryPolicy, end: DeliveryEnd, *, retries: int
) -> float:
    if outcome.pause is not None:
        return outcome.pause.wait.total_seconds()
    reads = 0 if outcome.sent else update.reads + 1
    quiet = policy.quiet_period if outcome.sent else doubt_left(update, end.now)
    backoff = delay(policy, retries, end.jitter)
    if not outcome.sent and not outcome.read and quiet <= 0:
        return backoff
    gap = READ_GAPS[reads] if reads < len(READ_GAPS) else quiet
    return min(gap, quiet) if quiet > 0 else backoff


def doubt_left(update: Claimed, now: datetime) -> float:
    """Return the seconds until a read may show that a write in doubt had no effect."""
    if update.in_doubt_until is None:
        return 0.0
    return max((update.in_doubt_until - now).total_seconds(), 0.0)


_OVERWRITABLE = Failure(
    code="older_value_in_doubt",
    message="Walmart took the value. An older value may still arrive and overwrite it, so Waybill "
    "sends it again once no older value can arrive.",
    origin="walmart",
    retryable=True,
)


def _gave_up(failure: Failure, policy: RetryPolicy) -> Failure:
    message = (
        f"Waybill gave up: tries failed for WAYBILL_GIVE_UP_AFTER. Last error: {failure.message}"
    )
    params = {"cause": failure.code, "seconds": policy.give_up_after}
    return replace(failure, code="gave_up", message=message, retryable=True, params=params)


def _needs_review(failure: Failure, policy: RetryPolicy) -> Failure:
    message = (
        "Waybill could not find out within WAYBILL_GIVE_UP_AFTER whether Walmart took it. "
        f"Last error: {failure.message}"
    )
    params = {"cause": failure.code, "seconds": policy.give_up_after}
    return replace(failure, code="needs_review", message=message, retryable=True, params=params)
