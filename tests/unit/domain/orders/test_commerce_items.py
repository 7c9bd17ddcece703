"""Composite products: several items of a Commerce order are one unit of a line.

What Magento lists (magento/magento2, Magento/Sales/Model/Order/ShipmentFactory.php, prepareItems):
a configurable parent with its quantity and its child; of a bundle that ships together the parent
and each child with its quantity; of a bundle that ships separately (Item::isShipSeparately) the
children that go.
"""

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.orders import commerce_items, links, shipping
from app.domain.orders.order import Item, Order, OrderLine
from app.domain.orders.requests import RequestedItem
from app.domain.orders.reservation import reserve
from app.domain.update import State
from tests.builders import NOW, a_line, a_ship_request, a_task, an_order

PARENT, CHILD, PART, STRANGE = 70, 71, 72, 99


def wanted(**quantities: int) -> tuple[RequestedItem, ...]:
    """Items by Commerce item, as in `wanted(i70=2)`."""
    return tuple(RequestedItem(n, commerce_item_id=int(name[1:])) for name, n in quantities.items())


def a_bundle(number: str = "1", ordered: int = 2, **changes: object) -> OrderLine:
    """A bundle of two children CHILD and one PART."""
    return a_line(number, ordered, commerce_items={CHILD: 2, PART: 1}, **changes)


def planned(order: Order, **quantities: int) -> dict[str, int] | str:
    """Units by line, or the code of the first problem."""
    request = a_ship_request(items=wanted(**quantities))
    plan = shipping.plan(order, request, NOW)
    if plan.problems:
        return plan.problems[0].code
    return {item.line_number: item.quantity for item in plan.items}


@pytest.mark.parametrize("quantities", [{"i70": 2, "i71": 2}, {"i70": 2}, {"i71": 2}])
def test_a_configurable_parent_and_its_child_are_the_same_units(
    quantities: dict[str, int],
) -> None:
    order = an_order(a_line("1", 3, commerce_item_id=PARENT, commerce_items={CHILD: 1}))
    assert planned(order, **quantities) == {"1": 2}


def test_the_child_of_a_configurable_may_come_with_another_quantity() -> None:
    """ShipmentFactory.php gives a child without bundle options the quantity 0 or 1."""
    order = an_order(a_line("1", 3, commerce_items={PARENT: 1, CHILD: 1}))
    assert planned(order, i70=3, i71=1) == {"1": 3}


@pytest.mark.parametrize(
    ("quantities", "expected"),
    [
        ({"i71": 4, "i72": 2}, {"1": 2}),
        ({"i71": 2}, {"1": 1}),
        # The largest quotient counts.
        ({"i71": 1, "i72": 1}, {"1": 1}),
        ({"i71": 1}, "invalid_quantity"),
        ({"i71": 3, "i72": 1}, "invalid_quantity"),
        ({"i71": 6}, "quantity_exceeds_remaining"),
    ],
)
def test_a_bundle_counts_by_its_largest_quotient_in_whole_units(
    quantities: dict[str, int], expected: object
) -> None:
    assert planned(an_order(a_bundle()), **quantities) == expected


def test_three_items_of_commerce_are_one_unit_of_a_multipack() -> None:
    order = an_order(a_line("1", 2, commerce_items={PARENT: 3}))
    assert planned(order, i70=3) == {"1": 1}
    problem = shipping.plan(order, a_ship_request(items=wanted(i70=4)), NOW).problems[0]
    assert (problem.code, problem.pointer) == ("invalid_quantity", "/items/0/quantity")
    assert "one unit of line 1 has 3" in problem.message


def test_units_of_a_bundle_are_spread_over_the_lines_that_share_it() -> None:
    order = an_order(a_bundle("1", 1), a_bundle("2", 1), a_line("3", 1, commerce_item_id=5))
    assert planned(order, i71=4, i72=2, i5=1) == {"1": 1, "2": 1, "3": 1}


def after(*sent: tuple[int, dict[int, int]], **changes: object) -> Order:
    """An order after shipments of so many units with these contents."""
    tasks = tuple(
        a_task(Item("1", n, reserved=n), commerce_items=contents, sequence=place, **changes)  # type: ignore[arg-type]
        for place, (n, contents) in enumerate(sent, start=1)
    )
    units = sum(n for n, _ in sent)
    return an_order(a_bundle(ordered=4, pending=units), tasks=tasks)


@pytest.mark.parametrize(
    ("sent", "later", "quantities", "expected"),
    [
        # The other child of the same unit, and what is missing of the first.
        ([(1, {CHILD: 2})], {}, {"i72": 1}, "track_not_sent"),
        ([(1, {CHILD: 1, PART: 1})], {}, {"i71": 1}, "track_not_sent"),
        # The rest of one unit and a part of the next one.
        ([(1, {CHILD: 2})], {}, {"i72": 2}, {"1": 1}),
        ([(1, {CHILD: 2})], {}, {"i71": 2, "i72": 1}, {"1": 1}),
        # Parts that came before count: this one begins another unit.
        ([(1, {CHILD: 2})], {PART: 1}, {"i72": 1}, {"1": 1}),
        ([(1, {CHILD: 2}), (1, {PART: 2})], {}, {"i71": 2}, "track_not_sent"),
        # A shipment that named the line has every item of its units.
        ([(2, {})], {}, {"i71": 2}, {"1": 1}),
        ([(1, {CHILD: 2})], {}, {"i71": 1}, "invalid_quantity"),
    ],
)
def test_a_later_shipment_adds_to_what_earlier_ones_contain(
    sent: list[tuple[int, dict[int, int]]],
    later: dict[int, int],
    quantities: dict[str, int],
    expected: object,
) -> None:
    order = after(*sent)
    order = an_order(*order.lines, tasks=order.tasks, later_parts=later)
    assert planned(order, **quantities) == expected


def test_what_a_dismissed_shipment_contained_may_be_shipped_anew() -> None:
    order = after((1, {CHILD: 2}), state=State.DISMISSED)
    assert planned(order, i71=2) == {"1": 1}


def test_an_item_without_a_line_is_passed_over_if_every_line_is_linked() -> None:
    order = an_order(a_line("1", 3, commerce_item_id=PARENT), a_line("2", 1, commerce_item_id=5))
    request = a_ship_request(items=wanted(i99=1, i70=2))
    plan = shipping.plan(order, request, NOW)
    assert (plan.items, plan.passed_over) == ((Item("1", 2, reserved=2),), (STRANGE,))
    assert not plan.problems


@pytest.mark.parametrize(
    ("lines", "quantities"),
    [
        ([a_line("1", 3, commerce_item_id=PARENT), a_line("2", 1)], {"i70": 1, "i99": 1}),
        ([a_line("1", 3, commerce_item_id=PARENT)], {"i99": 1}),
    ],
)
def test_an_item_without_a_line_is_refused_if_it_may_belong_to_one_or_is_alone(
    lines: list[OrderLine], quantities: dict[str, int]
) -> None:
    order = an_order(*lines)
    problems = shipping.plan(order, a_ship_request(items=wanted(**quantities)), NOW).problems
    assert [(each.code, each.pointer) for each in problems] == [
        ("unknown_line", f"/items/{len(quantities) - 1}/commerce_item_id")
    ]


def test_equal_units_are_equal_however_they_are_listed() -> None:
    order = an_order(a_bundle("1", 2), a_bundle("2", 2))
    counts = [
        commerce_items.units_by_line(order, wanted(**each))
        for each in ({"i71": 4, "i72": 2}, {"i72": 2}, {"i71": 4})
    ]
    assert counts == [{"1": 2}] * 3
    assert commerce_items.first_lines(order) == {"1": "1", "2": "1"}


def test_lines_that_share_an_item_must_have_the_same_items() -> None:
    (problem,) = links.unequal_lines({"1": {70: 1}, "2": {70: 1, 71: 1}}, ["2"])
    assert (problem.code, problem.pointer) == ("commerce_items_differ", "/lines/0/commerce_items")
    assert not list(links.unequal_lines({"1": {70: 1}, "2": {70: 1}, "3": {71: 2}}, ["1"]))


@given(st.data())
def test_all_parts_of_all_units_ship_each_unit_once_in_any_order(data: st.DataObject) -> None:
    """Refused parts come again with those that complete them, as a merchant retries them."""
    ordered = data.draw(st.integers(1, 3))
    per_unit = {CHILD: data.draw(st.integers(1, 2)), PART: data.draw(st.integers(1, 2))}
    pieces = [item for item, n in per_unit.items() for _ in range(n * ordered)]
    waiting = [{item: 1} for item in data.draw(st.permutations(pieces))]
    line = a_line("1", ordered, commerce_items=per_unit)
    order, tries = an_order(line), 0
    while waiting:
        parts = waiting.pop(0)
        request = a_ship_request(
            items=tuple(RequestedItem(n, commerce_item_id=id_) for id_, n in parts.items())
        )
        plan = shipping.plan(order, request, NOW)
        codes = [problem.code for problem in plan.problems]
        assert codes in ([], ["track_not_sent"], ["invalid_quantity"])
        if codes == ["invalid_quantity"]:
            # With one more of the same item it may be whole.
            tries += 1
            assert tries < 100
            same = next((n for n, each in enumerate(waiting) if each.keys() == parts.keys()), None)
            more = waiting.pop(same) if same is not None else {}
            waiting.append({id_: n + more.get(id_, 0) for id_, n in parts.items()})
        elif codes:
            order = replace(order, later_parts=Counter(order.later_parts) + Counter(parts))
        else:
            task = a_task(*plan.items, commerce_items=plan.contents, sequence=len(order.tasks) + 1)
            order = reserve(order, task)
    assert order.lines[0].pending == ordered
