"""Reserving the units of a shipment, and the units it lacks."""

from itertools import product

import pytest

from app.domain.errors import Conflict
from app.domain.orders import reservation
from app.domain.orders.allocation import allocate
from app.domain.orders.order import Item, Order, OrderLine
from app.domain.orders.requests import RequestedItem
from app.domain.update import Kind, State
from tests.builders import a_line, a_task, an_order, items

ITEM = 70


def the_line(ordered: int, canceled: int, by_hand: int, ours: int, held: int) -> OrderLine:
    return a_line(
        "1",
        ordered,
        canceled=canceled,
        shipped=by_hand + ours,
        pending=held,
        commerce_item_id=ITEM,
    )


def the_order(line: OrderLine, ours: int, held: int, lacking: int = 0) -> Order:
    tasks = [
        a_task(Item("1", ours, confirmed=ours), state=State.CONFIRMED),
        a_task(Item("1", held + lacking, reserved=held), sequence=2),
    ]
    other = a_line("2", 1, commerce_item_id=71)
    return an_order(line, other, tasks=tuple(each for each in tasks if each.items[0].quantity))


@pytest.mark.parametrize("least", [None, 0, 1])
def test_units_are_reserved_lacking_or_refused_in_every_small_case(least: int | None) -> None:
    for canceled, by_hand, ours, held, lacking, wanted in product(range(3), repeat=6):
        ordered = 4
        if canceled + by_hand + ours + held > ordered or lacking > canceled + by_hand or not wanted:
            continue
        line = the_line(ordered, canceled, by_hand, ours, held)
        order = the_order(line, ours, held, lacking)
        remaining = ordered - canceled - by_hand - ours - held
        lost = canceled + by_hand - lacking
        requested = [RequestedItem(wanted, commerce_item_id=ITEM)]
        given, problems = allocate(order, requested, min_units=least)
        going = min(wanted, remaining)
        allowed = wanted <= remaining or (
            least is not None and wanted <= remaining + lost and going >= least
        )
        assert bool(problems) is not allowed, (order.lines[0], lacking, wanted)
        if allowed:
            assert given == (Item("1", wanted, reserved=going),)
        else:
            assert [each.code for each in problems] == ["quantity_exceeds_remaining"]


def test_a_line_without_free_units_does_not_keep_the_others_from_being_reserved() -> None:
    order = an_order(a_line("1", 2, canceled=2), a_line("2", 3))
    given, problems = allocate(order, items(l1=2, l2=3), min_units=1)
    assert (given, problems) == ((Item("1", 2), Item("2", 3, reserved=3)), [])


def test_a_line_held_by_another_update_refuses_the_whole_shipment() -> None:
    task = a_task(Item("1", 2, reserved=2))
    order = an_order(a_line("1", 2, pending=2), a_line("2", 3), tasks=(task,))
    _, problems = allocate(order, items(l1=1, l2=3), min_units=1)
    assert [each.pointer for each in problems] == ["/items/0/quantity"]


def test_items_that_share_lines_reserve_all_their_units() -> None:
    order = an_order(a_line("1", 3, canceled=1, commerce_item_id=ITEM))
    requested = [RequestedItem(2, sku="SKU-1"), RequestedItem(1, commerce_item_id=ITEM)]
    given, problems = allocate(order, requested, min_units=1)
    assert (given, problems) == ((Item("1", 3, reserved=2),), [])
    _, problems = allocate(
        order, [*requested[:1], RequestedItem(2, commerce_item_id=ITEM)], min_units=1
    )
    assert [each.pointer for each in problems] == ["/items/1/quantity"]


def test_a_retry_reserves_open_units_and_is_refused_held_ones() -> None:
    for canceled, others, confirmed, reserved in product(range(4), repeat=4):
        ordered, wanted = 3, 3
        if canceled + others + confirmed + reserved > ordered or confirmed + reserved > wanted:
            continue
        task = a_task(Item("1", wanted, confirmed=confirmed, reserved=reserved), state=State.FAILED)
        other = a_task(Item("1", others, reserved=others), sequence=2)
        line = a_line("1", ordered, canceled=canceled, shipped=confirmed, pending=others + reserved)
        order = an_order(line, tasks=(task, other))
        open_units = ordered - canceled - confirmed
        missing = wanted - confirmed
        holds = min(missing, open_units)
        if holds > open_units - others or not holds:
            with pytest.raises(Conflict) as refused:
                reservation.reserve_again(order, task.update_id)
            assert refused.value.code == "quantity_exceeds_remaining"
            continue
        after = reservation.reserve_again(order, task.update_id)
        (item,) = (after.task(task.update_id) or task).items
        assert item.reserved == holds
        assert after.lines[0].pending == others + holds
        assert after.lines[0].remaining >= 0


def test_a_retried_cancellation_covers_the_units_that_are_open_now() -> None:
    task = a_task(Item("1", 2, confirmed=2), kind=Kind.CANCELLATION, state=State.FAILED)
    lines = (a_line("1", 2, canceled=2), a_line("2", 3, pending=1), a_line("3", 1, shipped=1))
    other = a_task(Item("2", 1, reserved=1), sequence=2)
    after = reservation.reserve_again(an_order(*lines, tasks=(task, other)), task.update_id)
    again = after.task(task.update_id)
    assert again is not None
    assert [(each.line_number, each.quantity, each.reserved) for each in again.items] == [
        ("1", 2, 0),
        ("2", 2, 2),
    ]
    assert [line.remaining for line in after.lines] == [0, 0, 0]
