"""Values in Walmart's JSON: text or number, one element or a list."""

from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation

MOST_UNITS = 1_000_000_000
# An abstract class alone would cost more than what is read.
_OBJECT = (dict, Mapping)


class UnreadableOrder(ValueError):
    """The units of an order cannot be read; the message names what is missing."""


def mapping(value: object) -> Mapping[str, object]:
    """Return a JSON object, or an empty one for anything else."""
    return value if isinstance(value, _OBJECT) else {}


def elements(container: object, name: str) -> Sequence[Mapping[str, object]]:
    """Return the elements of a wrapper such as `{"orderLine": [..]}`, of a list, or of one element.

    Raises UnreadableOrder for an element that is not an object: it may contain units.
    """
    inner = container.get(name) if isinstance(container, _OBJECT) else container
    found: list[object] = inner if isinstance(inner, list) else [] if inner is None else [inner]
    read = [element for element in found if isinstance(element, _OBJECT)]
    if len(read) != len(found):
        raise UnreadableOrder(f"{name} holds something that is not an object")
    return read


def text(value: object) -> str | None:
    """Return text or a number as text, stripped. None for anything else and for empty text."""
    if type(value) is str and value.isascii() and "\x00" not in value:
        # Nearly all texts.
        return value.strip() or None
    if isinstance(value, bool) or not isinstance(value, str | int | float | Decimal):
        return None
    # A name that was cut within an emoji ends with a lone surrogate, which no database takes.
    whole = str(value).encode("utf-8", "replace").decode()
    return whole.replace("\x00", "").strip() or None


def decimal(value: object) -> Decimal | None:
    """Return a finite number, exact if it came as text. None for anything else."""
    if isinstance(value, bool) or not isinstance(value, str | int | float | Decimal):
        return None
    try:
        number = Decimal(str(value).strip())
    except (InvalidOperation, ValueError):
        return None
    return number if number.is_finite() and abs(number) <= MOST_UNITS else None
