"""Read the errors in Walmart's answers, in every shape that was seen.

The orders API sends `errors.error[]`, the gateway `error[]`, newer pages document `errors[]`, and
order lists contain `list.errors[]`. A single error may come without its array, OAuth and RFC 9457
have shapes of their own, gateways answer a `message` alone, and some answers are XML. Prefixes such
as `ns4:` are ignored.
"""

import re
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from app.http_client.call import ApiError
from app.http_client.redaction import MOST_EVIDENCE, cut, scrub

_MAX_DESCRIPTION = 500
# An answer has few errors; of thousands, the first are enough.
_MOST = 100
_DEEPEST = 10
_ERROR = 400
_SENTENCES = ("description", "message", "error_description", "detail", "info", "title")
# A tag that matters and the text after it. No part of a text is looked at twice.
_XML_TAG = re.compile(
    r"<(/?)(?:\w++:)?(error|code|field|description|info|cause)((?:[\s/][^<>]*+)?)>([^<]*+)"
)
_XML_FIELDS = frozenset({"code", "field", "description", "info"})


def faults_in(payload: object, text: str, status: int | None) -> tuple[ApiError, ...]:
    """Return the errors of an answer, given as decoded JSON (None means no JSON) and as text.

    A sentence without an error around it is an error where the status shows a failure, and
    otherwise none: "Successfully deleted subscription".
    """
    if payload is None:
        return faults_of_xml(text)
    failed = status is not None and status >= _ERROR
    # mutation: answer-of-a-message-only
    return faults_of(payload) or (_faults_of_sentence(payload) if failed else ())


def faults_of(payload: object) -> tuple[ApiError, ...]:
    """Return the first 100 errors of an answer in decoded JSON."""
    return tuple(_fault(entry) for entry in islice(_entries(payload), _MOST))


def faults_of_xml(text: str) -> tuple[ApiError, ...]:
    """Return the first 100 errors at the head of an XML answer."""
    return tuple(islice(_xml_faults(text[:MOST_EVIDENCE]), _MOST))


def _faults_of_sentence(payload: object) -> tuple[ApiError, ...]:
    fault = _fault(_unprefixed(payload)) if isinstance(payload, dict) else ApiError()
    return (fault,) if fault.description else ()


def _entries(payload: object) -> Iterator[Mapping[str, object]]:
    if isinstance(payload, list):
        yield from (entry for entry in payload if isinstance(entry, dict) and "code" in entry)
        return
    if not isinstance(payload, dict):
        return
    body = _unprefixed(payload)
    if isinstance(body.get("error"), str):  # OAuth, RFC 6749 section 5.2
        yield {**body, "code": body["error"]}
        return
    if {"title", "detail"} & body.keys() and "order" not in body:  # RFC 9457
        yield body
    yield from _listed(body.get("errors"))
    yield from _listed(body.get("error"))
    if isinstance(body.get("list"), dict):
        yield from _listed(body["list"].get("errors"))


def _unprefixed(entry: Mapping[str, Any]) -> dict[str, Any]:
    return {key.rpartition(":")[2]: value for key, value in entry.items()}


def _listed(value: object, deepest: int = _DEEPEST) -> Iterator[Mapping[str, object]]:
    if deepest == 0:
        return
    if isinstance(value, list):
        for entry in value:
            yield from _listed(entry, deepest - 1)
    elif isinstance(value, str) and value:
        yield {"description": value}
    elif isinstance(value, dict):
        inner = _unprefixed(value)
        if "error" in inner:
            yield from _listed(inner["error"], deepest - 1)
        elif inner:
            yield inner


def _fault(entry: Mapping[str, object]) -> ApiError:
    sentences = (_text(entry.get(name)) for name in _SENTENCES)
    return ApiError(
        code=_text(entry.get("code")) or "",
        field=_text(entry.get("field")),
        description=next((sentence for sentence in sentences if sentence), None),
        has_causes=bool(entry.get("causes")),
    )


def _xml_faults(text: str) -> Iterator[ApiError]:
    fields: dict[str, str] | None = None
    cause = False
    for closes, name, attributes, inner in _XML_TAG.findall(text):
        if name == "cause":
            cause = True
        elif attributes.endswith("/"):
            continue
        elif name == "error" and not closes:
            fields, cause = fields or {}, cause and fields is not None
        elif name == "error" and fields is not None:
            yield _xml_fault(fields, has_causes=cause)
            fields = None
        elif name in _XML_FIELDS and fields is not None and not closes:
            # The fields of the error come before those of its causes.
            fields.setdefault(name, inner)


def _xml_fault(fields: Mapping[str, str], *, has_causes: bool) -> ApiError:
    return ApiError(
        code=_text(fields.get("code")) or "",
        field=_text(fields.get("field")),
        description=_text(fields.get("description") or fields.get("info")),
        has_causes=has_causes,
    )


def _text(value: object) -> str | None:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    return cut(scrub(cut(str(value), 4 * _MAX_DESCRIPTION)).strip(), _MAX_DESCRIPTION) or None
