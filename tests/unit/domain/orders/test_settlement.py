"""Settlement keeps the higher of known and shown units per line and status, up to the ordered."""

from dataclasses import replace
from itertools import product

import pytest

from app.domain.orders import settlement
from app.domain.orders.order import OrderLine
from app.domain.orders.snapshot import Units, UnitStatus
from tests.builders import (
    NOW,
    a_line,
    a_snapshot,
    acknowledged,
    an_order,
    canceled,
    shipped,
)

WORLDS = [
    (known, shown)
    for known in product(range(4), repeat=2)
    for shown in product(range(4), repeat=2)
    if sum(known) <= 3 and sum(shown) <= 3
]


def after(
    known: tuple[int, int], shown: tuple[int, int], *, accept: bool = False, ordered: int = 3
) -> OrderLine:
    line = a_line("1", ordered, shipped=known[0], canceled=known[1])
    shown_units = [shipped(shown[0], "1ZHAND"), canceled(shown[1]), acknowledged(3 - sum(shown))]
    units = tuple(each for each in shown_units if each.quantity)
    settled = settlement.settle(
        an_order(line), a_snapshot({"1": units}), NOW, accept_walmart=accept
    )
    return settled.order.lines[0]


@pytest.mark.parametrize(("known", "shown"), WORLDS)
def test_the_higher_quantity_is_kept_within_what_was_ordered(
    known: tuple[int, int], shown: tuple[int, int]
) -> None:
    line = after(known, shown)
    assert line.shipped + line.canceled + line.pending <= line.ordered == 3
    assert line.canceled == max(known[1], shown[1])
    # Shipped units are reduced only if both do not fit.
    assert line.shipped == min(max(known[0], shown[0]), 3 - line.canceled)


@pytest.mark.parametrize(("known", "shown"), WORLDS)
def test_accepting_walmarts_quantities_overwrites_ours(
    known: tuple[int, int], shown: tuple[int, int]
) -> None:
    line = after(known, shown, accept=True)
    assert (line.shipped, line.canceled) == shown


def shown_as(line: OrderLine, ordered: int, *units: Units) -> OrderLine:
    seen = a_snapshot({"1": units})
    lines = {"1": replace(seen.lines["1"], ordered=ordered)}
    return settlement.settle(an_order(line), replace(seen, lines=lines), NOW).order.lines[0]


@pytest.mark.parametrize(
    ("units", "expected"),
    [
        # A refund beside the shipment, a delivery beside it, a cancellation beside open units.
        ((shipped(3, "1ZHAND"), Units(UnitStatus.REFUND, 1)), (3, 3, 0)),
        ((shipped(3, "1ZHAND"), Units(UnitStatus.DELIVERED, 3, "1ZHAND")), (3, 3, 0)),
        ((canceled(1), acknowledged(3)), (3, 0, 1)),
        ((shipped(3, "1ZHAND"), canceled(1)), (3, 3, 0)),
        ((shipped(2, "1ZHAND"), canceled(2)), (3, 2, 1)),
        ((shipped(7, "1ZHAND"), canceled(7)), (3, 3, 0)),
    ],
)
def test_statuses_that_add_up_to_more_than_the_line_order_nothing(
    units: tuple[Units, ...], expected: tuple[int, int, int]
) -> None:
    for known in (a_line("1", 3), a_line("1", 3, shipped=expected[1], canceled=expected[2])):
        line = shown_as(known, 3, *units)
        assert (line.ordered, line.shipped, line.canceled) == expected
    assert shown_as(a_line("1", 3, shipped=2), 3, shipped(3, "1ZHAND"), canceled(1)).shipped == 3


def test_units_that_walmart_adds_to_the_line_count() -> None:
    line = shown_as(a_line("1", 3), 4, shipped(3, "1ZHAND"), acknowledged(1))
    assert (line.ordered, line.shipped, line.remaining) == (4, 3, 1)


def test_units_that_are_known_stay_ordered_when_walmart_takes_canceled_ones_off_the_line() -> None:
    line = shown_as(a_line("1", 3), 2, canceled(1), shipped(2, "1ZHAND"))
    assert (line.ordered, line.shipped, line.canceled) == (3, 2, 1)
    still_open = shown_as(a_line("1", 3), 2, canceled(1), acknowledged(2))
    assert (still_open.ordered, still_open.canceled, still_open.remaining) == (3, 1, 2)
    # Shown twice, and not canceled.
    twice = shown_as(a_line("1", 3), 2, shipped(1, "1ZHAND"), acknowledged(2))
    assert (twice.ordered, twice.shipped, twice.remaining) == (2, 1, 1)


def test_a_line_known_only_to_walmart_is_added() -> None:
    line = after((1, 1), (2, 0), ordered=2)
    assert (line.ordered, line.shipped, line.canceled) == (3, 2, 1)
