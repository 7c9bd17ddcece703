"""Which failed shipment a request of Commerce corrects or retries."""

from collections.abc import Sequence

import pytest

from app.domain.errors import Conflict, Invalid, Problem
from app.domain.orders import mending
from app.domain.orders.order import Item, Order, Task
from app.domain.orders.requests import RequestedItem
from app.domain.update import Kind, State
from tests.builders import a_line, a_package, a_task, an_order

FAILED = State.FAILED


def a_shipment(number: str, *held: Item, state: State = FAILED, sequence: int = 1) -> Task:
    return a_task(*held, state=state, sequence=sequence, tracking_number=number)


def of(*tasks: Task, lines: int = 2) -> Order:
    """An order of lines of 3 units with Commerce's items 71, 72 …, and the updates of them."""
    held = [item for task in tasks for item in task.items]
    return an_order(
        *(
            a_line(
                str(n),
                3,
                commerce_item_id=70 + n,
                pending=sum(item.reserved for item in held if item.line_number == str(n)),
                shipped=sum(item.confirmed for item in held if item.line_number == str(n)),
            )
            for n in range(1, lines + 1)
        ),
        tasks=tasks,
    )


def matched(
    order: Order,
    *packages: tuple[str, Sequence[tuple[int, int]] | None],
    taken: Sequence[Task] = (),
) -> list[tuple[str | None, bool]]:
    """The tracking numbers of the matched shipments by package, each with rest_only."""
    wanted = {
        place: a_package(
            number,
            items=None
            if units is None
            else tuple(RequestedItem(count, commerce_item_id=item) for item, count in units),
        )
        for place, (number, units) in enumerate(packages)
    }
    found = mending.matches(order, wanted, {task.update_id for task in taken})
    return [(each.task.tracking_number, each.rest_only) for _, each in sorted(found.items())]


def test_a_request_for_the_units_of_one_failed_shipment_is_about_it() -> None:
    order = of(a_shipment("1ZA", Item("1", 3, reserved=3)))
    assert matched(order, ("1ZB", [(71, 3)])) == [("1ZA", False)]


@pytest.mark.parametrize("units", [[(71, 2)], [(71, 4)], [(71, 3), (72, 1)], [(72, 3)]])
def test_a_request_for_other_units_is_about_none(units: list[tuple[int, int]]) -> None:
    assert matched(of(a_shipment("1ZA", Item("1", 3, reserved=3))), ("1ZB", units)) == []


def test_several_failed_shipments_of_these_units_are_uncertain_unless_one_has_the_number() -> None:
    shipments = [a_shipment(f"1Z{n}", Item("1", 1, reserved=1), sequence=n) for n in (1, 2)]
    order = of(*shipments)
    assert matched(order, ("1Z9", [(71, 1)])) == []
    assert matched(order, ("1z-2", [(71, 1)])) == [("1Z2", False)]


@pytest.mark.parametrize(
    "state", [s for s in State if s not in {FAILED, State.CONFIRMED}], ids=lambda s: s.value
)
def test_a_shipment_that_did_not_fail_is_not_corrected(state: State) -> None:
    order = of(a_shipment("1ZA", Item("1", 3, reserved=3), state=state))
    assert matched(order, ("1ZB", [(71, 3)])) == []


@pytest.mark.parametrize(
    ("state", "item"),
    [
        (State.PENDING, Item("1", 3, reserved=3)),
        (State.RETRYING, Item("1", 3, confirmed=1, reserved=2)),
        (State.CONFIRMED, Item("1", 3, confirmed=3)),
        (State.DISMISSED, Item("1", 3, reserved=3)),
    ],
)
def test_a_request_of_a_shipments_number_and_units_repeats_it_unless_it_was_dismissed(
    state: State, item: Item
) -> None:
    """It is not a correction of a failed shipment of as many units."""
    number = [] if state is State.DISMISSED else [("1ZA", False)]
    assert matched(of(a_shipment("1ZA", item, state=state)), ("1z-a", [(71, 3)])) == number
    assert matched(of(a_shipment("1ZA", item, state=state)), ("1ZA", [(71, 4)])) == []
    failed = a_shipment("1ZX", Item("1", 3, reserved=3), sequence=2)
    line = a_line("1", 6, commerce_item_id=71, pending=6 - item.confirmed, shipped=item.confirmed)
    order = an_order(line, tasks=(a_shipment("1ZA", item, state=state), failed))
    assert matched(order, ("1ZA", [(71, 3)])) == (number or [("1ZX", False)])


def test_equal_shipments_are_not_repeated_by_another_request_unless_one_of_them_failed() -> None:
    def two(state: State) -> Order:
        done = a_shipment("1ZA", Item("1", 1, confirmed=1), state=State.CONFIRMED)
        other = a_shipment("1ZA", Item("1", 1, reserved=1), state=state, sequence=2)
        return an_order(
            a_line("1", 2, commerce_item_id=71, pending=1, shipped=1), tasks=(done, other)
        )

    assert matched(two(State.PENDING), ("1ZA", [(71, 1)])) == []
    assert matched(two(FAILED), ("1ZA", [(71, 1)])) == [("1ZA", False)]


def test_without_items_a_request_is_about_the_failed_shipment_of_all_that_is_left() -> None:
    failed = a_shipment("1ZB", Item("1", 2, reserved=2), sequence=2)
    done = a_shipment("1ZA", Item("1", 1, confirmed=1), state=State.CONFIRMED)
    assert matched(of(done, failed, lines=1), ("1ZC", None)) == [("1ZB", False)]
    other = a_shipment("1ZD", Item("2", 3, reserved=3), sequence=3)
    assert matched(of(done, failed, other), ("1ZC", None)) == []


@pytest.mark.parametrize(
    ("units", "rest_only"), [([(71, 1), (72, 2)], False), ([(72, 2)], True), ([(71, 1)], None)]
)
def test_a_partly_confirmed_shipment_matches_by_all_its_units_or_by_the_unconfirmed(
    units: list[tuple[int, int]], *, rest_only: bool | None
) -> None:
    items = Item("1", 1, confirmed=1), Item("2", 2, reserved=2)
    # No other units are left, so that each request lacks units.
    full = a_shipment("1ZX", Item("1", 2, confirmed=2), Item("2", 1, confirmed=1), sequence=2)
    order = of(a_shipment("1ZA", *items), a_done(full))
    assert matched(order, ("1ZB", units)) == ([] if rest_only is None else [("1ZA", rest_only)])


def a_done(task: Task) -> Task:
    return a_task(
        *task.items,
        state=State.CONFIRMED,
        sequence=task.sequence,
        tracking_number=task.tracking_number,
    )


def test_units_that_walmart_took_from_a_failed_shipment_need_not_be_named() -> None:
    """Of three units one was canceled at Walmart: the shipment still asks for three."""
    for units in (3, 2):
        order = of(a_shipment("1ZA", Item("1", 3, reserved=2)), lines=1)
        (line,) = order.lines
        canceled = an_order(
            a_line("1", 3, commerce_item_id=71, pending=line.pending, canceled=1), tasks=order.tasks
        )
        assert matched(canceled, ("1ZB", [(71, units)])) == [("1ZA", False)]


def test_the_packages_of_a_request_are_about_one_shipment_each() -> None:
    """By number first, so that the corrected package is about the shipment that is left."""
    one = [(71, 1)]
    first = a_shipment("1ZA", Item("1", 1, reserved=1))
    for state, items in (
        (FAILED, Item("1", 1, reserved=1)),
        (State.PENDING, Item("1", 1, reserved=1)),
        (State.CONFIRMED, Item("1", 1, confirmed=1)),
    ):
        order = of(first, a_shipment("1ZB", items, state=state, sequence=2), lines=1)
        assert matched(order, ("1ZC", one), ("1ZB", one)) == [("1ZA", False), ("1ZB", False)]
        assert matched(order, ("1ZB", one), ("1ZC", one)) == [("1ZB", False), ("1ZA", False)]
        assert matched(order, ("1ZC", one), ("1ZD", one)) == []


def test_the_parts_of_a_composite_product_are_its_units() -> None:
    """A bundle of one parent and two children, of which the failed shipment named the children."""
    line = a_line("1", 1, pending=1, commerce_items={80: 1, 81: 2})
    failed = a_task(
        Item("1", 1, reserved=1), state=FAILED, tracking_number="1ZA", commerce_items={81: 2}
    )
    order = an_order(line, tasks=(failed,))
    for units in ([(81, 2)], [(80, 1), (81, 2)]):
        assert matched(order, ("1ZB", units)) == [("1ZA", False)]


def test_packages_that_all_went_out_are_repeated() -> None:
    shipments = [
        a_shipment(f"1Z{n}", Item("1", 1, confirmed=1), state=State.CONFIRMED, sequence=n)
        for n in (1, 2)
    ]
    order, one = of(*shipments, lines=1), [(71, 1)]
    assert matched(order, ("1Z2", one), ("1Z1", one)) == [("1Z2", False), ("1Z1", False)]
    assert matched(order, ("1Z2", one), ("1Z3", one)) == []


def test_a_shipment_of_another_package_of_the_request_is_not_matched_again() -> None:
    shipments = [a_shipment(f"1Z{n}", Item("1", 1, reserved=1), sequence=n) for n in (1, 2)]
    taken = matched(of(*shipments), ("1Z9", [(71, 1)]), taken=shipments[:1])
    assert taken == [("1Z2", False)]


def test_a_failed_cancellation_is_not_corrected_by_a_shipment() -> None:
    held = a_task(Item("1", 3, reserved=3), kind=Kind.CANCELLATION, state=FAILED)
    assert matched(of(held, lines=1), ("1ZB", [(71, 3)])) == []


def test_only_a_lack_of_units_leads_to_a_failed_shipment() -> None:
    def conflict(*codes: str) -> Conflict:
        return Conflict(codes[0], "", [Problem(each, "", conflict=True) for each in codes])

    assert mending.lacks_units(conflict("quantity_exceeds_remaining"))
    assert mending.lacks_units(conflict("nothing_to_ship"))
    assert not mending.lacks_units(conflict("quantity_exceeds_remaining", "cancel_requested"))
    assert not mending.lacks_units(conflict("order_canceled"))
    assert not mending.lacks_units(Invalid("unknown_line", ""))
