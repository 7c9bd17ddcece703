"""How long do we wait, when do we read back, when do we give up? Pure arithmetic.

Between deliveries the wait is exponential with full jitter: anything between nothing and
base * 2^n, at most cap. After an unclear write Walmart is read at 2, 5, 15 and 60 seconds
and when the quiet period ends; before its end a read may only confirm.
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

# Seconds from one early read to the next.
READ_GAPS = (2.0, 3.0, 10.0, 45.0)
# Deliveries in a row that an exception of our own may end, before a person has to look.
MOST_FAULTS = 10
# 2^40 seconds is beyond any cap; a larger exponent would only overflow.
_MAX_EXPONENT = 40


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Seconds: the first wait, the longest wait, when to give up, how long absence is doubted."""

    base: float = 1.0
    cap: float = 900.0
    give_up_after: float = 172_800.0
    quiet_period: float = QUIET_PERIOD


@dataclass(frozen=True, slots=True)
class DeliveryEnd:
    """How a delivery ended. now: the database's time then; jitter is uniform in [0, 1).

    doubt_ended: a read, late enough, showed that no earlier try will take effect. read: what it is
    about was read in it.
    """

    now: datetime
    jitter: float
    doubt_ended: bool = False
    read: bool = False


def delay(policy: RetryPolicy, retries: int, jitter: float) -> float:
    """Seconds to wait after that many failures in a row; jitter is uniform in [0, 1)."""
    ceiling = policy.base * float(2 ** min(max(retries - 1, 0), _MAX_EXPONENT))
    return min(policy.cap, ceiling) * jitter


def next_step(  # noqa: PLR0911 - one for each outcome
    update: Claimed, outcome: Outcome, policy: RetryPolicy, end: DeliveryEnd
) -> NextStep:
    """What becomes of an update after a delivery."""
    doubt = doubt_after(update, outcome, doubt_ended=end.doubt_ended)
    match outcome:
        case Confirmed() | AlreadyThere():
            return NextStep(State.CONFIRMED, doubt=doubt)
        case Refused(failure):
            return NextStep(
                State.FAILED,
                ambiguous=_doubtful(update, doubt),
                doubt=doubt,
                known=True,
                failure=failure,
                failed_at=end.now,
            )
        case HandedBack():
            return _handed_back(update)
        case TryLater():
            return _later(update, outcome, policy, end, doubt)
        case Unclear() if update.kind in ENDED_BY_TIME:
            later = TryLater(outcome.failure, reached=True, pause=outcome.pause)
            return replace(_later(update, later, policy, end, doubt), known=False)
        case Unclear():
            return _unclear(update, outcome, policy, end, doubt)
        case SendAgain():
            return _again(update, outcome, end, doubt)
        case InternalError():
            return _faulty(update, outcome, policy, end, doubt)
        case _:
            assert_never(outcome)


def doubt_after(update: Claimed, outcome: Outcome, *, doubt_ended: bool) -> Doubt:
    """What a delivery does to the doubt of its update."""
    match outcome:
        case Unclear(sent=True) | InternalError(sent=True):
            return Doubt.BEGIN
        case AlreadyThere(in_doubt=True):
            return Doubt.KEEP
        case Confirmed() | AlreadyThere() if update.kind not in ENDED_BY_TIME:
            return Doubt.END
        case _:
            return Doubt.END if doubt_ended else Doubt.KEEP


def _doubtful(update: Claimed, doubt: Doubt) -> bool:
    """Whether only a read tells what became of a try."""
    if update.kind in ENDED_BY_TIME:
        return False
    return doubt is Doubt.BEGIN or (doubt is Doubt.KEEP and update.in_doubt_until is not None)


def _reads_first(update: Claimed, doubt: Doubt, end: DeliveryEnd) -> bool:
    """Whether Walmart is read before the next send."""
    return _doubtful(update, doubt) or (update.ambiguous and not end.read)


def _handed_back(update: Claimed) -> NextStep:
    return NextStep(
        update.claimed_from,
        retries=update.retries,
        reads=update.reads,
        ambiguous=update.ambiguous,
        failing_for=update.failing_for,
        faults=update.faults,
    )


def _failing_for(update: Claimed, policy: RetryPolicy, now: datetime, *, reached: bool) -> float:
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
    update: Claimed, outcome: TryLater, policy: RetryPolicy, end: DeliveryEnd, doubt: Doubt
) -> NextStep:
    failing_for = _failing_for(update, policy, end.now, reached=outcome.reached)
    doubtful = _doubtful(update, doubt)
    known = outcome.reached or outcome.pause is not None or outcome.snapshot is not None
    if failing_for >= policy.give_up_after and not doubtful:
        failure = _given_up(outcome.failure)
        return NextStep(State.FAILED, doubt=doubt, known=known, failure=failure, failed_at=end.now)
    # Being told to wait is not a failure: it does not lengthen the next wait.
    retries = update.retries + (1 if outcome.pause is None else 0)
    told = outcome.wait.total_seconds() if outcome.wait else 0.0
    wait = told if outcome.pause else max(told, delay(policy, retries, end.jitter))
    return NextStep(
        State.VERIFYING if doubtful else State.RETRYING,
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


def _unclear(
    update: Claimed, outcome: Unclear, policy: RetryPolicy, end: DeliveryEnd, doubt: Doubt
) -> NextStep:
    reached = outcome.sent or outcome.read
    failing_for = _failing_for(update, policy, end.now, reached=reached)
    if failing_for >= policy.give_up_after and outcome.read:
        failure = _unsettled(outcome.failure)
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


def _again(update: Claimed, outcome: SendAgain, end: DeliveryEnd, doubt: Doubt) -> NextStep:
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


def _faulty(
    update: Claimed, outcome: InternalError, policy: RetryPolicy, end: DeliveryEnd, doubt: Doubt
) -> NextStep:
    """It backs off like any failure; the tries of a fault that stays are bounded."""
    doubtful, faults = _doubtful(update, doubt), update.faults + 1
    if faults >= MOST_FAULTS:
        return NextStep(
            State.FAILED,
            ambiguous=doubtful,
            doubt=doubt,
            failure=outcome.failure,
            failed_at=end.now,
        )
    retries = update.retries + 1
    return NextStep(
        State.VERIFYING if doubtful else State.RETRYING,
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
    quiet = policy.quiet_period if outcome.sent else quiet_left(update, end.now)
    backoff = delay(policy, retries, end.jitter)
    if not outcome.sent and not outcome.read and quiet <= 0:
        return backoff
    gap = READ_GAPS[reads] if reads < len(READ_GAPS) else quiet
    return min(gap, quiet) if quiet > 0 else backoff


def quiet_left(update: Claimed, now: datetime) -> float:
    """Seconds until a read may be believed that shows nothing of a write in doubt."""
    if update.in_doubt_until is None:
        return 0.0
    return max((update.in_doubt_until - now).total_seconds(), 0.0)


_OVERWRITABLE = Failure(
    code="older_value_in_doubt",
    message="Walmart has it. An older value may still arrive and overwrite it, so it is sent once "
    "more when that is over.",
    origin="walmart",
    retryable=True,
)


def _given_up(failure: Failure) -> Failure:
    message = f"Given up after trying for as long as is set. The last try: {failure.message}"
    return replace(failure, code="gave_up", message=message, retryable=True)


def _unsettled(failure: Failure) -> Failure:
    message = (
        "Whether Walmart took it could not be settled for as long as is set. "
        f"The last try: {failure.message}"
    )
    return replace(failure, code="needs_review", message=message, retryable=True)
