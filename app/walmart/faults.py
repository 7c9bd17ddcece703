"""What did Walmart say went wrong? One reader for every shape an error has been seen in.

The orders API wraps `errors.error[]`, the gateway `error[]`, newer pages show `errors[]`, order
lists carry `list.errors[]`, a single error may stand without its array, OAuth and RFC 9457 have
shapes of their own, and some answers are XML. Prefixes such as `ns4:` are ignored.
"""

import re
from collections.abc import Iterator, Mapping

from app.outbound.call import Fault
from app.outbound.redaction import scrub

_MAX_DESCRIPTION = 500
_SENTENCES = ("description", "message", "error_description", "detail", "info", "title")
_XML_ERROR = re.compile(r"<(?:\w+:)?error(?:\s[^>]*)?>(.*?)</(?:\w+:)?error>", re.DOTALL)
_XML_FIELD = re.compile(r"<(?:\w+:)?(code|field|description|info)>([^<]*)<")
_XML_CAUSE = re.compile(r"<(?:\w+:)?cause\b", re.IGNORECASE)


def faults_in(payload: object, text: str) -> tuple[Fault, ...]:
    """Every error in an answer, given as decoded JSON (None where it is none) and as text."""
    return faults_of(payload) if payload is not None else faults_of_xml(text)


def faults_of(payload: object) -> tuple[Fault, ...]:
    """Every error in a decoded JSON answer; empty where it holds none."""
    return tuple(_fault(entry) for entry in _entries(payload))


def faults_of_xml(text: str) -> tuple[Fault, ...]:
    """Every error in an XML answer; empty where it holds none, or is not XML."""
    return tuple(_xml_fault(block) for block in _XML_ERROR.findall(text))


def _entries(payload: object) -> Iterator[Mapping[str, object]]:
    if isinstance(payload, list):
        yield from (entry for entry in payload if isinstance(entry, dict) and "code" in entry)
        return
    if not isinstance(payload, dict):
        return
    body = {key.rpartition(":")[2]: value for key, value in payload.items()}
    if isinstance(body.get("error"), str):  # OAuth, RFC 6749 section 5.2
        yield {**body, "code": body["error"]}
        return
    if {"title", "detail"} & body.keys() and "order" not in body:  # RFC 9457
        yield body
    yield from _listed(body.get("errors"))
    yield from _listed(body.get("error"))
    if isinstance(body.get("list"), dict):
        yield from _listed(body["list"].get("errors"))


def _listed(value: object) -> Iterator[Mapping[str, object]]:
    if isinstance(value, list):
        for entry in value:
            yield from _listed(entry)
    elif isinstance(value, str) and value:
        yield {"description": value}
    elif isinstance(value, dict):
        inner = {key.rpartition(":")[2]: item for key, item in value.items()}
        if "error" in inner:
            yield from _listed(inner["error"])
        elif inner:
            yield inner


def _fault(entry: Mapping[str, object]) -> Fault:
    sentences = (_text(entry.get(name)) for name in _SENTENCES)
    return Fault(
        code=_text(entry.get("code")) or "",
        field=_text(entry.get("field")),
        description=next((sentence for sentence in sentences if sentence), None),
        has_causes=bool(entry.get("causes")),
    )


def _xml_fault(block: str) -> Fault:
    # The error's own fields stand before those of its causes, so the first of a name wins.
    fields = dict(reversed(_XML_FIELD.findall(block)))
    cause = bool(_XML_CAUSE.search(re.sub(r"<(?:\w+:)?causes\s*/>", "", block)))
    description = fields.get("description") or fields.get("info")
    return Fault(
        code=_text(fields.get("code")) or "",
        field=_text(fields.get("field")),
        description=_text(description),
        has_causes=cause,
    )


def _text(value: object) -> str | None:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    return scrub(str(value)).strip()[:_MAX_DESCRIPTION] or None
