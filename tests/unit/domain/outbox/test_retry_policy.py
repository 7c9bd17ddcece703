from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.outbox.delivery_result import NextStep
from app.domain.outbox.doubt import Doubt
from app.domain.outbox.outcome import (
    AlreadyThere,
    Confirmed,
    Failure,
    HandedBack,
    InternalError,
    Outcome,
    Pause,
    Refused,
    SendAgain,
    TryLater,
    Unclear,
)
from app.domain.outbox.retry_policy import MAX_FAULTS, DeliveryEnd, RetryPolicy, delay, next_step
from app.domain.update import Kind, State
from tests.builders import NOW, a_claim, a_snapshot, acknowledged

POLICY = RetryPolicy(base=1, cap=900, give_up_after=3600, quiet_period=120)
FAILURE = Failure("walmart_unclear", "It was unclear.")
SEEN = a_snapshot({"1": (acknowledged(1),)})


def step(
    outcome: Outcome, *, now: datetime = NOW, jitter: float = 0.5, **changes: object
) -> NextStep:
    return next_step(a_claim(**changes), outcome, POLICY, DeliveryEnd(now, jitter))


@given(retries=st.integers(0, 10_000), jitter=st.floats(0, 1, exclude_max=True))
def test_a_delay_lies_between_zero_and_the_cap(retries: int, jitter: float) -> None:
    assert 0 <= delay(POLICY, retries, jitter) <= POLICY.cap


def test_the_longest_delay_doubles_with_each_failure() -> None:
    assert [delay(POLICY, n, 1.0) for n in range(1, 12)] == [
        1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900,
    ]  # fmt: skip


def test_an_accepted_or_found_write_is_confirmed() -> None:
    assert step(Confirmed(SEEN)).state is State.CONFIRMED
    assert step(AlreadyThere(SEEN)).state is State.CONFIRMED


def test_a_refusal_fails_with_its_reason() -> None:
    refused = step(Refused(FAILURE))
    assert (refused.state, refused.failure) == (State.FAILED, FAILURE)


def test_an_unclear_write_is_read_back_on_schedule_and_at_the_end_of_the_quiet_period() -> None:
    at, due = 0.0, []
    outcome = step(Unclear(FAILURE, sent=True))
    for _ in range(5):
        at += outcome.due_in
        due.append(at)
        outcome = step(
            Unclear(FAILURE, sent=False, read=True),
            now=NOW + timedelta(seconds=at),
            ambiguous=True,
            reads=outcome.reads,
            in_doubt_until=NOW + timedelta(seconds=120),
        )
    assert due == [2, 5, 15, 60, 120]


def test_an_unclear_write_restarts_the_quiet_period() -> None:
    unclear = step(Unclear(FAILURE, sent=True), ambiguous=True, reads=3, in_doubt_until=NOW)
    assert (unclear.doubt, unclear.reads, unclear.ambiguous) == (Doubt.BEGIN, 0, True)
    assert unclear.state is State.VERIFYING


def test_a_delay_after_an_unclear_write_is_at_most_the_quiet_period() -> None:
    quick = replace(POLICY, quiet_period=0.3)
    unclear = next_step(a_claim(), Unclear(FAILURE, sent=True), quick, DeliveryEnd(NOW, 0.9))
    assert unclear.due_in == 0.3


def test_a_throttled_call_waits_as_walmart_asks_and_is_not_a_failure() -> None:
    pause = Pause("shipment", "throttled", timedelta(seconds=7))
    later = step(
        TryLater(FAILURE, reached=False, wait=pause.wait, pause=pause), retries=2, failing_for=9.0
    )
    assert (later.due_in, later.retries, later.failing_for) == (7, 2, 9.0)
    assert not later.failing


def test_an_update_is_given_up_only_after_tries_that_reached_walmart() -> None:
    since = NOW - timedelta(seconds=200)
    reached = step(TryLater(FAILURE, reached=True), failing_since=since, failing_for=3500.0)
    assert reached.state is State.FAILED
    assert reached.failure is not None
    assert reached.failure.code == "gave_up"
    unconnected = step(TryLater(FAILURE, reached=False), failing_since=since)
    assert unconnected.state is State.RETRYING
    assert unconnected.failing_for == 0


def test_time_without_a_poller_does_not_count_towards_giving_up() -> None:
    since = NOW - timedelta(days=3)
    after = step(TryLater(FAILURE, reached=True), failing_since=since)
    assert after.state is State.RETRYING
    assert after.failing_for == POLICY.cap + POLICY.quiet_period


def test_an_unclear_update_is_never_given_up_without_a_read() -> None:
    changes: dict[str, Any] = {
        "ambiguous": True,
        "failing_for": 9999.0,
        "in_doubt_until": NOW,
    }
    assert step(Unclear(FAILURE, sent=False, read=False), **changes).state is State.VERIFYING
    assert step(TryLater(FAILURE, reached=True), **changes).state is State.VERIFYING
    read = step(Unclear(FAILURE, sent=False, read=True), **changes)
    assert read.state is State.FAILED
    assert read.failure is not None
    assert read.failure.code == "needs_review"


@pytest.mark.parametrize("state", [State.PENDING, State.RETRYING, State.VERIFYING])
def test_an_update_that_is_handed_back_keeps_its_state(state: State) -> None:
    back = step(HandedBack(), claimed_from=state, retries=3, reads=2, failing_for=5.0)
    assert (back.state, back.retries, back.reads, back.failing_for) == (state, 3, 2, 5.0)
    assert back.due_in == 0


@given(
    outcome=st.sampled_from(
        [
            Confirmed(None),
            AlreadyThere(SEEN),
            Refused(FAILURE),
            HandedBack(),
            TryLater(FAILURE, reached=True),
            TryLater(FAILURE, reached=False, wait=timedelta(seconds=4)),
            Unclear(FAILURE, sent=True),
            Unclear(FAILURE, sent=False, read=True),
            Unclear(FAILURE, sent=False, read=False),
        ]
    ),
    ambiguous=st.booleans(),
    retries=st.integers(0, 100),
    reads=st.integers(0, 100),
    passed=st.floats(0, 100_000),
    jitter=st.floats(0, 1, exclude_max=True),
)
def test_every_transition_is_allowed_and_none_drops_a_doubt(
    outcome: Outcome, ambiguous: bool, retries: int, reads: int, passed: float, jitter: float
) -> None:
    after = step(
        outcome,
        now=NOW + timedelta(seconds=passed),
        jitter=jitter,
        ambiguous=ambiguous,
        claimed_from=State.VERIFYING if ambiguous else State.PENDING,
        retries=retries,
        reads=reads,
        in_doubt_until=NOW if ambiguous else None,
    )
    assert after.state not in {State.SENDING, State.DISMISSED}
    assert 0 <= after.due_in <= max(POLICY.cap, POLICY.quiet_period)
    if ambiguous and not isinstance(outcome, Confirmed | AlreadyThere):
        assert after.doubt is not Doubt.END
        assert after.ambiguous


def test_a_read_ends_a_doubt() -> None:
    later = TryLater(FAILURE, reached=False, snapshot=SEEN)
    claim = a_claim(ambiguous=True, in_doubt_until=NOW)
    after = next_step(claim, later, POLICY, DeliveryEnd(NOW, 0.5, doubt_ended=True, read=True))
    assert (after.doubt, after.state, after.ambiguous) == (Doubt.END, State.RETRYING, False)


def test_the_doubt_of_a_stock_level_outlasts_its_confirmation() -> None:
    confirmed = step(Confirmed(None), kind=Kind.INVENTORY, in_doubt_until=NOW)
    assert confirmed.doubt is Doubt.KEEP
    unclear = step(Unclear(FAILURE, sent=True), kind=Kind.INVENTORY)
    # It is sent again: no read can prove that it will not arrive.
    assert (unclear.doubt, unclear.state, unclear.ambiguous) == (
        Doubt.BEGIN,
        State.RETRYING,
        False,
    )


def test_a_value_that_may_be_overwritten_is_sent_again_after_the_doubt() -> None:
    until = NOW + timedelta(seconds=70)
    again = step(SendAgain(until), kind=Kind.INVENTORY)
    assert (again.state, again.due_in) == (State.RETRYING, 70)
    assert step(SendAgain(until), kind=Kind.TRACKING).state is State.VERIFYING


def test_an_internal_error_is_retried_with_backoff_and_fails_in_the_end() -> None:
    waits = []
    for faults in range(MAX_FAULTS):
        after = step(InternalError(FAILURE, sent=False), faults=faults, retries=faults, jitter=1.0)
        waits.append(after.due_in)
        assert after.doubt is Doubt.KEEP
    assert after.state is State.FAILED
    assert waits == [1, 2, 4, 8, 16, 32, 64, 128, 256, 0]


def test_an_internal_error_after_a_write_leaves_a_doubt() -> None:
    after = step(InternalError(FAILURE, sent=True))
    assert (after.doubt, after.state, after.ambiguous) == (Doubt.BEGIN, State.VERIFYING, True)
