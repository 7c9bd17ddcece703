"""Commerce's `fields` parameter: which fields of a response are wanted.

An example: fields=items[increment_id,items[sku]],total_count (Adobe, "Retrieve filtered responses
for REST endpoints"; Magento's Framework/Webapi/Rest/Response/FieldsFilter).
"""

import re
from collections.abc import Mapping
from typing import Any

from app.domain.errors import Invalid, Problem

_WORDS = re.compile(r"\w+|[\[\],]", re.ASCII)
Wanted = Mapping[str, "Wanted | None"]
PARAMETER: dict[str, Any] = {
    "name": "fields",
    "in": "query",
    "required": False,
    "description": "The fields that the response has, such as `items[entity_id,status]`.",
    "schema": {"type": "string"},
}


def parsed(text: str) -> Wanted:
    """The names in a text, each with those within it. Raises Invalid fields_invalid."""
    levels: list[dict[str, Any]] = [{}]
    name = None
    text = "".join(text.split())
    for word in _WORDS.findall(text):
        if word == "[" and name is not None:
            levels.append(levels[-1].setdefault(name, None) or {})
            levels[-2][name] = levels[-1]
            name = None
        elif word == "]" and len(levels) > 1:
            levels.pop()
            name = None
        elif word == ",":
            name = None
        elif word not in "[]":
            name = word
            levels[-1].setdefault(name, None)
        else:
            raise _invalid(text)
    if len(levels) > 1 or _WORDS.sub("", text):
        raise _invalid(text)
    return levels[0]


def trimmed(body: Any, wanted: Wanted) -> Any:  # noqa: ANN401 - whatever is JSON
    """The wanted fields of an object, or of each object of a list."""
    if isinstance(body, list):
        return [trimmed(each, wanted) for each in body]
    if not isinstance(body, dict):
        return body
    return {
        name: value if (within := wanted[name]) is None else trimmed(value, within)
        for name, value in body.items()
        if name in wanted
    }


def _invalid(text: str) -> Invalid:
    message = f"fields {text[:100]!r} must be names and commas, and names in [ ] within a name."
    problem = Problem("fields_invalid", message, "/fields")
    return Invalid(problem.code, message, [problem])
