"""Keyset pagination: a page begins behind the last row of the page before."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

Row = TypeVar("Row")
# The content of a cursor: JSON values, the sort key first, the id last.
After = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class KeysetPage:
    """At most limit rows behind a key. None means from the beginning."""

    limit: int
    after: After | None = None


def cut(rows: Sequence[Row], limit: int) -> tuple[Sequence[Row], bool]:
    """The rows of a page, out of one row more than a page has, and whether more follow."""
    return rows[:limit], len(rows) > limit
