"""What the answers of Commerce's REST API mean, and the exception for all of them.

| answer | class |
|---|---|
| nothing left this machine | NOT_SENT |
| 200 that can be read | none |
| 200 that cannot be read, 5xx, a redirect after which something may have run, silence | UNCLEAR |
| 401 | CREDENTIALS_REJECTED |
| 403, 405, 406, 415, a permanent redirect | MISCONFIGURED |
| 404 | NOT_FOUND |
| 429 | THROTTLED |
| any other 4xx | REFUSED |

What follows from each is in `app/http_client/failure_table.py`. Source: Adobe, "Status codes and
responses"; Commerce answers 200 to everything that worked. A missing permission is a 401 there too,
so the sentence of Commerce is kept with it.
"""

from collections.abc import Mapping, Sequence
from itertools import islice

from app.http_client.call import NEVER_LEFT, ApiError, Call, ErrorClass
from app.http_client.failure_table import CallError
from app.http_client.redaction import cut, scrub

_BY_STATUS: Mapping[int, ErrorClass] = {
    301: ErrorClass.MISCONFIGURED,
    307: ErrorClass.MISCONFIGURED,
    308: ErrorClass.MISCONFIGURED,
    401: ErrorClass.CREDENTIALS_REJECTED,
    403: ErrorClass.MISCONFIGURED,
    404: ErrorClass.NOT_FOUND,
    405: ErrorClass.MISCONFIGURED,
    406: ErrorClass.MISCONFIGURED,
    408: ErrorClass.UNCLEAR,
    415: ErrorClass.MISCONFIGURED,
    429: ErrorClass.THROTTLED,
}
_OK, _REDIRECT, _CLIENT_ERROR, _SERVER_ERROR = 200, 300, 400, 500
_LONGEST = 500
# Most parameters, and most errors, that are read of one answer; it has a few.
_MOST = 100
# Parts of the sentence of an error: what was called, and the first sentences of the answer.
_SHOWN = 5


class CommerceError(CallError):
    """A call to Commerce failed. `error_class` says how."""

    def __init__(self, error_class: ErrorClass, message: str, *, call: Call) -> None:
        self.error_class = error_class
        super().__init__(message, call=call)


def error_of(call: Call) -> CommerceError | None:
    """Return the exception for a call. None means that its status shows no failure."""
    if call.error_class is None:
        return None
    return CommerceError(call.error_class, _sentence(call), call=call)


def classify(
    status: int | None, failure: str | None, faults: Sequence[ApiError]
) -> ErrorClass | None:
    """Classify a try by its HTTP status and its failure (call.py). None means no failure."""
    del faults
    if status is None:
        return ErrorClass.NOT_SENT if failure in NEVER_LEFT else ErrorClass.UNCLEAR
    if _OK <= status < _REDIRECT:
        return None if failure is None else ErrorClass.UNCLEAR
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    return ErrorClass.REFUSED if _CLIENT_ERROR <= status < _SERVER_ERROR else ErrorClass.UNCLEAR


def faults_in(payload: object, text: str, status: int | None) -> tuple[ApiError, ...]:
    """Return Commerce's sentences in an answer, with %1 and %name replaced.

    Of several errors the message names none ("One or more input exceptions have occurred."): each
    is in `errors`. A fatal error has a shape of its own, `{messages: {error: [...]}}`.
    """
    del text, status
    body = payload if isinstance(payload, Mapping) else {}
    messages = body.get("messages")
    fatal = messages.get("error") if isinstance(messages, Mapping) else None
    entries = [body, *(each for some in (body.get("errors"), fatal) for each in _some(some))]
    return tuple(
        ApiError(description=_short(_filled(each["message"], each.get("parameters"))))
        for each in entries
        if isinstance(each, Mapping) and isinstance(each.get("message"), str)
    )


def _some(value: object) -> Sequence[object]:
    return value[:_MOST] if isinstance(value, list) else ()


def _short(said: str) -> str:
    # mutation: marked-text-cut
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


def _sentence(call: Call) -> str:
    if call.status is None:
        return f"The call to Commerce ({call.operation}) ended without an answer: {call.failure}."
    said = (fault.description for fault in call.faults)
    parts = [f"Commerce answered {call.status} to {call.operation}", call.failure, *said]
    return "; ".join(islice(filter(None, parts), _SHOWN))
