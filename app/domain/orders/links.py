"""Rules of the links between order lines and items of a Commerce order."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

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
    places = {number: place for place, number in enumerate(listed)}
    first: dict[int, str] = {}
    for other, others in lines.items():
        for item in others:
            one = first.setdefault(item, other)
            place = places.get(other, places.get(one))
            # mutation: shared-items-alike
            if place is not None and lines[one] != others:
                message = (
                    f"Lines {one} and {other} share Commerce item {item}: give both the same items."
                )
                yield Problem("commerce_items_differ", message, f"/lines/{place}/commerce_items")
                break
