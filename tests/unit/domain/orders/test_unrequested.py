"""Changes of an order or a return that Walmart shows and Waybill did not request."""

from dataclasses import replace

from app.domain.orders import unrequested
from app.domain.orders.order import Item
from app.domain.orders.returns import Return, ReturnLine
from app.domain.orders.snapshot import Units, UnitStatus
from app.domain.orders.unrequested import UnrequestedUnits
from app.domain.update import Kind, State
from tests.builders import a_snapshot, a_task, acknowledged, an_order, canceled, shipped


def test_units_of_our_shipments_count_as_requested_in_any_state() -> None:
    tasks = (
        a_task(Item("1", 1), state=State.DISMISSED, sequence=1, tracking_number="A-1"),
        a_task(Item("1", 1, confirmed=1), state=State.CONFIRMED, sequence=2, tracking_number="B1"),
    )
    seen = a_snapshot({"1": (shipped(1, "A1"), shipped(1, "B1"), acknowledged(1))})
    assert unrequested.of_order(an_order(tasks=tasks), seen) == ()


def test_an_unknown_package_is_reported_with_its_units_and_number() -> None:
    ours = a_task(Item("1", 1), tracking_number="A1")
    seen = a_snapshot({"1": (shipped(2, "A1"), shipped(1, "C1"))})
    assert unrequested.of_order(an_order(tasks=(ours,)), seen) == (
        UnrequestedUnits("shipped", "1", 1, "A1", "UPS"),
        UnrequestedUnits("shipped", "1", 1, "C1", "UPS"),
    )


def test_a_package_under_its_corrected_number_is_not_reported() -> None:
    ours = a_task(Item("1", 1), tracking_number="A1")
    correction = replace(
        a_task(kind=Kind.TRACKING, sequence=2, corrects=ours.update_id),
        previous_tracking_number="A1",
        tracking_number="B1",
    )
    other = a_task(Item("1", 1), sequence=3, tracking_number="B1")
    order = an_order(tasks=(ours, correction, other))
    assert unrequested.of_order(order, a_snapshot({"1": (shipped(2, "B1"), acknowledged(1))})) == ()
    more = unrequested.of_order(order, a_snapshot({"1": (shipped(3, "B1"),)}))
    assert more == (UnrequestedUnits("shipped", "1", 1, "B1", "UPS"),)


def test_refunded_units_without_a_number_count_as_ours_first() -> None:
    ours = a_task(Item("1", 2), tracking_number="A1")
    blank = Units(UnitStatus.REFUND, 2)
    seen = a_snapshot({"1": (shipped(1, "A1"), blank)})
    assert unrequested.of_order(an_order(tasks=(ours,)), seen) == (
        UnrequestedUnits("shipped", "1", 1),
    )


def test_canceled_units_beyond_our_cancellation_are_reported() -> None:
    ours = a_task(Item("1", 1), kind=Kind.CANCELLATION)
    seen = a_snapshot({"1": (canceled(1),), "2": (canceled(2),)})
    assert unrequested.of_order(an_order(tasks=(ours,)), seen) == (
        UnrequestedUnits("canceled", "2", 2),
    )


def test_units_that_walmart_ships_itself_are_not_reported() -> None:
    order = an_order(fulfilled_by_walmart=True)
    assert unrequested.of_order(order, a_snapshot({"1": (shipped(3),)})) == ()


def test_refunded_units_beyond_our_refunds_are_reported() -> None:
    lines = (ReturnLine(1, "1", "A", 3, refunded=3), ReturnLine(2, "2", "B", 1, refunded=1))
    found = unrequested.of_return(Return("R", "C", lines), {1: 1, 2: 1})
    assert found == (UnrequestedUnits("refunded", "1", 2),)
