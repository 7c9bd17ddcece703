import pytest

from app.domain.orders import readback
from app.domain.orders.order import Item
from app.domain.orders.snapshot import Units, UnitStatus
from app.domain.update import Kind, State
from tests.builders import (
    NOW,
    a_line,
    a_snapshot,
    a_task,
    acknowledged,
    an_order,
    canceled,
    shipped,
)


def test_a_shipment_is_found_when_walmart_shows_its_units_under_its_number() -> None:
    task = a_task(Item("1", 2, reserved=2))
    seen = a_snapshot({"1": (shipped(2, "1z999-aa10123456784"), acknowledged(1))})
    reading = readback.read(an_order(tasks=(task,)), task, seen)
    assert reading.complete
    assert reading.found == {"1": 2}


def test_only_missing_units_remain_to_be_sent() -> None:
    task = a_task(Item("1", 2, reserved=2), Item("2", 1, reserved=1))
    seen = a_snapshot({"1": (shipped(1), acknowledged(2)), "2": (acknowledged(1),)})
    reading = readback.read(an_order(tasks=(task,)), task, seen)
    assert reading.missing == {"1": 1, "2": 1}
    assert not reading.blocked


def test_units_under_another_number_are_not_counted() -> None:
    task = a_task(Item("1", 2, reserved=2))
    seen = a_snapshot({"1": (shipped(2, "OTHER1"), acknowledged(1))})
    reading = readback.read(an_order(tasks=(task,)), task, seen)
    assert reading.found == {"1": 0}
    assert reading.blocked == ("1",)


def test_units_of_an_earlier_shipment_are_counted_first() -> None:
    first = a_task(Item("1", 1, confirmed=1), state=State.CONFIRMED, sequence=1)
    second = a_task(Item("1", 1, reserved=1), state=State.VERIFYING, sequence=2)
    order = an_order(tasks=(first, second))
    assert not readback.read(
        order, second, a_snapshot({"1": (shipped(1), acknowledged(2))})
    ).complete
    assert readback.read(order, second, a_snapshot({"1": (shipped(2), acknowledged(1))})).complete


def test_an_older_open_shipment_owns_the_first_units_of_a_shared_number() -> None:
    first = a_task(Item("1", 1, reserved=1), state=State.VERIFYING, sequence=1)
    second = a_task(Item("1", 1, reserved=1), sequence=2)
    order = an_order(tasks=(first, second))
    seen = a_snapshot({"1": (shipped(1), acknowledged(2))})
    assert readback.read(order, first, seen).complete
    assert not readback.read(order, second, seen).complete


def test_more_units_under_a_number_than_were_ever_requested_is_a_contradiction() -> None:
    task = a_task(Item("1", 1, reserved=1))
    reading = readback.read(
        an_order(tasks=(task,)), task, a_snapshot({"1": (shipped(2), acknowledged(1))})
    )
    assert reading.excess == ("1",)
    assert not reading.complete


def test_a_missing_unit_that_walmart_canceled_cannot_be_sent() -> None:
    task = a_task(Item("1", 2, reserved=2))
    reading = readback.read(an_order(tasks=(task,)), task, a_snapshot({"1": (canceled(3),)}))
    assert reading.blocked == ("1",)


def test_a_line_that_walmart_does_not_show_blocks_its_units() -> None:
    task = a_task(Item("9", 1, reserved=1))
    reading = readback.read(an_order(tasks=(task,)), task, a_snapshot({"1": (acknowledged(3),)}))
    assert reading.blocked == ("9",)


def test_a_cancellation_counts_units_canceled_since_it_was_accepted() -> None:
    order = an_order(a_line("1", 3, canceled=1, pending=2))
    task = a_task(Item("1", 2, reserved=2), kind=Kind.CANCELLATION)
    half = readback.read(order, task, a_snapshot({"1": (canceled(2), acknowledged(1))}))
    assert half.missing == {"1": 1}
    assert readback.read(order, task, a_snapshot({"1": (canceled(3),)})).complete


@pytest.mark.parametrize("there", [0, 1])
def test_a_cancellation_of_more_units_than_walmart_shows_finds_none_of_them(
    there: int,
) -> None:
    """Commerce canceled three units and Walmart shows one: none were canceled before."""
    order = an_order(a_line("1", 1, pending=1))
    task = a_task(Item("1", 3, reserved=1), kind=Kind.CANCELLATION)
    seen = a_snapshot({"1": (canceled(there), acknowledged(1 - there))})
    assert readback.read(order, task, seen).found == {"1": there}


def test_a_dismissed_shipment_finds_only_units_that_a_failed_one_leaves() -> None:
    dismissed = a_task(Item("1", 1), state=State.DISMISSED, sequence=1)
    failed = a_task(Item("1", 1, reserved=1), state=State.FAILED, sequence=2)
    order = an_order(tasks=(dismissed, failed))
    seen = a_snapshot({"1": (shipped(1), acknowledged(2))})
    assert readback.read(order, failed, seen).found == {"1": 1}
    assert readback.read(order, dismissed, seen).found == {"1": 0}


def test_confirmed_units_are_found_before_those_of_other_shipments() -> None:
    confirmed = a_task(Item("1", 1, confirmed=1), state=State.CONFIRMED, sequence=1)
    again = a_task(Item("1", 1, confirmed=1), state=State.CONFIRMED, sequence=2)
    doubtful = a_task(Item("1", 1, reserved=1), state=State.VERIFYING, sequence=3)
    order = an_order(tasks=(confirmed, again, doubtful))
    seen = a_snapshot({"1": (shipped(1), acknowledged(2))})
    shown = [readback.read(order, task, seen).shown["1"] for task in order.tasks]
    assert shown == [1, 0, 0]


def by_hand_and_refunded(state: State, *, in_doubt: bool) -> readback.Readback:
    """Two units were shipped by hand, one is refunded; the second shipment was not taken."""
    first = a_task(Item("1", 1, confirmed=1), state=State.CONFIRMED, sequence=1)
    doubt = NOW if in_doubt else None
    second = a_task(Item("1", 1, reserved=1), state=state, sequence=2, in_doubt_until=doubt)
    # By the last read one unit had been shipped by hand.
    order = an_order(a_line("1", 4, shipped=2), tasks=(first, second))
    units = (shipped(1), shipped(1, "HAND"), Units(UnitStatus.REFUND, 1), acknowledged(1))
    return readback.read(order, second, a_snapshot({"1": units}))


@pytest.mark.parametrize("state", [State.PENDING, State.RETRYING, State.FAILED, State.DISMISSED])
def test_a_refunded_unit_that_was_shipped_by_hand_frees_no_unit_of_another_shipment(
    state: State,
) -> None:
    reading = by_hand_and_refunded(state, in_doubt=False)
    assert reading.missing == {"1": 1}
    assert not reading.excess


@pytest.mark.parametrize("state", [State.SENDING, State.VERIFYING, State.FAILED])
def test_a_person_decides_if_the_refunded_unit_may_be_either_one(state: State) -> None:
    reading = by_hand_and_refunded(state, in_doubt=True)
    assert reading.excess == ("1",)
    assert reading.found == {"1": 0}


def test_the_unit_that_walmart_has_just_confirmed_is_found_beside_a_refunded_one() -> None:
    assert by_hand_and_refunded(State.CONFIRMED, in_doubt=False).complete
