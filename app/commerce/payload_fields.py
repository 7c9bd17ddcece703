"""Find and read the fields in the payload of a Commerce webhook or event.

Depending on the kind of hook and the merchant's own mapping, the same fields are at the top level,
under `data`, under `value`, or one level deeper under the name of the object. Names are in
snake_case here; `php_json.py` has the rules by which the JSON is read.
"""

from collections.abc import Iterator, Mapping
from decimal import Decimal, InvalidOperation

from app.commerce import php_json
from app.domain.errors import Invalid, Problem

_EMPTY: tuple[object, ...] = (None, "", [])


def levels(payload: object, name: str) -> Iterator[Mapping[str, object]]:
    """Yield the objects that may contain the fields, the deepest first."""
    top = mapping(payload)
    outer = [
        inner
        for level in (mapping(top.get("data")), mapping(top.get("value")))
        for inner in (mapping(level.get("value")), level)
    ]
    for level in (*outer, mapping(top.get("value")), top):
        named = mapping(level.get(name))
        if named:
            yield named
    yield from (level for level in outer if level)
    if top:
        yield top


def mapping(value: object) -> Mapping[str, object]:
    """Return the fields of a JSON object, or none for anything else."""
    found = php_json.fields(value)
    return found if isinstance(found, Mapping) else {}


def listed(value: object) -> list[Mapping[str, object]]:
    """Return the objects of a list, or an empty list for anything else."""
    return [mapping(each) for each in value] if isinstance(value, list) else []


def first(found: Mapping[str, object] | None, *names: str) -> object:
    """Return the first of the named fields that has a value. None means that no field has."""
    fields = mapping(found)
    values = (fields.get(name) for name in names)
    return next((value for value in values if value not in _EMPTY), None)


def text(value: object, longest: int = 200) -> str | None:
    """Return a text, or a number as text, cut at `longest`. None for anything else."""
    found = php_json.text(value)
    return found[:longest] or None if isinstance(found, str) else None


def amount(value: object) -> Decimal | None:
    """Return an amount of money, also from text such as "4.5000". None for anything else."""
    try:
        found = Decimal(str(value))
    except InvalidOperation:
        return None
    return found if found.is_finite() else None


def unreadable(message: str) -> Problem:
    """What cannot be read; sending it again cannot help."""
    return Problem("commerce_event_invalid", message)


def invalid(problem: Problem | str) -> Invalid:
    """The error of a problem, or of what cannot be read."""
    found = unreadable(problem) if isinstance(problem, str) else problem
    return Invalid(found.code, found.message, [found])
