from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.errors import Conflict, Invalid, refuse
from app.domain.orders import shipping
from app.domain.orders.order import Item
from app.domain.orders.requests import RequestedItem
from app.domain.update import Kind, State
from tests.builders import NOW, a_line, a_ship_request, a_task, an_order, items


def codes(order: object, **changes: object) -> list[str]:
    plan = shipping.plan(order, a_ship_request(**changes), NOW)  # type: ignore[arg-type]
    return [problem.code for problem in plan.problems]


def test_all_remaining_units_are_shipped_when_no_items_are_named() -> None:
    order = an_order(a_line("1", 3, shipped=1, pending=1), a_line("2", 2))
    plan = shipping.plan(order, a_ship_request(), NOW)
    assert plan.items == (Item("1", 1, reserved=1), Item("2", 2, reserved=2))
    assert not plan.problems


def test_a_sku_is_spread_over_the_lines_that_carry_it() -> None:
    order = an_order(*(a_line(n, 1, sku="ABC") for n in "123"))
    plan = shipping.plan(order, a_ship_request(items=(RequestedItem(2, sku="ABC"),)), NOW)
    assert [(item.line_number, item.quantity) for item in plan.items] == [("1", 1), ("2", 1)]


def test_a_sku_does_not_use_the_line_that_another_item_names() -> None:
    order = an_order(a_line("1", 1, sku="ABC"), a_line("2", 1, sku="ABC"))
    asked = (RequestedItem(1, line_number="1"), RequestedItem(1, sku="ABC"))
    plan = shipping.plan(order, a_ship_request(items=asked), NOW)
    assert {item.line_number: item.quantity for item in plan.items} == {"1": 1, "2": 1}


@pytest.mark.parametrize("asked", [(), (RequestedItem(0, line_number="1"),)])
def test_an_empty_shipment_is_refused(asked: tuple[RequestedItem, ...]) -> None:
    order = an_order(a_line("1", 3))
    plan = shipping.plan(order, a_ship_request(items=asked), NOW)
    assert [problem.code for problem in plan.problems] == ["invalid_quantity"]
    with pytest.raises(Invalid):
        refuse(plan.problems)


def test_a_commerce_item_id_selects_its_lines() -> None:
    order = an_order(a_line("7", 2, commerce_item_id=55))
    asked = (RequestedItem(2, commerce_item_id=55),)
    plan = shipping.plan(order, a_ship_request(items=asked), NOW)
    assert plan.items == (Item("7", 2, reserved=2),)


def test_more_than_the_remaining_units_is_refused_with_a_pointer_to_the_quantity() -> None:
    order = an_order(a_line("1", 3, pending=2))
    plan = shipping.plan(order, a_ship_request(items=items(l1=2)), NOW)
    (problem,) = plan.problems
    assert (problem.code, problem.pointer) == ("quantity_exceeds_remaining", "/items/0/quantity")
    assert problem.facts == {"remaining": 1}
    with pytest.raises(Conflict):
        refuse(plan.problems)


@pytest.mark.parametrize(
    ("changes", "code", "pointer"),
    [
        ({"tracking_number": " - "}, "tracking_number_required", "/tracking_number"),
        ({"tracking_number": "1Z/999"}, "tracking_number_invalid", "/tracking_number"),
        ({"tracking_number": "É123"}, "tracking_number_invalid", "/tracking_number"),
        ({"tracking_number": "\u017f1"}, "tracking_number_invalid", "/tracking_number"),
        ({"tracking_number": "1" * 61}, "tracking_number_invalid", "/tracking_number"),
        ({"tracking_number": "1796330-120075"}, "tracking_number_invalid", "/tracking_number"),
        ({"tracking_number": "C-77"}, "tracking_number_invalid", "/tracking_number"),
        ({"tracking_url": "ftp://a.example/1"}, "tracking_url_invalid", "/tracking_url"),
        ({"tracking_url": "https://"}, "tracking_url_invalid", "/tracking_url"),
        ({"tracking_url": "javascript:alert(1)"}, "tracking_url_invalid", "/tracking_url"),
        ({"shipped_at": NOW + timedelta(minutes=6)}, "shipped_at_in_future", "/shipped_at"),
        ({"shipped_at": NOW - timedelta(days=9)}, "shipped_at_before_order", "/shipped_at"),
        ({"method_code": "standard"}, "method_code_invalid", "/method_code"),
        ({"items": (RequestedItem(1, sku="NO"),)}, "unknown_line", "/items/0/sku"),
        ({"items": (*items(l1=1), *items(l1=1))}, "line_repeated", "/items/1/line_number"),
    ],
)
def test_invalid_content_is_reported_with_its_field(
    changes: dict[str, object], code: str, pointer: str
) -> None:
    order = an_order(ordered_at=NOW - timedelta(days=1), customer_order_id="C77")
    plan = shipping.plan(order, a_ship_request(**changes), NOW)
    assert [(problem.code, problem.pointer) for problem in plan.problems] == [(code, pointer)]
    with pytest.raises(Invalid):
        refuse(plan.problems)


def test_an_order_without_a_known_date_accepts_any_past_ship_date() -> None:
    assert codes(an_order(), shipped_at=NOW - timedelta(days=900)) == []


def test_a_scan_five_minutes_ahead_of_our_clock_is_accepted() -> None:
    assert codes(an_order(), shipped_at=NOW + timedelta(minutes=5)) == []


def test_the_ship_method_of_the_order_is_used_if_walmart_knows_it() -> None:
    assert (
        shipping.plan(an_order(ship_method="Value"), a_ship_request(), NOW).method_code == "Value"
    )
    odd = an_order(ship_method="Channel Shipping")
    assert shipping.plan(odd, a_ship_request(), NOW).method_code == "Standard"


def test_a_canceled_order_ships_nothing() -> None:
    assert codes(an_order(a_line("1", 2, canceled=2))) == ["order_canceled"]


@pytest.mark.parametrize(
    ("state", "code"),
    [
        (State.PENDING, "cancellation_pending"),
        (State.SENDING, "cancellation_pending"),
        (State.VERIFYING, "cancellation_pending"),
        (State.FAILED, "cancellation_unresolved"),
    ],
)
def test_nothing_ships_while_a_cancellation_is_not_settled(state: State, code: str) -> None:
    cancellation = a_task(Item("1", 2, reserved=2), kind=Kind.CANCELLATION, state=state)
    order = an_order(a_line("1", 3, pending=2), tasks=(cancellation,))
    assert codes(order, items=items(l1=1)) == [code]


def test_invalid_content_is_reported_before_the_state() -> None:
    order = an_order(a_line("1", 1, pending=1))
    plan = shipping.plan(order, a_ship_request(items=items(l1=1), tracking_number="?"), NOW)
    with pytest.raises(Invalid) as refused:
        refuse(plan.problems)
    assert refused.value.code == "tracking_number_invalid"
    assert len(refused.value.problems) == 2


@given(
    ordered=st.lists(st.integers(1, 5), min_size=1, max_size=6),
    wanted=st.integers(1, 40),
)
def test_spreading_a_sku_ships_exactly_the_requested_units_or_refuses(
    ordered: list[int], wanted: int
) -> None:
    order = an_order(*(a_line(str(n), units, sku="S") for n, units in enumerate(ordered)))
    request = a_ship_request(items=(RequestedItem(wanted, sku="S"),))
    plan = shipping.plan(order, request, NOW)
    shipped = sum(item.quantity for item in plan.items)
    assert (shipped == wanted) == (not plan.problems)
    assert all(item.quantity <= order.line(item.line_number).ordered for item in plan.items)  # type: ignore[union-attr]
