"""Settlement keeps the higher of known and shown units per line and status, up to the ordered."""

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


def test_a_line_known_only_to_walmart_is_added() -> None:
    line = after((1, 1), (2, 0), ordered=2)
    assert (line.ordered, line.shipped, line.canceled) == (3, 2, 1)
