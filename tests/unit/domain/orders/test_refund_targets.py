"""Which lines of a refund remain to be sent, and which can never be sent."""

import pytest

from app.domain.orders import refund_targets
from app.domain.orders.refund_targets import RefundState
from app.domain.orders.returns import RefundItem, Return, ReturnLine
from app.domain.update import State
from tests.builders import NOW, an_id


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
        # One unit that this refund counted on was refunded: no more than was requested is sent.
        (RefundItem(1, 1, 2), line(), {1: 1}, True),
        (RefundItem(1, 2, 2), line(canceled=1), {1: 2}, True),
        (RefundItem(1, 3, 3), line(canceled=1), {1: 2}, False),
        (RefundItem(1, 3, 3), line(refunded=2, canceled=1), {}, False),
        (RefundItem(1, 2, 3), line(quantity=2), {1: 2}, False),
        # Walmart no longer shows the line, which does not prove that it was refunded.
        (RefundItem(2, 1, 1), line(), {}, False),
    ],
)
def test_the_rest_is_sent_and_an_impossible_part_is_reported(
    item: RefundItem, now: ReturnLine, missing: dict[int, int], *, possible: bool
) -> None:
    assert refund_targets.missing([item], shown(now)) == missing
    failure = refund_targets.impossible([item], shown(now))
    assert (failure is None) is possible
    assert failure is None or failure.code == "return_changed"


FIRST, SECOND = an_id(), an_id()


def two(before: State, after: State, **changes: object) -> tuple[RefundState, RefundState]:
    """Two refunds of one unit of a line each; the first was still open when the second came."""
    first = RefundState(FIRST, 1, (RefundItem(1, 1, 1),), before, **changes)  # type: ignore[arg-type]
    second = RefundState(SECOND, 2, (RefundItem(1, 1, 2, {str(FIRST): 1}),), after)
    return first, second


@pytest.mark.parametrize(
    ("first", "target"),
    [
        ({"before": State.CONFIRMED}, 2),
        ({"before": State.FAILED}, 1),
        ({"before": State.DISMISSED}, 1),
        ({"before": State.DISMISSED, "seen": True}, 2),
        ({"before": State.DISMISSED, "in_doubt_until": NOW}, 2),
        ({"before": State.VERIFYING, "in_doubt_until": NOW}, 2),
    ],
)
def test_a_refund_counts_on_an_earlier_one_unless_that_is_known_to_be_absent(
    first: dict[str, object], target: int
) -> None:
    asked = two(after=State.PENDING, **first)  # type: ignore[arg-type]
    (item,) = refund_targets.with_current_targets(asked[1], asked)
    assert item.target == target


@pytest.mark.parametrize(("after", "target"), [(State.CONFIRMED, 2), (State.FAILED, 1)])
def test_a_later_confirmed_refund_adds_to_the_target(after: State, target: int) -> None:
    asked = two(State.FAILED, after)
    (item,) = refund_targets.with_current_targets(asked[0], asked)
    assert item.target == target


def test_the_units_each_open_refund_wants_are_reported() -> None:
    asked = two(State.FAILED, State.PENDING)
    assert refund_targets.pending(shown(line()), asked) == {1: {str(FIRST): 1, str(SECOND): 1}}
    asked = two(State.FAILED, State.CONFIRMED)
    assert refund_targets.pending(shown(line(refunded=1)), asked) == {1: {str(FIRST): 1}}


def test_another_refund_in_doubt_counts_for_its_own_lines_only() -> None:
    first, second = two(State.DISMISSED, State.PENDING, in_doubt_until=NOW)
    assert refund_targets.others_until(second, (first, second)) == NOW
    assert refund_targets.others_until(first, (first, second)) is None
    elsewhere = RefundState(SECOND, 2, (RefundItem(2, 1, 1),), State.PENDING)
    assert refund_targets.others_until(elsewhere, (first, elsewhere)) is None
