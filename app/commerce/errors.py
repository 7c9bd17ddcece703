"""What the answers of Commerce's REST API mean: the classes of `app.http_client.errors`.

| answer | class |
|---|---|
| nothing left this machine | NotSent |
| 200 that can be read | none |
| 200 that cannot be read, 5xx, a redirect after which something may have run, silence | Unclear |
| 401 | CredentialsRejected |
| 403, 405, 406, 415, a permanent redirect | Misconfigured |
| 404 | NotFound |
| 429 | Throttled |
| any other 4xx | Refused |

Source: Adobe, "Status codes and responses"; Commerce answers 200 to everything that worked. A
missing permission is a 401 there too, so the sentence of Commerce is kept with it.
"""

from collections.abc import Mapping
from itertools import islice

from app.http_client.call import NEVER_LEFT, ApiError, Call
from app.http_client.errors import (
    CallError,
    CallRefused,
    CallUnclear,
    CredentialsRejected,
    Misconfigured,
    NotFound,
    NotSent,
    Throttled,
)
from app.http_client.redaction import cut, scrub

_BY_STATUS: dict[int, type[CallError]] = {
    301: Misconfigured,
    307: Misconfigured,
    308: Misconfigured,
    401: CredentialsRejected,
    403: Misconfigured,
    404: NotFound,
    405: Misconfigured,
    406: Misconfigured,
    408: CallUnclear,
    415: Misconfigured,
    429: Throttled,
}
_OK, _REDIRECT, _CLIENT_ERROR, _SERVER_ERROR = 200, 300, 400, 500
_LONGEST = 500
# Of parameters and of errors in one answer; it has a few.
_MOST = 100


def classify(call: Call) -> CallError | None:
    """What a try came to; None where it went well."""
    kind = _kind(call)
    return kind(_sentence(call), call=call) if kind else None


def faults_in(payload: object, text: str) -> tuple[ApiError, ...]:
    """Commerce's sentence in an answer, its %1 and %name replaced; empty where there is none."""
    del text
    body = payload if isinstance(payload, Mapping) else {}
    if isinstance(body.get("message"), str):
        return (ApiError(description=_short(_filled(body["message"], body.get("parameters")))),)
    # A fatal error has a shape of its own.
    messages = body.get("messages")
    entries = messages.get("error") if isinstance(messages, Mapping) else None
    return tuple(
        ApiError(description=_short(str(each.get("message"))))
        for each in (entries[:_MOST] if isinstance(entries, list) else ())
        if isinstance(each, Mapping)
    )


def _short(said: str) -> str:
    return cut(scrub(cut(said, 4 * _LONGEST)), _LONGEST)


def _filled(template: str, parameters: object) -> str:
    if isinstance(parameters, Mapping):
        named = {str(name): value for name, value in islice(parameters.items(), _MOST)}
    elif isinstance(parameters, list):
        named = {str(place): value for place, value in enumerate(parameters[:_MOST], start=1)}
    else:
        named = {}
    # The longest first, or %1 would be put into %10.
    for name in sorted(named, key=len, reverse=True):
        # A parameter may hold what looks like another.
        value = cut(str(named[name]), _LONGEST)
        template = cut(template, 4 * _LONGEST).replace(f"%{name}", value)
    return template


def _kind(call: Call) -> type[CallError] | None:
    status = call.status
    if status is None:
        return NotSent if call.failure in NEVER_LEFT else CallUnclear
    if _OK <= status < _REDIRECT:
        return None if call.failure is None else CallUnclear
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    return CallRefused if _CLIENT_ERROR <= status < _SERVER_ERROR else CallUnclear


def _sentence(call: Call) -> str:
    if call.status is None:
        return f"The call to Commerce ({call.operation}) ended without an answer: {call.failure}."
    said = next((fault.description for fault in call.faults if fault.description), None)
    parts = [f"Commerce answered {call.status} to {call.operation}", call.failure, said]
    return "; ".join(part for part in parts if part)
