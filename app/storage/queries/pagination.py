"""Keyset paging: a page begins behind the last row of the one before."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

Row = TypeVar("Row")
# What the cursor carries: JSON-able values, the sort key first, the id last.
After = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class KeysetPage:
    """At most limit rows, behind the row whose key is given (None: from the beginning)."""

    limit: int
    after: After | None = None


def cut(rows: Sequence[Row], limit: int) -> tuple[Sequence[Row], bool]:
    """Rows of a page out of one row more than it has, and whether more follow."""
    return rows[:limit], len(rows) > limit
