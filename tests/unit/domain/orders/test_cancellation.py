import pytest

from app.domain.orders import cancellation
from app.domain.orders.order import Item
from app.domain.orders.requests import CancelRequest, StockLevel
from app.domain.update import Kind, State
from tests.builders import a_line, a_task, an_order

REASON = CancelRequest("out_of_stock")


def codes(order: object, request: CancelRequest = REASON) -> list[str]:
    return [problem.code for problem in cancellation.plan(order, request)[1]]  # type: ignore[arg-type]


def test_a_cancellation_takes_every_open_unit_of_every_line() -> None:
    order = an_order(a_line("1", 3, canceled=1), a_line("2", 2))
    taken, problems = cancellation.plan(order, REASON)
    assert taken == (Item("1", 2, reserved=2), Item("2", 2, reserved=2))
    assert not problems


@pytest.mark.parametrize(
    ("state", "code"),
    [
        (State.PENDING, "order_already_shipped"),
        (State.SENDING, "order_already_shipped"),
        (State.RETRYING, "order_already_shipped"),
        (State.VERIFYING, "order_already_shipped"),
        (State.FAILED, "shipment_unresolved"),
        (State.DISMISSED, "shipment_unresolved"),
    ],
)
def test_an_order_with_an_unsettled_shipment_is_not_canceled(state: State, code: str) -> None:
    order = an_order(a_line(pending=1), tasks=(a_task(Item("1", 1, reserved=1), state=state),))
    assert codes(order) == [code]


def test_a_dismissed_shipment_without_held_units_does_not_prevent_a_cancellation() -> None:
    assert codes(an_order(tasks=(a_task(Item("1", 1), state=State.DISMISSED),))) == []


def test_an_order_with_a_shipped_unit_is_not_canceled() -> None:
    assert codes(an_order(a_line("1", 3, shipped=1))) == ["order_already_shipped"]


def test_a_canceled_order_is_not_canceled_again() -> None:
    assert codes(an_order(a_line("1", 3, canceled=3))) == ["order_already_canceled"]


@pytest.mark.parametrize(
    ("state", "code"),
    [(State.PENDING, "cancellation_pending"), (State.FAILED, "cancellation_unresolved")],
)
def test_a_second_cancellation_is_refused(state: State, code: str) -> None:
    first = a_task(Item("1", 3, reserved=3), kind=Kind.CANCELLATION, state=state)
    assert codes(an_order(a_line(pending=3), tasks=(first,))) == [code]


def test_an_unknown_reason_and_an_unknown_sku_are_reported() -> None:
    request = CancelRequest("because", inventory=(StockLevel("NOPE", 0), StockLevel("SKU-1", 1)))
    problems = cancellation.plan(an_order(), request)[1]
    assert [(p.code, p.pointer) for p in problems] == [
        ("reason_invalid", "/reason"),
        ("unknown_sku", "/inventory/0/sku"),
    ]


def test_a_reason_of_the_buyer_needs_a_request_of_the_buyer() -> None:
    request = CancelRequest("customer_request")
    assert not cancellation.reason_allowed(an_order(), request)
    assert cancellation.reason_allowed(an_order(cancel_requested=("1",)), request)
    assert cancellation.reason_allowed(an_order(), REASON)
