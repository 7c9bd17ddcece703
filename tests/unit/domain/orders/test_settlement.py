"""Per line and kind of unit the higher of known and shown stands, within what was ordered."""

from itertools import product

import pytest

from app.domain.orders import settlement
from app.domain.orders.order import OrderLine
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
    gone = [shipped(shown[0], "1ZHAND"), canceled(shown[1]), acknowledged(3 - sum(shown))]
    units = tuple(each for each in gone if each.quantity)
    settled = settlement.settle(
        an_order(line), a_snapshot({"1": units}), NOW, accept_walmart=accept
    )
    return settled.order.lines[0]


@pytest.mark.parametrize(("known", "shown"), WORLDS)
def test_the_higher_stands_and_both_together_never_exceed_what_was_ordered(
    known: tuple[int, int], shown: tuple[int, int]
) -> None:
    line = after(known, shown)
    assert line.shipped + line.canceled + line.pending <= line.ordered == 3
    assert line.canceled == max(known[1], shown[1])
    # Shipped units give way only where both do not fit.
    assert line.shipped == min(max(known[0], shown[0]), 3 - line.canceled)


@pytest.mark.parametrize(("known", "shown"), WORLDS)
def test_a_person_takes_what_walmart_shows_for_true(
    known: tuple[int, int], shown: tuple[int, int]
) -> None:
    line = after(known, shown, accept=True)
    assert (line.shipped, line.canceled) == shown


def test_units_that_only_walmart_has_ordered_count() -> None:
    line = after((1, 1), (2, 0), ordered=2)
    assert (line.ordered, line.shipped, line.canceled) == (3, 2, 1)
