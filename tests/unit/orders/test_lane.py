"""What may go to Walmart now: buckets, pauses and breakers, as rules."""

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
    Endpoint,
    Lane,
    News,
    Room,
    after,
    allowance,
    capped,
    endpoint_of,
    room,
    stopped_anew,
)

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
BREAKER = Breaker(base=5, cap=60)
FRESH = Lane(1, Endpoint.SHIP)
KNOWN = replace(FRESH, answered=True)


def at(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def call(began: float, ended: float, **changes: Any) -> News:
    given_ = {"served": True, **changes}
    return News(1, Endpoint.SHIP, at(began), at(ended), **given_)


def silence(began: float, ended: float) -> News:
    return call(began, ended, answered=False, failed=True, served=False)


def broken(lane: Lane = KNOWN, ended: float = 1) -> Lane:
    return after(lane, [silence(0, ended)] * BREAK_AFTER, BREAKER)


def test_until_walmart_has_answered_once_only_a_few_calls_go_at_once() -> None:
    assert room(FRESH, 0, NOW).calls == FIRST_CALLS
    assert room(FRESH, FIRST_CALLS, NOW).calls == 0
    assert room(after(FRESH, [call(0, 1)], BREAKER), FIRST_CALLS, NOW).calls == UNLIMITED


def test_calls_under_way_are_taken_off_the_count_that_walmart_said() -> None:
    lane = after(KNOWN, [call(0, 1, tokens=7, replenish_at=at(9))], BREAKER)
    assert room(lane, 3, at(1)).calls == 4
    assert room(lane, 7, at(1)).calls == 0
    assert room(lane, 7, at(1)).again_at == at(9)


def test_once_the_bucket_has_filled_up_a_single_call_asks_by_how_much() -> None:
    lane = after(KNOWN, [call(0, 1, tokens=0, replenish_at=at(5))], BREAKER)
    assert room(lane, 0, at(4)) == room(lane, 1, at(4))
    assert room(lane, 0, at(4)).calls == 0
    assert room(lane, 0, at(5)).calls == 1
    assert room(lane, 1, at(5)).calls == 0


def test_of_calls_under_way_together_the_smaller_count_is_believed() -> None:
    newest = call(0, 1, tokens=3, replenish_at=at(2))
    late = call(0, 2, tokens=8, replenish_at=at(3))
    later = call(3, 4, tokens=9, replenish_at=at(5))
    assert after(KNOWN, [newest, late], BREAKER).tokens == 3
    assert after(KNOWN, [newest, late, later], BREAKER).tokens == 9


def test_a_call_without_an_answer_is_taken_off_too() -> None:
    lane = replace(KNOWN, tokens=3)
    assert after(lane, [silence(0, 1)], BREAKER).tokens == 2


def test_where_walmart_stops_counting_the_count_is_forgotten() -> None:
    assert after(replace(KNOWN, tokens=0), [call(0, 1)], BREAKER).tokens is None


def test_a_refusal_for_too_many_calls_pauses_for_as_long_as_walmart_says() -> None:
    pause = Pause(Endpoint.SHIP, "walmart_throttled", timedelta(seconds=7))
    lane = after(KNOWN, [call(0, 1, served=False, pause=pause)], BREAKER)
    assert room(lane, 0, at(7)).calls == 0
    assert room(lane, 0, at(7)).again_at == at(8)
    assert room(lane, 0, at(8)).calls == 1
    assert not lane.broken


def test_five_calls_in_a_row_without_an_answer_break_the_lane() -> None:
    lane = after(KNOWN, [silence(n, n + 1) for n in range(BREAK_AFTER - 1)], BREAKER)
    assert not lane.broken
    lane = after(lane, [silence(8, 9)], BREAKER)
    assert (lane.broken, lane.reason) == (True, BROKEN)
    assert room(lane, 0, at(13)).again_at == at(14)


def test_one_answer_in_between_keeps_it_whole() -> None:
    calls = [*(silence(n, n + 1) for n in range(4)), call(5, 6), *(silence(7, 8),) * 4]
    assert not after(KNOWN, calls, BREAKER).broken


def test_a_broken_lane_is_tried_with_a_single_call_that_opens_it() -> None:
    lane = broken()
    assert room(lane, 0, at(6)).calls == 1
    assert room(lane, 1, at(6)).calls == 0
    opened = after(lane, [call(6, 7)], BREAKER)
    assert room(opened, 0, at(7)).calls == UNLIMITED
    assert opened.reason == ""


def test_a_probe_that_fails_doubles_the_rest_up_to_the_cap() -> None:
    lane, now = broken(), 6.0
    rests = []
    for _ in range(6):
        lane = after(lane, [silence(now, now + 1)], BREAKER)
        assert lane.paused_until is not None
        rests.append((lane.paused_until - at(now + 1)).total_seconds())
        now = (lane.paused_until - NOW).total_seconds()
    assert rests == [10, 20, 40, 60, 60, 60]


def test_calls_sent_before_it_broke_neither_open_nor_lengthen_it() -> None:
    lane = broken(ended=10)
    assert after(lane, [call(9, 11)], BREAKER).broken
    assert after(lane, [silence(9, 30)], BREAKER).paused_until == lane.paused_until


def test_rejected_credentials_are_told_once_and_tried_by_one_call_at_a_time() -> None:
    pause = Pause(Endpoint.ALL, "credentials_rejected", timedelta(seconds=60))
    before = Lane(1, Endpoint.ALL, answered=True)
    rejected = News(1, Endpoint.ALL, at(0), at(0), pause=pause)
    lane = after(before, [rejected], BREAKER)
    assert stopped_anew(before, lane)
    again = after(lane, [replace(rejected, began_at=at(61), ended_at=at(61))], BREAKER)
    assert not stopped_anew(lane, again)
    assert again.since == at(0)
    assert room(again, 0, at(121)).calls == 1
    works = News(1, Endpoint.ALL, at(122), at(123), served=True)
    assert room(after(again, [works], BREAKER), 50, at(123)).calls == UNLIMITED


@pytest.mark.parametrize("operation", ["token", "check", "something new"])
def test_what_is_no_endpoint_of_its_own_concerns_the_whole_store(operation: str) -> None:
    assert endpoint_of(operation) is Endpoint.ALL


moments = st.floats(0, 50)


@st.composite
def walmart(draw: st.DrawFn) -> list[News]:
    """Calls to a Walmart that counts, answers in any order, and sometimes not at all."""
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
def test_a_lane_never_bears_more_than_walmart_last_said(
    news: list[News], in_flight: int, now: float
) -> None:
    lane = after(FRESH, news, BREAKER)
    space = room(lane, in_flight, at(now))
    if lane.tokens is not None and space.calls > 1:
        assert space.calls + in_flight <= lane.tokens
    if lane.broken:
        assert space.calls + in_flight <= max(1, in_flight)


@given(walmart())
def test_every_lane_comes_back_by_itself(news: list[News]) -> None:
    lane = after(FRESH, news, BREAKER)
    assert room(lane, 0, at(10_000)).calls >= 1


def test_an_own_cap_lets_a_sixth_of_a_minutes_calls_go_and_then_fills_evenly() -> None:
    open_ = room(KNOWN, 0, NOW)
    assert capped(KNOWN, open_, None, NOW) == open_
    assert capped(KNOWN, open_, 60, NOW).calls == 10
    spent = replace(KNOWN, own_tokens=0.0, own_at=NOW)
    assert capped(spent, open_, 60, NOW) == Room(0, at(1))
    assert capped(spent, open_, 60, at(2.5)).calls == 2
    assert capped(spent, open_, 60, at(3600)).calls == 10
    # One call a minute is one, not a sixth of one.
    assert capped(KNOWN, open_, 1, NOW).calls == 1
    assert capped(spent, open_, 1, NOW).again_at == at(60)


@given(
    st.floats(0.1, 6000), st.lists(st.tuples(st.floats(0, 100), st.integers(0, 50)), max_size=30)
)
def test_no_more_goes_than_the_own_cap_allows(rate: float, asked: list[tuple[float, int]]) -> None:
    lane, now, gone = KNOWN, NOW, 0
    for wait, wanted in asked:
        now += timedelta(seconds=wait)
        going = min(capped(lane, room(lane, 0, now), rate, now).calls, wanted)
        lane = replace(lane, own_tokens=allowance(lane, rate, now) - going, own_at=now)
        gone += going
    passed = (now - NOW).total_seconds()
    assert gone <= max(rate / 6, 1) + passed * rate / 60 + 1e-6


def test_walmarts_own_word_rules_under_a_cap_too() -> None:
    paused = replace(KNOWN, paused_until=at(30))
    assert capped(paused, room(paused, 0, NOW), 60, NOW).calls == 0
    assert capped(replace(KNOWN, tokens=3), Room(3), 60, NOW).calls == 3
