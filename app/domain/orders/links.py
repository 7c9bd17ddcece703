"""Rules of the links between order lines and items of a Commerce order."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import combinations

from app.domain.errors import Problem

LineItems = Mapping[int, int]
"""How many of each Commerce item are in one unit of a line."""


def repeated_lines(numbers: Iterable[str]) -> Iterator[Problem]:
    """Refuse a line that is listed twice: one of the two would be lost."""
    seen: set[str] = set()
    for index, number in enumerate(numbers):
        # mutation: line-listed-twice
        if number in seen:
            message = f"Line {number} is listed twice."
            yield Problem("line_repeated", message, f"/lines/{index}/line_number")
        seen.add(number)


def unequal_lines(lines: Mapping[str, LineItems], listed: Sequence[str]) -> Iterator[Problem]:
    """Refuse lines that share a Commerce item and differ in others.

    A quantity of the shared item would not say how many units of each line it is.
    lines: the items of all lines after the change, by line number. listed: the lines of the
    request, in its order.
    """
    for (one, items), (other, others) in combinations(lines.items(), 2):
        # mutation: shared-items-alike
        if items.keys() & others.keys() and items != others:
            shared = min(items.keys() & others.keys())
            message = (
                f"Lines {one} and {other} share Commerce item {shared}: give both the same items."
            )
            changed = other if other in listed else one
            pointer = f"/lines/{listed.index(changed)}/commerce_items" if changed in listed else ""
            yield Problem("commerce_items_differ", message, pointer)
