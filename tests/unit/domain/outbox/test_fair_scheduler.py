"""The fair scheduler: which store claims next, and how many slots it may use."""

import math

from hypothesis import given
from hypothesis import strategies as st

from app.domain.outbox.due_group import DueGroup, SlotKey
from app.domain.outbox.fair_scheduler import (
    ANNOUNCED_SHARE,
    FAIR_SHARE,
    FEW,
    FairScheduler,
    SlotBudget,
)
from app.domain.update import Kind


def due(store: int, due_in: float = 0.0, kind: Kind = Kind.SHIPMENT) -> DueGroup:
    return DueGroup(store, kind, ambiguous=False, due_in=due_in)


def slots(
    busy: dict[SlotKey, int] | None = None, *, of: int = 50, stuck: bool = False
) -> SlotBudget:
    return SlotBudget.of(of, busy or {}, stuck=stuck)


def served(turns: FairScheduler, given: SlotBudget) -> int:
    turn = turns.next(given)
    assert turn is not None
    turns.begin(turn)
    turns.end(turn, turn.share)
    return turn.key[0]


def test_a_store_that_was_served_goes_behind_the_others() -> None:
    turns = FairScheduler()
    turns.set_due([due(1), due(2), due(3)], 0.0)
    assert [served(turns, slots()) for _ in range(4)] == [1, 2, 3, 1]


def test_a_new_survey_does_not_move_a_store_ahead() -> None:
    turns = FairScheduler()
    turns.set_due([due(1), due(2)], 0.0)
    served(turns, slots())
    turns.set_due([due(1), due(2), due(3)], 0.0)
    assert [served(turns, slots()) for _ in range(3)] == [2, 3, 1]


def test_a_store_that_claimed_less_than_its_limit_has_nothing_more_due() -> None:
    turns = FairScheduler()
    turns.set_due([due(1)], 0.0)
    turn = turns.next(slots())
    assert turn is not None
    turns.begin(turn)
    turns.end(turn, turn.share - 1)
    assert turns.next(slots()) is None


def test_the_next_batch_waits_until_the_next_due_time() -> None:
    turns = FairScheduler()
    assert turns.set_due([due(1, 4.0), due(2, 2.5)], 0.0) == 2.5
    assert turns.next(slots()) is None
    assert turns.set_due([], 0.0) == math.inf


def test_a_store_at_its_limit_does_not_delay_the_next() -> None:
    turns = FairScheduler()
    turns.set_due([due(1), due(2)], 0.0)
    turn = turns.next(slots({(1, False): FAIR_SHARE}))
    assert turn is not None
    assert turn.key == (2, False)


def test_the_last_slots_go_to_stores_with_few_slots_when_others_will_not_free_up() -> None:
    full = {(1, False): 20, (2, False): 18}
    assert slots(full).share((3, False)) == 0
    assert slots(full, stuck=True).share((3, False)) == FEW
    assert slots(full, stuck=True).share((2, False)) == 0


@given(
    st.integers(1, 200),
    st.dictionaries(st.integers(1, 30), st.integers(1, 20), max_size=10),
    st.booleans(),
)
def test_no_store_gets_more_slots_than_are_free_or_fair(
    concurrency: int, busy: dict[int, int], stuck: bool
) -> None:
    held = {(store, False): number for store, number in busy.items()}
    given = slots(held, of=concurrency, stuck=stuck)
    for store in range(1, 32):
        share = given.share((store, False))
        assert share <= max(given.free, 0)
        assert share <= 0 or busy.get(store, 0) + share <= max(1, min(20, concurrency * 2 // 5))


def test_hanging_commerce_calls_leave_most_slots_free() -> None:
    held = {(store, True): 4 for store in range(1, 4)}
    assert slots(held, of=50).share((9, True)) == 0
    assert slots(held, of=50, stuck=True).share((9, False)) > 0


def test_a_store_has_one_claim_at_a_time() -> None:
    turns = FairScheduler()
    turns.set_due([due(1)], 0.0)
    first = turns.next(slots())
    assert first is not None
    turns.begin(first)
    turns.announce(1, Kind.SHIPMENT)
    assert turns.next(slots()) is None
    turns.end(first, 0)
    assert turns.next(slots()) is not None


def test_an_announced_update_is_claimed_without_a_survey() -> None:
    turns = FairScheduler()
    turns.set_due([due(1, kind=Kind.CANCELLATION)], 0.0)
    turns.announce(1, Kind.SHIPMENT)
    turns.announce(1, Kind.SHIPMENT)
    turn = turns.next(slots())
    assert turn is not None
    assert [each.kind for each in turn.groups] == [Kind.CANCELLATION, Kind.SHIPMENT]


def test_a_store_with_closed_lanes_waits_until_they_open() -> None:
    turns = FairScheduler()
    turns.set_due([due(1)], 0.0)
    turn = turns.next(slots())
    assert turn is not None
    turns.begin(turn)
    turns.end(turn, 0, cooldown_until=1.5)
    assert turns.set_due([due(1)], 1.0) == 0.5
    assert turns.next(slots()) is None
    turns.clear_cooldowns()
    turns.set_due([due(1)], 1.0)
    assert turns.next(slots()) is not None


def test_a_backlog_is_kept_when_another_kind_is_announced() -> None:
    turns = FairScheduler()
    turns.set_due([due(1, kind=Kind.ACKNOWLEDGEMENT)], 0.0)
    turn = turns.next(slots())
    assert turn is not None
    turns.begin(turn)
    turns.announce(1, Kind.SHIPMENT)
    turns.end(turn, turn.share)
    following = turns.next(slots())
    assert following is not None
    assert {each.kind for each in following.groups} == {Kind.ACKNOWLEDGEMENT, Kind.SHIPMENT}


def test_hanging_commerce_calls_leave_the_last_slots_to_walmart() -> None:
    held = {(1, False): 20, (2, False): 18, (3, True): 4}
    assert slots(held, stuck=True).share((4, True)) <= 0
    assert slots(held, stuck=True).share((5, False)) == FEW


def test_a_store_that_was_only_announced_gets_few_slots_until_a_claim_fills_them() -> None:
    turns = FairScheduler()
    turns.announce(1, Kind.SHIPMENT)
    first = turns.next(slots())
    assert first is not None
    assert first.share == ANNOUNCED_SHARE
    turns.begin(first)
    turns.end(first, ANNOUNCED_SHARE)
    second = turns.next(slots())
    assert second is not None
    assert second.share == FAIR_SHARE


def test_the_fewer_slots_are_free_the_more_announced_stores_share_them() -> None:
    turns = FairScheduler()
    for store in range(40):
        turns.announce(store, Kind.SHIPMENT)
    shares = [each.share for each in turns.batch(slots({(99, False): 18}), 25)]
    assert shares == [2] * 10


def test_pollers_begin_with_different_stores() -> None:
    first = set()
    for seed in range(1, 9):
        turns = FairScheduler(seed)
        turns.set_due([due(store) for store in range(50)], 0.0)
        first.add(served(turns, slots()))
    assert len(first) > 4


def stores(turns: FairScheduler, given: SlotBudget, most: int = 9, **allowed: bool) -> list[int]:
    return [each.key[0] for each in turns.batch(given, most, **allowed)]


def test_one_claim_covers_several_stores() -> None:
    turns = FairScheduler()
    for store in (1, 2, 3):
        turns.announce(store, Kind.SHIPMENT)
    assert stores(turns, slots()) == [1, 2, 3]
    assert stores(turns, slots(), most=2) == [1, 2]


def test_stores_of_one_claim_share_the_free_slots() -> None:
    turns = FairScheduler()
    turns.set_due([due(store) for store in range(1, 9)], 0.0)
    batch = turns.batch(slots(), 8)
    assert len(batch) > 1
    assert sum(each.share for each in batch) <= 50


def test_slow_stores_are_claimed_separately() -> None:
    turns = FairScheduler()
    turns.set_due([due(1), due(2, kind=Kind.INVENTORY), due(3)], 0.0)
    assert stores(turns, slots()) == [1, 3]
    assert stores(turns, slots(), fast=False) == [2]
    assert stores(turns, slots(), slow=False) == [1, 3]


def test_a_store_claimed_by_another_poller_is_tried_again() -> None:
    turns = FairScheduler()
    turns.set_due([due(1, kind=Kind.CANCELLATION), due(2)], 0.0)
    (first,) = turns.batch(slots(), 1)
    turns.begin(first)
    turns.announce(1, Kind.SHIPMENT)
    turns.end(first, 0)
    turns.requeue(first)
    second, again = turns.batch(slots(), 2)
    assert (second.key[0], again.key) == (2, first.key)
    assert [each.kind for each in again.groups] == [Kind.CANCELLATION, Kind.SHIPMENT]
