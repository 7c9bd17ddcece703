"""Cursors: a list takes its own only, whatever a person writes by hand."""

import pytest

from app.domain.errors import Invalid
from app.web import pagination

TIME, ID = "2026-11-30T12:00:00+00:00", "01890000-0000-7000-8000-000000000001"
NUMBER, PLACE, PART = (5,), (TIME, ID), (1, TIME, ID)


def accepted(kind: str, after: tuple[object, ...]) -> bool:
    """Whether a list takes a cursor with this key and its own name."""
    try:
        return pagination.page(1, pagination.next_cursor(after, kind), kind).after == after
    except Invalid:
        return False


@pytest.mark.parametrize(
    ("kind", "wanted"),
    [
        ("stores", {NUMBER}),
        (f"shipments.{ID}", {NUMBER}),
        ("timeline", {PLACE}),
        ("audit", {PLACE}),
        ("updates", {PLACE}),
        ("orders", {PLACE, PART}),
        ("orders.attention", {PLACE, PART}),
    ],
)
def test_a_list_takes_the_shape_of_its_own_keys_only(kind: str, wanted: set[object]) -> None:
    shapes = (
        NUMBER, PLACE, PART, (), (-1,), (1 << 63,), (True,), (1.5,), (0, TIME, ID), (4, TIME, ID),
        ("2026-11-30T12:00:00", ID), (TIME, "x"), (TIME, 7), (None, None), (1, 1, TIME, ID),
        ("0001-01-01T00:00:00+14:00", ID), ("9999-12-31T23:59:59-14:00", ID),
    )  # fmt: skip
    assert {shape for shape in shapes if accepted(kind, shape)} == wanted
