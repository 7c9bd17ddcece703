"""Problems of a request that does not fit its schema, from the errors that pydantic finds."""

from collections.abc import Mapping, Sequence
from typing import Any

from app.domain.errors import Problem
from app.web.problem_codes import CODES

_BY_FIELD = {
    "quantity": "invalid_quantity",
    "tracking_number": "tracking_number_invalid",
    "tracking_url": "tracking_url_invalid",
    "method_code": "method_code_invalid",
    "reason": "reason_invalid",
    "default_cancellation_reason": "reason_invalid",
}
_MISSING = {"tracking_number": "tracking_number_required", "reason": "reason_required"}
# What a parameter of a path identifies, where its name does not say it.
_OF_PATHS = {"store_code": "store", "event_id": "commerce_event"}
# pydantic's words for lists, which it also has for a text that a validator of ours reads first.
_LENGTHS = {"too_long": ("max_length", "at most"), "too_short": ("min_length", "at least")}
# Characters of a field's name: a client may send a name of any length, and it is repeated.
_SHOWN = 100


def problems_of(errors: Sequence[Any]) -> tuple[int, list[Problem]]:
    """The HTTP status and the problems of pydantic's errors."""
    if any(error["type"] == "json_invalid" for error in errors):
        return 400, [Problem("malformed_json", "The body is not JSON in UTF-8.")]
    if any(error["loc"][:1] == ("path",) for error in errors):
        name = next(str(e["loc"][1]) for e in errors if e["loc"][:1] == ("path",))
        what = _OF_PATHS.get(name) or name.removesuffix("_id")
        code = f"{what}_not_found" if f"{what}_not_found" in CODES else "not_found"
        return 404, [Problem(code, f"There is no such {what.replace('_', ' ')}.")]
    return 422, [_problem(error) for error in errors]


def pointer_to(*names: object) -> str:
    """The JSON pointer (RFC 6901) of a field in a body, or of a parameter by its name."""
    # mutation: pointer-name-length
    return "".join(f"/{_escaped(str(name)[:_SHOWN])}" for name in names)


def _problem(error: Mapping[str, Any]) -> Problem:
    place, *names = error["loc"]
    field = str(names[-1]) if names else ""
    message = _message(error)
    if place != "body":
        message = f"{field[:_SHOWN]}: {message}"
    return Problem(_code(error, field), message, pointer_to(*names))


def _code(error: Mapping[str, Any], field: str) -> str:
    # Waybill's own validators name the code.
    named = (error.get("ctx") or {}).get("code")
    if named:
        return str(named)
    if error["type"] == "missing":
        return _MISSING.get(field, "required")
    if error["type"] == "extra_forbidden":
        return "unknown_field"
    return _BY_FIELD.get(field, "invalid")


def _message(error: Mapping[str, Any]) -> str:
    text = _length(error) or str(error["msg"]).removeprefix("Value error, ")
    return text[:1].upper() + text[1:] + ("" if text.endswith(".") else ".")


def _length(error: Mapping[str, Any]) -> str | None:
    """The message about the length of a text, of which pydantic says that it has items."""
    bound = _LENGTHS.get(error["type"])
    # mutation: length-of-a-text
    if bound is None or isinstance(error["input"], list | dict):
        return None
    name, words = bound
    count = error["ctx"][name]
    return f"String should have {words} {count} character{'' if count == 1 else 's'}"


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")
