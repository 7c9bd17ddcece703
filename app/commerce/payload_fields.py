"""Where the fields of a hook or an event stand, and what stands in them.

The same fields are at the top, under `data`, under `value`, or one level deeper under the name of
what they describe, by kind of hook and by the merchant's own mapping.
"""

from collections.abc import Iterator, Mapping

from app.domain.errors import Invalid, Problem


def levels(payload: object, name: str) -> Iterator[Mapping[str, object]]:
    """Where the fields may stand, the deepest first."""
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
    """The value where it is an object, else an empty one."""
    return value if isinstance(value, Mapping) else {}


def listed(value: object) -> list[Mapping[str, object]]:
    """The objects of a list; empty where it is none."""
    return [mapping(each) for each in value] if isinstance(value, list) else []


def first(found: Mapping[str, object] | None, *names: str) -> object:
    """The first of the fields that says something."""
    values = mapping(found)
    said = (values.get(name) for name in names)
    return next((value for value in said if value is not None and value != ""), None)


def text(value: object, longest: int = 200) -> str | None:
    """A short text, or a number as text; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    return str(value)[:longest] or None


def invalid(message: str) -> Invalid:
    """What cannot be read; sending it again cannot help."""
    return Invalid("commerce_event_invalid", message, [Problem("commerce_event_invalid", message)])
