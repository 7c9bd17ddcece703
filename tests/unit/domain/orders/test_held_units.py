"""Every refusal caused by held units names the updates in doubt that hold them."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from app.domain.errors import Conflict, Problem
from app.domain.orders import cancellation, refund_plan, refund_targets, reservation, shipping
from app.domain.orders.order import Item, Order, Task
from app.domain.orders.refund_targets import RefundState
from app.domain.orders.requests import CancelRequest
from app.domain.orders.returns import RefundItem, RefundRequest, Return, ReturnLine
from app.domain.update import OPEN, Kind, State
from tests.builders import NOW, PURCHASE_ORDER, a_line, a_ship_request, a_task, an_id, an_order
from tests.builders import items as of_lines

# An update in doubt is in one of these states; no other update may use its units.
DOUBTFUL = [State.SENDING, State.RETRYING, State.VERIFYING, State.FAILED, State.DISMISSED]
TIME = "2026-11-23T12:00:00Z"


def holding(kind: Kind, state: State) -> Order:
    """An order in which an update in doubt holds all units of line 1."""
    task = a_task(Item("1", 3, reserved=3), kind=kind, state=state, in_doubt_until=NOW)
    return an_order(a_line(pending=3), tasks=(task,))


def refused(order: Order) -> Iterator[Problem]:
    """The problems of shipping the units, in part and whole, and of canceling them."""
    for items in (None, of_lines(l1=1)):
        yield from shipping.plan(order, a_ship_request(items=items), NOW).problems
    yield from cancellation.plan(order, CancelRequest("out_of_stock"))[1]


@pytest.mark.parametrize("state", DOUBTFUL)
@pytest.mark.parametrize("kind", [Kind.SHIPMENT, Kind.CANCELLATION])
def test_a_refusal_names_the_update_in_doubt_that_holds_the_units_and_until_when(
    kind: Kind, state: State
) -> None:
    order = holding(kind, state)
    problems = list(refused(order))
    assert len(problems) >= 3
    for problem in problems:
        assert problem.conflict
        assert problem.in_doubt
        assert str(order.tasks[0].update_id) in problem.message, problem
        assert TIME in problem.message, problem


@pytest.mark.parametrize("state", DOUBTFUL)
@pytest.mark.parametrize("kind", [Kind.SHIPMENT, Kind.CANCELLATION])
def test_an_update_that_holds_units_without_doubt_is_not_reported_as_in_doubt(
    kind: Kind, state: State
) -> None:
    order = holding(kind, state)
    (task,) = order.tasks
    order = replace(order, tasks=(replace(task, in_doubt_until=None),))
    for problem in refused(order):
        assert not problem.in_doubt
        assert "may still take effect" not in problem.message


def test_all_updates_in_doubt_are_named() -> None:
    tasks = tuple(
        a_task(Item("1", 1, reserved=1), state=State.VERIFYING, sequence=n, in_doubt_until=NOW)
        for n in (1, 2)
    )
    order = an_order(a_line("1", 2, pending=2), tasks=tasks)
    for problem in refused(order):
        assert all(str(task.update_id) in problem.message for task in tasks)


def test_an_update_in_doubt_on_other_lines_is_not_named() -> None:
    task = a_task(Item("2", 1, reserved=1), state=State.VERIFYING, in_doubt_until=NOW)
    order = an_order(a_line("1", 1), a_line("2", 1, pending=1), tasks=(task,))
    wanted = a_ship_request(items=of_lines(l1=2))
    (problem,) = shipping.plan(order, wanted, NOW).problems
    assert not problem.in_doubt


WAYS = (
    "PATCH …/shipments/{shipment_id}/tracking or Commerce's POST /V1/shipment/track (parent_id 9)"
)


@pytest.mark.parametrize("state", sorted(OPEN))
def test_a_lack_of_units_names_the_shipment_on_its_way_and_how_it_is_corrected(
    state: State,
) -> None:
    """Units of other lines and of confirmed shipments are not its cause."""
    task = a_task(Item("1", 3, confirmed=1, reserved=2), state=state, shipment_number=9)
    correction = a_task(kind=Kind.TRACKING, corrects=task.update_id, sequence=2)
    correction = replace(correction, tracking_number="1ZNEW")
    others = [
        a_task(Item("2", 1, reserved=1), sequence=3, shipment_number=10),
        a_task(Item("1", 1, confirmed=1), state=State.CONFIRMED, sequence=4, shipment_number=11),
    ]
    lines = a_line("1", 4, pending=2, shipped=2), a_line("2", 1, pending=1)
    order = an_order(*lines, tasks=(task, correction, *others))
    (problem,) = shipping.plan(order, a_ship_request(items=of_lines(l1=1)), NOW).problems
    assert "Shipment 9 (1ZNEW: 2 of line 1) is on its way" in problem.message
    assert WAYS in problem.message
    assert "Shipment 1" not in problem.message
    (everything,) = shipping.plan(order, a_ship_request(items=None), NOW).problems
    assert all(f"Shipment {number} " in everything.message for number in (9, 10))
    # A cancellation cannot be helped by a correction.
    assert "corrects it" not in str(cancellation.plan(order, CancelRequest("out_of_stock"))[1])


@pytest.mark.parametrize("reserved", [0, 1])
def test_a_failed_shipment_without_units_can_only_be_dismissed(reserved: int) -> None:
    """Its two units were shipped or canceled otherwise, or one of them."""
    task = a_task(
        Item("1", 2, reserved=reserved),
        state=State.FAILED,
        failure="The number is not valid.",
        shipment_number=9,
    )
    order = an_order(a_line("1", 2, canceled=2 - reserved, pending=reserved), tasks=(task,))
    texts = [cancellation.plan(order, CancelRequest("out_of_stock"))[1][0].message]
    if not reserved:
        with pytest.raises(Conflict) as found:
            reservation.reserve_again(order, task.update_id)
        texts = [str(found.value)]
    for text in texts:
        assert "The number is not valid." in text
        assert f"/v1/updates/{task.update_id}/dismiss" in text
        others = (f"/v1/updates/{task.update_id}/retry", WAYS, "POST /V1/order/{orderId}/ship")
        assert [way in text for way in others] == [bool(reserved)] * 3


def failed(others: Task) -> tuple[Order, Task]:
    """A failed shipment, with its units held by another update."""
    mine = a_task(Item("1", 3), state=State.FAILED, sequence=2)
    return an_order(a_line(pending=3), tasks=(others, mine)), mine


def test_a_refused_retry_names_the_update_in_doubt_that_holds_its_units() -> None:
    other = a_task(Item("1", 3, reserved=3), state=State.DISMISSED, in_doubt_until=NOW)
    order, mine = failed(other)
    with pytest.raises(Conflict) as found:
        reservation.reserve_again(order, mine.update_id)
    assert str(other.update_id) in str(found.value)
    assert TIME in str(found.value)
    order, mine = failed(replace(other, in_doubt_until=None))
    with pytest.raises(Conflict, match="other updates hold them") as found:
        reservation.reserve_again(order, mine.update_id)
    assert TIME not in str(found.value)


@pytest.mark.parametrize("state", DOUBTFUL)
@pytest.mark.parametrize("named", [True, False])
def test_a_refused_refund_names_the_refund_in_doubt_on_its_line(
    state: State, *, named: bool
) -> None:
    other = RefundState(an_id(), 1, (RefundItem(1, 3, 3),), state, NOW)
    returned = Return("106", "200", (ReturnLine(1, "1", "ABC", 3),), PURCHASE_ORDER)
    request = RefundRequest(((1, 1),) if named else None)
    order = an_order(a_line(shipped=3))
    pending = refund_targets.pending(returned, [other])
    _, problems = refund_plan.plan(
        {PURCHASE_ORDER: order}, returned, request, pending, refund_targets.doubts([other])
    )
    first = problems[0]
    assert (first.code, first.in_doubt) == ("refund_in_doubt", True)
    assert str(other.update_id) in first.message
    assert TIME in first.message
