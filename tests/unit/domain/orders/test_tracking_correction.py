from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from app.domain.orders import readback, tracking_correction
from app.domain.orders.order import Item, Order, Task
from app.domain.orders.settlement import settle
from app.domain.update import Kind, State
from tests.builders import NOW, a_line, a_snapshot, a_task, acknowledged, an_order, shipped


def corrected(shipment: Task, old: str, new: str, sequence: int) -> Task:
    """A tracking update of a shipment."""
    task = a_task(
        kind=Kind.TRACKING,
        sequence=sequence,
        previous_tracking_number=old,
        corrects=shipment.update_id,
    )
    return replace(task, tracking_number=new)


def an_order_of(units: int, *numbers: str) -> tuple[Order, Task, Task]:
    """An order with one confirmed shipment, corrected from number to number."""
    shipment = a_task(
        Item("1", units, confirmed=units), state=State.CONFIRMED, tracking_number=numbers[0]
    )
    tasks = [shipment]
    for sequence, (old, new) in enumerate(pairwise(numbers), start=2):
        tasks.append(corrected(shipment, old, new, sequence))
    order = an_order(a_line("1", units, shipped=units), tasks=tuple(tasks))
    return order, shipment, tasks[-1]


@given(units=st.integers(1, 9), data=st.data())
def test_units_are_found_once_under_any_number_of_their_package(
    units: int, data: st.DataObject
) -> None:
    order, shipment, _ = an_order_of(units, "A", "B", "C")
    at = sorted(data.draw(st.lists(st.integers(0, units), min_size=2, max_size=2)))
    parts = zip("ABC", (at[0], at[1] - at[0], units - at[1]), strict=True)
    seen = a_snapshot({"1": tuple(shipped(n, number) for number, n in parts if n)})
    reading = readback.read(order, shipment, seen)
    assert reading.found == {"1": units}
    assert reading.complete


@given(units=st.integers(1, 9), other=st.integers(1, 9), moved=st.booleans())
def test_a_renumbered_package_is_not_counted_for_another_that_shares_a_number(
    units: int, other: int, moved: bool
) -> None:
    order, first, _ = an_order_of(units, "A", "B")
    second = a_task(Item("1", other, reserved=other), sequence=9, tracking_number="B")
    order = replace(order, tasks=(*order.tasks, second))
    at = "B" if moved else "A"
    without = a_snapshot({"1": (shipped(units, at), acknowledged(other))})
    assert readback.read(order, second, without).found == {"1": 0}
    both = a_snapshot({"1": (shipped(units, at), shipped(other, "B"))})
    assert readback.read(order, second, both).found == {"1": other}
    assert not readback.read(order, first, both).excess


def test_a_correction_is_complete_when_every_unit_is_under_the_new_number() -> None:
    order, _, task = an_order_of(3, "A", "B")
    half = tracking_correction.correction_state(
        order, task, a_snapshot({"1": (shipped(2, "A"), shipped(1, "B"))})
    )
    assert (half.waiting, half.current, half.done) == ({"1": 2}, "A", False)
    assert tracking_correction.correction_state(
        order, task, a_snapshot({"1": (shipped(3, "B"),)})
    ).done


def test_a_read_that_shows_the_new_number_confirms_the_correction() -> None:
    order, _, task = an_order_of(3, "A", "B")
    assert task not in settle(order, a_snapshot({"1": (shipped(3, "A"),)}), NOW).landed
    assert task in settle(order, a_snapshot({"1": (shipped(3, "B"),)}), NOW).landed


def test_a_shipment_that_may_have_been_sent_is_not_replaced() -> None:
    def may_rewrite(state: State, *, in_doubt: bool = False) -> bool:
        task = a_task(
            Item("1", 1, reserved=1), state=state, in_doubt_until=NOW if in_doubt else None
        )
        return tracking_correction.replaceable(an_order(tasks=(task,)), task)

    assert may_rewrite(State.PENDING)
    assert may_rewrite(State.FAILED)
    assert not may_rewrite(State.SENDING)
    assert not may_rewrite(State.VERIFYING, in_doubt=True)
    assert not may_rewrite(State.FAILED, in_doubt=True)
    assert not may_rewrite(State.CONFIRMED)


def test_corrections_end_4_hours_after_the_first_confirmation() -> None:
    assert not tracking_correction.window_closed(None, NOW)
    assert not tracking_correction.window_closed(NOW - timedelta(hours=4), NOW)
    assert tracking_correction.window_closed(NOW - timedelta(hours=4, seconds=1), NOW)
