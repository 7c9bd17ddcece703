"""Redaction of error texts when the buyer's own words are not known.

An error may repeat the buyer's name or address. If the order was read, its words are hidden one by
one (`redaction.py`). Otherwise only codes and known sentences without a name are kept: those are
what a person looks for after an outage.
"""

import json
import re
from collections.abc import Iterable
from dataclasses import replace

from app.http_client.call import ApiError, Call
from app.http_client.redaction import REMOVED

NOT_KEPT = "The text of the answer is not kept: no order was read, and it may name the buyer."
_REDIRECT = 300
_LONGEST = 1000
# Fields of an error (Walmart's, RFC 9457) that hold codes and not sentences.
_CODES = frozenset({"code", "field", "category", "severity", "status", "type"})
# Sentences of Walmart's, of Commerce's, and Waybill's own in place of an answer.
# mutation: known-outage-sentences
_KNOWN = re.compile(
    r"system error|invalid request|request content is invalid|resource is locked"
    r"|unauthorized(?: token or incorrect header)?|invalid access token|forbidden"
    r"|service unavailable|internal server error|bad gateway|gateway time-?out"
    r"|too many requests|request threshold violated"
    r"|orders not found for given search parameters"
    r"|internal error\. details are available in magento log file"
    r"(?:\. report id: webapi-[0-9a-f]+)?"
    r"|the consumer isn't authorized to access (?:%resources|self|[a-z]+_[a-z:_, ]+)"
    r"|\[\d+ characters that are no answer of this system's\]",
    re.IGNORECASE,
)


def known(sentence: str) -> bool:
    """Whether a sentence is known and contains no name."""
    return _KNOWN.fullmatch(sentence.strip().rstrip(".")) is not None


def reworded(text: str, calls: Iterable[Call]) -> str:
    """Replace sentences of the calls that may name the buyer in a text of Waybill's own."""
    sentences = {fault.description for call in calls if may_name(call) for fault in call.faults}
    found = [each for each in sentences if each and each in text and not known(each)]
    if not found:
        return text
    # The longest first, so that nothing is left of a sentence that contains another.
    pattern = "|".join(re.escape(each) for each in sorted(found, key=len, reverse=True))
    return re.sub(pattern, NOT_KEPT, text)[:_LONGEST]


def without(call: Call) -> Call:
    """Return a failed call without text that may name the buyer; any other call unchanged."""
    if not may_name(call):
        return call
    return replace(call, response=_without(call.response), faults=faults_of(call))


def faults_of(call: Call) -> tuple[ApiError, ...]:
    """Return the errors of an answer without sentences that may name the buyer."""
    return tuple(
        replace(fault, description=None)
        if may_name(call) and not known(fault.description or "")
        else fault
        for fault in call.faults
    )


def may_name(call: Call) -> bool:
    """Whether a call failed, so that its answer may repeat what was sent."""
    # A request for a token contains nothing of an order.
    failed = call.failure is not None or call.faults or (call.status or 0) >= _REDIRECT
    return bool(failed) and call.operation != "token"


def _without(text: str | None) -> str | None:
    if not text or known(text):
        return text
    try:
        return json.dumps(_stripped(json.loads(text), ""), separators=(",", ":"))
    except (ValueError, RecursionError):
        return NOT_KEPT


def _stripped(value: object, name: str) -> object:
    if isinstance(value, dict):
        return {each: _stripped(item, each) for each, item in value.items()}
    if isinstance(value, list):
        return [_stripped(item, name) for item in value]
    is_code = name.rpartition(":")[2] in _CODES
    if value is None or is_code or (isinstance(value, str) and known(value)):
        return value
    return REMOVED
