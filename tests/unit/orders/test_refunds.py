"""What of a refund is still to be sent, and what can never be."""

import pytest

from app.orders import refunds
from app.orders.returns import RefundItem, Return, ReturnLine


def shown(*lines: ReturnLine) -> Return:
    return Return("106", "200", lines, "1796330120075")


def line(number: int = 1, quantity: int = 3, refunded: int = 0, canceled: int = 0) -> ReturnLine:
    return ReturnLine(number, "1", "ABC", quantity, refunded, canceled=canceled)


@pytest.mark.parametrize(
    ("item", "now", "missing", "possible"),
    [
        (RefundItem(1, 2, 2), line(), {1: 2}, True),
        (RefundItem(1, 2, 2), line(refunded=1), {1: 1}, True),
        (RefundItem(1, 2, 2), line(refunded=3), {}, True),
        # One was refunded that this one counted on: no more than was asked for is sent.
        (RefundItem(1, 1, 2), line(), {1: 1}, True),
        (RefundItem(1, 2, 2), line(canceled=1), {1: 2}, True),
        (RefundItem(1, 3, 3), line(canceled=1), {1: 2}, False),
        (RefundItem(1, 3, 3), line(refunded=2, canceled=1), {}, False),
        (RefundItem(1, 2, 3), line(quantity=2), {1: 2}, False),
        # Walmart shows the line no more: that says nothing of its money.
        (RefundItem(2, 1, 1), line(), {}, False),
    ],
)
def test_what_is_left_is_sent_and_what_cannot_be_is_told(
    item: RefundItem, now: ReturnLine, missing: dict[int, int], *, possible: bool
) -> None:
    assert refunds.missing([item], shown(now)) == missing
    failure = refunds.impossible([item], shown(now))
    assert (failure is None) is possible
    assert failure is None or failure.code == "return_changed"
