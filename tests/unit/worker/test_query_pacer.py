"""The query pacer: when the dispatcher queries for due updates, by a clock that the test sets."""

import math
from types import SimpleNamespace

from app.worker.query_pacer import PACE, QueryPacer


def paced(*, later: float = math.inf, took: float = 0.0) -> tuple[QueryPacer, SimpleNamespace]:
    """A pacer whose first query has just ended, and its clock."""
    clock = SimpleNamespace(now=100.0)
    pacer = QueryPacer(lambda: clock.now, poll_interval=5.0)
    began = pacer.begin()
    clock.now += took
    pacer.end(began, clock.now, later)
    return pacer, clock


def test_the_first_query_is_due_at_once() -> None:
    assert QueryPacer(lambda: 100.0, poll_interval=5.0).next_at(claimable=False) <= 100.0


def test_without_announcements_a_query_follows_after_the_poll_interval() -> None:
    pacer, clock = paced()
    assert pacer.next_at(claimable=False) == clock.now + 5.0


def test_a_query_comes_when_the_next_update_is_due() -> None:
    pacer, clock = paced(later=0.5)
    assert pacer.next_at(claimable=False) == clock.now + 0.5


def test_a_query_for_anything_due_comes_at_once_unless_stores_can_claim() -> None:
    pacer, clock = paced()
    pacer.anything = True
    assert pacer.next_at(claimable=False) == -math.inf
    assert pacer.next_at(claimable=True) == clock.now + PACE


def test_a_query_of_all_shards_waits_for_its_turn() -> None:
    pacer, clock = paced(later=0.0)
    pacer.anything = pacer.recorded = True
    pacer.turn_at = clock.now + 3.0
    assert pacer.next_at(claimable=False) == clock.now + 3.0
    pacer.begin()
    assert pacer.turn_at is None


def test_the_end_of_a_delivery_counts_only_if_a_rate_limit_delayed_updates() -> None:
    pacer, clock = paced()
    pacer.delivery_ended()
    assert pacer.next_at(claimable=False) == clock.now + 5.0
    pacer.held_back = True
    pacer.delivery_ended()
    assert pacer.next_at(claimable=False) == clock.now + PACE


def test_a_slow_query_delays_the_next_one() -> None:
    pacer, clock = paced(took=0.125)
    pacer.recorded = True
    assert pacer.next_at(claimable=False) == clock.now + 0.5


def test_a_claim_that_ends_during_a_query_may_set_an_earlier_time() -> None:
    pacer, clock = paced()
    began = pacer.begin()
    pacer.query_by(clock.now + 0.1)
    pacer.end(began, clock.now, 3.0)
    assert pacer.next_at(claimable=False) == clock.now + 0.1


def test_an_error_delays_the_next_query_by_a_second() -> None:
    pacer, clock = paced()
    pacer.recorded = True
    pacer.back_off()
    assert pacer.next_at(claimable=False) == clock.now + 1.0
