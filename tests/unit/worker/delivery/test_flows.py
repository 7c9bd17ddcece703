"""Delivery flows, each fed with a list of answers: the calls they plan, and their outcomes."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from app.commerce.client import CommerceOrder
from app.commerce.errors import CommerceError
from app.domain.commerce_connection import CommerceConnection
from app.domain.orders.order import Item, Order, Task
from app.domain.orders.returns import RefundItem, Return, ReturnLine
from app.domain.outbox.outcome import (
    AlreadyThere,
    Confirmed,
    HandedBack,
    Refused,
    SendAgain,
    TryLater,
    Unclear,
)
from app.domain.update import Kind, State
from app.http_client.call import ErrorClass
from app.walmart.carriers import WalmartCarrier
from app.walmart.returns import ReturnPage
from app.walmart.shipment_payload import Package
from app.worker.delivery import failures
from app.worker.delivery.context import DeliveryContext
from app.worker.delivery.flow import LeaseTooShort
from tests.builders import (
    NOW,
    PURCHASE_ORDER,
    a_line,
    a_snapshot,
    a_task,
    acknowledged,
    an_order,
    canceled,
    created,
    shipped,
)
from tests.unit.walmart.builders import a_call
from tests.unit.worker.delivery.flows import a_context, fails, run, shows

NUMBER = "1Z999AA10123456784"
PACKAGE = Package(WalmartCarrier("UPS"), NUMBER, None, NOW, "Value", False)  # noqa: FBT003
LATER, BEFORE = NOW + timedelta(minutes=1), NOW - timedelta(minutes=1)
REFUSED = fails(400, "INVALID_REQUEST_CONTENT.GMP_ORDER_API")
SHOP = CommerceConnection(1, "default", "https://shop.example", "token", stock_id=1)


def shipping(*, in_doubt: bool = False, doubt_over: bool = False) -> DeliveryContext:
    """A shipment of two of three units."""
    until = LATER if in_doubt else BEFORE if doubt_over else None
    state = State.VERIFYING if until else State.PENDING
    task = a_task(Item("1", 2, reserved=2), state=state, in_doubt_until=until)
    order = an_order(a_line("1", 3, pending=2), tasks=(task,))
    return a_context(Kind.SHIPMENT, order, task, PACKAGE.to_json(), in_doubt_until=until)


def units_sent(args: tuple[Any, ...]) -> dict[str, str]:
    """Units by line in the body of a shipment or cancellation."""
    (body,) = (each for each in args if isinstance(each, dict))
    (request,) = body.values()
    return {
        line["lineNumber"]: line["orderLineStatuses"]["orderLineStatus"][0]["statusQuantity"][
            "amount"
        ]
        for line in request["orderLines"]["orderLine"]
    }


# ---- shipment ---------------------------------------------------------------------------------


def test_a_first_try_is_sent_without_a_read_and_confirmed_by_its_answer() -> None:
    done = a_snapshot({"1": (acknowledged(1), shipped(2))})
    made = run(shipping(), shows(done))
    assert made.calls == ["ship"]
    assert units_sent(made.args[0]) == {"1": "2"}
    assert made.outcome == Confirmed(done)


def test_a_read_that_shows_the_units_ends_an_unclear_try_without_a_write() -> None:
    done = a_snapshot({"1": (acknowledged(1), shipped(2))})
    made = run(shipping(in_doubt=True), shows(done))
    assert made.calls == ["read_order"]
    assert made.outcome == AlreadyThere(done)


def test_absence_within_the_quiet_period_proves_nothing() -> None:
    absent = a_snapshot({"1": (acknowledged(3),)})
    made = run(shipping(in_doubt=True), shows(absent))
    assert made.calls == ["read_order"]
    assert made.outcome == Unclear(failures.STILL_UNCLEAR, sent=False, read=True, snapshot=absent)


def test_only_missing_units_are_sent_after_the_quiet_period() -> None:
    partly = a_snapshot({"1": (acknowledged(2), shipped(1))})
    done = a_snapshot({"1": (acknowledged(1), shipped(2))})
    made = run(shipping(doubt_over=True), shows(partly), shows(done))
    assert made.calls == ["read_order", "ship"]
    assert units_sent(made.args[1]) == {"1": "1"}
    assert made.outcome == Confirmed(done)


def test_a_refused_unacknowledged_order_is_read_acknowledged_and_sent_again() -> None:
    new = a_snapshot({"1": (created(3),)})
    done = a_snapshot({"1": (acknowledged(1), shipped(2))})
    made = run(shipping(), REFUSED, shows(new), shows(new), shows(done))
    assert made.calls == ["ship", "read_order", "acknowledge", "ship"]
    assert made.outcome == Confirmed(done)


def test_a_second_refusal_is_final() -> None:
    new, after = a_snapshot({"1": (created(3),)}), a_snapshot({"1": (acknowledged(3),)})
    made = run(shipping(), REFUSED, shows(new), shows(new), REFUSED, shows(after))
    assert made.calls == ["ship", "read_order", "acknowledge", "ship", "read_order"]
    assert isinstance(made.outcome, Refused)
    assert made.outcome.failure.code == "refused_by_walmart"


def test_a_write_without_a_clear_answer_is_in_doubt() -> None:
    made = run(shipping(), fails(None, failure="read_timeout"))
    assert isinstance(made.outcome, Unclear)
    assert made.outcome.sent


def test_an_answer_that_does_not_show_the_units_is_in_doubt() -> None:
    made = run(shipping(), shows(a_snapshot({"1": (acknowledged(3),)})))
    assert made.outcome == Unclear(failures.NOT_SHOWN, sent=True)


def test_a_throttled_write_waits_for_its_lane() -> None:
    made = run(shipping(), fails(429))
    assert isinstance(made.outcome, TryLater)
    assert made.outcome.pause is not None
    assert (made.outcome.pause.endpoint, made.outcome.reached) == ("ship", False)


def test_nothing_is_sent_with_too_little_of_the_lease_left() -> None:
    made = run(shipping(), LeaseTooShort())
    assert made.outcome == HandedBack("too little of the lease was left")


# ---- acknowledgement --------------------------------------------------------------------------


def acknowledging() -> DeliveryContext:
    task = a_task(kind=Kind.ACKNOWLEDGEMENT)
    return a_context(Kind.ACKNOWLEDGEMENT, an_order(tasks=(task,)), task)


def test_a_refused_acknowledgement_is_done_if_the_order_is_past_it() -> None:
    past = a_snapshot({"1": (acknowledged(2), shipped(1))})
    made = run(acknowledging(), REFUSED, shows(past))
    assert made.calls == ["acknowledge", "read_order"]
    assert made.outcome == AlreadyThere(past)


def test_a_refused_acknowledgement_of_a_new_order_fails() -> None:
    made = run(acknowledging(), REFUSED, shows(a_snapshot({"1": (created(3),)})))
    assert isinstance(made.outcome, Refused)


# ---- cancellation -----------------------------------------------------------------------------


def canceling(lines: int = 1) -> DeliveryContext:
    held = [Item(str(number), 1, reserved=1) for number in range(1, lines + 1)]
    task = a_task(*held, kind=Kind.CANCELLATION, reason="out_of_stock")
    of_order = [a_line(item.line_number, 1, pending=1) for item in held]
    return a_context(Kind.CANCELLATION, an_order(*of_order, tasks=(task,)), task)


def test_a_cancellation_reads_before_it_sends() -> None:
    done = a_snapshot({"1": (canceled(1),)})
    made = run(canceling(), shows(a_snapshot({"1": (acknowledged(1),)})), shows(done))
    assert made.calls == ["read_order", "cancel"]
    assert units_sent(made.args[1]) == {"1": "1"}
    assert made.outcome == Confirmed(done)


def test_canceled_units_are_not_sent() -> None:
    done = a_snapshot({"1": (canceled(1),)})
    made = run(canceling(), shows(done))
    assert (made.calls, made.outcome) == (["read_order"], AlreadyThere(done))


def test_a_part_is_kept_when_the_lease_ends_before_the_next() -> None:
    lines = [str(number) for number in range(1, 102)]
    before = a_snapshot({each: (acknowledged(1),) for each in lines})
    half = a_snapshot({**{each: (canceled(1),) for each in lines[:100]}, "101": (acknowledged(1),)})
    made = run(canceling(101), shows(before), shows(half), LeaseTooShort())
    assert made.calls == ["read_order", "cancel", "cancel"]
    assert made.outcome == TryLater(failures.PARTS_LEFT, reached=False, snapshot=half)


# ---- tracking ---------------------------------------------------------------------------------


def correcting(new: str = "1ZNEW") -> DeliveryContext:
    """A correction of a confirmed shipment of three units."""
    sent = a_task(Item("1", 3, confirmed=3), state=State.CONFIRMED)
    package = replace(PACKAGE, tracking_number=new)
    task = Task(
        update_id=a_task().update_id,
        kind=Kind.TRACKING,
        state=State.PENDING,
        sequence=2,
        tracking_number=new,
        previous_tracking_number=NUMBER,
        corrects=sent.update_id,
        package=package.to_json(),
    )
    order: Order = an_order(a_line("1", 3, shipped=3), tasks=(sent, task))
    return a_context(Kind.TRACKING, order, task, package.to_json())


def test_a_correction_reads_the_number_of_the_units_and_sends_the_new_one() -> None:
    old, new = (a_snapshot({"1": (shipped(3, number),)}) for number in (NUMBER, "1ZNEW"))
    made = run(correcting(), shows(old), shows(new))
    assert made.calls == ["read_order", "ship"]
    assert made.outcome == Confirmed(new)


def test_a_correction_that_walmart_shows_is_not_sent() -> None:
    new = a_snapshot({"1": (shipped(3, "1ZNEW"),)})
    made = run(correcting(), shows(new))
    assert (made.calls, made.outcome) == (["read_order"], AlreadyThere(new))


# ---- refund -----------------------------------------------------------------------------------


def a_page(refunded: int) -> ReturnPage:
    line = ReturnLine(1, "1", "SKU-1", 2, refunded=refunded)
    return ReturnPage(a_call(200), (Return("R1", "C1", (line,), PURCHASE_ORDER),))


def refunding(*, in_doubt: bool = False) -> DeliveryContext:
    until = LATER if in_doubt else None
    task = a_task(kind=Kind.REFUND, in_doubt_until=until)
    (known,) = a_page(0).returns
    wanted = {task.update_id: (known, (RefundItem(1, 2, 2),))}
    order = an_order(tasks=(task,))
    return a_context(Kind.REFUND, order, task, in_doubt_until=until, returned=wanted)


def test_only_unrefunded_units_are_refunded() -> None:
    order = a_snapshot({"1": (shipped(3),)})
    made = run(refunding(), a_page(1), a_call(200), shows(order))
    assert made.calls == ["read", "refund", "read_order"]
    assert made.args[1][-1] == {1: 1}
    assert made.outcome == Confirmed(order)


def test_an_early_read_does_not_repeat_a_refund_in_doubt() -> None:
    made = run(refunding(in_doubt=True), a_page(0))
    assert made.calls == ["read"]
    assert made.outcome == Unclear(failures.STILL_UNCLEAR, sent=False, read=True)


# ---- inventory --------------------------------------------------------------------------------


def leveling(quantity: int | None = 5, **data: Any) -> DeliveryContext:
    payload = {"sku": "ABC", "quantity": quantity, "ship_node": None}
    return a_context(Kind.INVENTORY, None, payload=payload, **data)


def test_a_level_without_a_quantity_reads_it_from_commerce() -> None:
    made = run(leveling(None, commerce_connection=SHOP), 7, a_call(200))
    assert made.calls == ["salable_quantity", "put"]
    assert made.args[1][1:3] == ("ABC", 7)
    assert made.outcome == Confirmed(None)


def test_a_missing_answer_of_commerce_is_not_an_error_of_walmart() -> None:
    silence = CommerceError(ErrorClass.UNCLEAR, "no answer", call=a_call(None))
    made = run(leveling(None, commerce_connection=SHOP), silence)
    assert isinstance(made.outcome, TryLater)
    assert made.outcome.failure.origin == "commerce"


def test_a_level_that_an_older_one_may_overwrite_is_sent_again() -> None:
    context = leveling()
    others_until = {context.update.id: LATER}
    context.claim = replace(context.claim, others_until=others_until)
    assert run(context, a_call(200)).outcome == SendAgain(LATER)


# ---- Commerce ---------------------------------------------------------------------------------


def to_commerce(kind: Kind, *, in_doubt: bool = False) -> DeliveryContext:
    until = LATER if in_doubt else None
    task = a_task(kind=kind, in_doubt_until=until)
    payload = {"text": "Canceled at Walmart.", "payment": "Refunded: 5.00 USD"}
    order = an_order(tasks=(task,))
    return a_context(kind, order, task, payload, in_doubt_until=until, commerce_connection=SHOP)


def test_an_order_that_commerce_has_is_linked_and_not_created() -> None:
    context = to_commerce(Kind.COMMERCE_ORDER)
    made = run(context, CommerceOrder(17, "100017", PURCHASE_ORDER))
    assert (made.calls, made.outcome) == (["find_order"], AlreadyThere(None))
    assert context.evidence.link is not None
    assert context.evidence.link.entity_id == 17


def test_an_early_search_does_not_create_an_order_in_doubt_again() -> None:
    made = run(to_commerce(Kind.COMMERCE_ORDER, in_doubt=True), None)
    assert made.calls == ["find_order"]
    assert made.outcome == Unclear(failures.COMMERCE_STILL_UNCLEAR, sent=False, read=True)


def test_only_the_missing_part_of_a_note_is_written() -> None:
    found = CommerceOrder(17, "100017", PURCHASE_ORDER)
    shown = replace(found, comments=("Canceled at Walmart.",))
    made = run(to_commerce(Kind.COMMERCE_NOTE), found, shown, shown)
    assert made.calls == ["find_order", "read_order", "save_order"]
    assert made.outcome == Confirmed(None)


def test_a_note_that_commerce_refuses_fails() -> None:
    found = CommerceOrder(17, "100017", PURCHASE_ORDER)
    refusal = CommerceError(ErrorClass.REFUSED, "No.", call=a_call(400))
    made = run(to_commerce(Kind.COMMERCE_NOTE), found, found, refusal)
    assert made.calls == ["find_order", "read_order", "comment"]
    assert isinstance(made.outcome, Refused)
    assert made.outcome.failure.code == "commerce_refused"
