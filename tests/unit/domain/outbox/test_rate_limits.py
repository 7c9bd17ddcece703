"""Rate limits of a lane as pure rules: token buckets, pauses and circuit breakers."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.outbox.outcome import Pause
from app.domain.outbox.rate_limits import (
    BREAK_AFTER,
    BROKEN,
    FIRST_CALLS,
    UNLIMITED,
    Breaker,
    CallReport,
    Capacity,
    Endpoint,
    Lane,
    apply_reports,
    capacity,
    endpoint_of,
    newly_blocked,
    own_cap_tokens,
    with_own_cap,
)

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
BREAKER = Breaker(base=5, cap=60)
FRESH = Lane(1, Endpoint.SHIP)
KNOWN = replace(FRESH, answered=True)


def at(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def call(began: float, ended: float, **changes: Any) -> CallReport:
    given_ = {"served": True, **changes}
    return CallReport(1, Endpoint.SHIP, at(began), at(ended), **given_)


def silence(began: float, ended: float) -> CallReport:
    return call(began, ended, answered=False, failed=True, served=False)


def broken(lane: Lane = KNOWN, ended: float = 1) -> Lane:
    return apply_reports(lane, [silence(0, ended)] * BREAK_AFTER, BREAKER)


def test_a_few_calls_at_once_are_allowed_before_walmarts_first_answer() -> None:
    assert capacity(FRESH, 0, NOW).calls == FIRST_CALLS
    assert capacity(FRESH, FIRST_CALLS, NOW).calls == 0
    assert (
        capacity(apply_reports(FRESH, [call(0, 1)], BREAKER), FIRST_CALLS, NOW).calls == UNLIMITED
    )


def test_calls_in_flight_are_deducted_from_walmarts_count() -> None:
    lane = apply_reports(KNOWN, [call(0, 1, tokens=7, replenish_at=at(9))], BREAKER)
    assert capacity(lane, 3, at(1)).calls == 4
    assert capacity(lane, 7, at(1)).calls == 0
    assert capacity(lane, 7, at(1)).retry_at == at(9)


def test_a_single_call_probes_a_bucket_that_has_refilled() -> None:
    lane = apply_reports(KNOWN, [call(0, 1, tokens=0, replenish_at=at(5))], BREAKER)
    assert capacity(lane, 0, at(4)) == capacity(lane, 1, at(4))
    assert capacity(lane, 0, at(4)).calls == 0
    assert capacity(lane, 0, at(5)).calls == 1
    assert capacity(lane, 1, at(5)).calls == 0


def test_the_lower_count_of_concurrent_answers_is_used() -> None:
    newest = call(0, 1, tokens=3, replenish_at=at(2))
    late = call(0, 2, tokens=8, replenish_at=at(3))
    later = call(3, 4, tokens=9, replenish_at=at(5))
    assert apply_reports(KNOWN, [newest, late], BREAKER).tokens == 3
    assert apply_reports(KNOWN, [newest, late, later], BREAKER).tokens == 9


def test_a_call_without_an_answer_is_deducted_too() -> None:
    lane = replace(KNOWN, tokens=3)
    assert apply_reports(lane, [silence(0, 1)], BREAKER).tokens == 2


def test_the_count_is_dropped_when_walmart_no_longer_sends_it() -> None:
    assert apply_reports(replace(KNOWN, tokens=0), [call(0, 1)], BREAKER).tokens is None


def test_a_429_pauses_the_lane_for_as_long_as_walmart_asks() -> None:
    pause = Pause(Endpoint.SHIP, "walmart_throttled", timedelta(seconds=7))
    lane = apply_reports(KNOWN, [call(0, 1, served=False, pause=pause)], BREAKER)
    assert capacity(lane, 0, at(7)).calls == 0
    assert capacity(lane, 0, at(7)).retry_at == at(8)
    assert capacity(lane, 0, at(8)).calls == 1
    assert not lane.circuit_open


def test_five_consecutive_calls_without_an_answer_open_the_breaker() -> None:
    lane = apply_reports(KNOWN, [silence(n, n + 1) for n in range(BREAK_AFTER - 1)], BREAKER)
    assert not lane.circuit_open
    lane = apply_reports(lane, [silence(8, 9)], BREAKER)
    assert (lane.circuit_open, lane.reason) == (True, BROKEN)
    assert capacity(lane, 0, at(13)).retry_at == at(14)


def test_one_answer_in_between_keeps_the_breaker_closed() -> None:
    calls = [*(silence(n, n + 1) for n in range(4)), call(5, 6), *(silence(7, 8),) * 4]
    assert not apply_reports(KNOWN, calls, BREAKER).circuit_open


def test_an_open_breaker_allows_a_single_probe_that_closes_it() -> None:
    lane = broken()
    assert capacity(lane, 0, at(6)).calls == 1
    assert capacity(lane, 1, at(6)).calls == 0
    opened = apply_reports(lane, [call(6, 7)], BREAKER)
    assert capacity(opened, 0, at(7)).calls == UNLIMITED
    assert opened.reason == ""


def test_a_failed_probe_doubles_the_pause_up_to_the_cap() -> None:
    lane, now = broken(), 6.0
    rests = []
    for _ in range(6):
        lane = apply_reports(lane, [silence(now, now + 1)], BREAKER)
        assert lane.paused_until is not None
        rests.append((lane.paused_until - at(now + 1)).total_seconds())
        now = (lane.paused_until - NOW).total_seconds()
    assert rests == [10, 20, 40, 60, 60, 60]


def test_calls_sent_before_the_breaker_opened_do_not_change_it() -> None:
    lane = broken(ended=10)
    assert apply_reports(lane, [call(9, 11)], BREAKER).circuit_open
    assert apply_reports(lane, [silence(9, 30)], BREAKER).paused_until == lane.paused_until


def test_rejected_credentials_are_reported_once_and_probed_one_call_at_a_time() -> None:
    pause = Pause(Endpoint.ALL, "credentials_rejected", timedelta(seconds=60))
    before = Lane(1, Endpoint.ALL, answered=True)
    rejected = CallReport(1, Endpoint.ALL, at(0), at(0), pause=pause)
    lane = apply_reports(before, [rejected], BREAKER)
    assert newly_blocked(before, lane)
    again = apply_reports(lane, [replace(rejected, began_at=at(61), ended_at=at(61))], BREAKER)
    assert not newly_blocked(lane, again)
    assert again.since == at(0)
    assert capacity(again, 0, at(121)).calls == 1
    works = CallReport(1, Endpoint.ALL, at(122), at(123), served=True)
    assert capacity(apply_reports(again, [works], BREAKER), 50, at(123)).calls == UNLIMITED


@pytest.mark.parametrize("operation", ["token", "check", "something new"])
def test_an_operation_without_its_own_lane_affects_the_whole_store(operation: str) -> None:
    assert endpoint_of(operation) is Endpoint.ALL


moments = st.floats(0, 50)


@st.composite
def walmart(draw: st.DrawFn) -> list[CallReport]:
    """Calls to a Walmart that counts, answers in any order, and sometimes does not answer."""
    found = []
    for _ in range(draw(st.integers(0, 12))):
        began = draw(moments)
        ended = began + draw(moments)
        tokens = draw(st.none() | st.integers(0, 9))
        replenish_at = None if tokens is None else at(ended + draw(moments))
        found.append(
            draw(
                st.sampled_from(
                    [
                        silence(began, ended),
                        call(began, ended, tokens=tokens, replenish_at=replenish_at),
                        call(began, ended, served=False, failed=True),
                        call(
                            began,
                            ended,
                            served=False,
                            pause=Pause(Endpoint.SHIP, "walmart_throttled", timedelta(seconds=3)),
                        ),
                    ]
                )
            )
        )
    return found


@given(walmart(), st.integers(0, 30), moments)
def test_a_lane_never_allows_more_calls_than_walmart_last_reported(
    reports: list[CallReport], in_flight: int, now: float
) -> None:
    lane = apply_reports(FRESH, reports, BREAKER)
    space = capacity(lane, in_flight, at(now))
    if lane.tokens is not None and space.calls > 1:
        assert space.calls + in_flight <= lane.tokens
    if lane.circuit_open:
        assert space.calls + in_flight <= max(1, in_flight)


@given(walmart())
def test_every_lane_recovers_by_itself(reports: list[CallReport]) -> None:
    lane = apply_reports(FRESH, reports, BREAKER)
    assert capacity(lane, 0, at(10_000)).calls >= 1


def test_an_own_cap_allows_a_burst_of_a_sixth_and_then_refills_evenly() -> None:
    open_ = capacity(KNOWN, 0, NOW)
    assert with_own_cap(KNOWN, open_, None, NOW) == open_
    assert with_own_cap(KNOWN, open_, 60, NOW).calls == 10
    spent = replace(KNOWN, own_tokens=0.0, own_at=NOW)
    assert with_own_cap(spent, open_, 60, NOW) == Capacity(0, at(1))
    assert with_own_cap(spent, open_, 60, at(2.5)).calls == 2
    assert with_own_cap(spent, open_, 60, at(3600)).calls == 10
    # One call a minute is one, not a sixth of one.
    assert with_own_cap(KNOWN, open_, 1, NOW).calls == 1
    assert with_own_cap(spent, open_, 1, NOW).retry_at == at(60)


@given(
    st.floats(0.1, 6000), st.lists(st.tuples(st.floats(0, 100), st.integers(0, 50)), max_size=30)
)
def test_no_more_calls_are_sent_than_the_own_cap_allows(
    rate: float, asked: list[tuple[float, int]]
) -> None:
    lane, now, sent = KNOWN, NOW, 0
    for wait, wanted in asked:
        now += timedelta(seconds=wait)
        going = min(with_own_cap(lane, capacity(lane, 0, now), rate, now).calls, wanted)
        lane = replace(lane, own_tokens=own_cap_tokens(lane, rate, now) - going, own_at=now)
        sent += going
    passed = (now - NOW).total_seconds()
    assert sent <= max(rate / 6, 1) + passed * rate / 60 + 1e-6


def test_walmarts_count_also_applies_under_a_cap() -> None:
    paused = replace(KNOWN, paused_until=at(30))
    assert with_own_cap(paused, capacity(paused, 0, NOW), 60, NOW).calls == 0
    assert with_own_cap(replace(KNOWN, tokens=3), Capacity(3), 60, NOW).calls == 3
