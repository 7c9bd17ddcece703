"""What Walmart's answers mean: the rules of classification, and an exception for each class.

WalmartError
├── NotSent, Throttled, Unavailable     no effect: send again later
├── CredentialsRejected, Misconfigured  no effect: the store's keys, or the set-up, are wrong
├── NotFound, CallRefused               no effect, and none if it is sent again
└── CallUnclear                         may have been executed: read before another write

What follows from each is in `app/http_client/failure_table.py`. The whole table of answers with its
sources is docs/walmart-answers.md; a test runs every row.
"""

from collections.abc import Mapping, Sequence

from app.http_client.call import NEVER_LEFT, ApiError, Call, ErrorClass
from app.http_client.error_redaction import faults_of
from app.http_client.failure_table import CallError


class WalmartError(CallError):
    """A call to Walmart failed."""


class NotSent(WalmartError):
    """Nothing of the request left this machine."""

    error_class = ErrorClass.NOT_SENT


class Throttled(WalmartError):
    """Walmart accepts no more calls of this kind for now."""

    error_class = ErrorClass.THROTTLED


class Unavailable(WalmartError):
    """Walmart is unavailable; the call had no effect."""

    error_class = ErrorClass.UNAVAILABLE


class CredentialsRejected(WalmartError):
    """Walmart does not accept the store's keys, or the token made with them."""

    error_class = ErrorClass.CREDENTIALS_REJECTED


class Misconfigured(WalmartError):
    """The address, a header or a permission is wrong; the order is not at fault."""

    error_class = ErrorClass.MISCONFIGURED


class NotFound(WalmartError):
    """Walmart does not know the subject of the call for this store."""

    error_class = ErrorClass.NOT_FOUND


class CallUnclear(WalmartError):
    """The answer does not show whether the call had an effect."""

    error_class = ErrorClass.UNCLEAR


class CallRefused(WalmartError):
    """Walmart understood the request and rejects it."""

    error_class = ErrorClass.REFUSED


_EXCEPTIONS: Mapping[ErrorClass, type[WalmartError]] = {
    each.error_class: each for each in WalmartError.__subclasses__()
}
# Codes rule over the HTTP status, the first row that matches first: a code that leaves the
# outcome open must never lose against one that does not.
_BY_CODE: tuple[tuple[frozenset[str], ErrorClass], ...] = (
    (
        frozenset({"SYSTEM_ERROR", "INVALID_SYSTEM_STATE", "DOWNSTREAM_SYSTEM_TIME_OUT"}),
        ErrorClass.UNCLEAR,
    ),
    (frozenset({"INVALID_TOKEN", "UNAUTHORIZED"}), ErrorClass.CREDENTIALS_REJECTED),
    (frozenset({"REQUEST_THRESHOLD_VIOLATED"}), ErrorClass.THROTTLED),
    (frozenset({"RESOURCE_IS_LOCKED"}), ErrorClass.UNAVAILABLE),
    (
        frozenset(
            {
                "FORBIDDEN",
                "URI_NOT_FOUND",
                "METHOD_NOT_ALLOWED",
                "INVALID_ACCEPT_TYPE",
                "UNSUPPORTED_MEDIA_TYPE",
            }
        ),
        ErrorClass.MISCONFIGURED,
    ),
)
_BY_STATUS: Mapping[int, ErrorClass] = {
    # A permanent redirect leaves method and body alone, so nothing ran: the base URL is wrong.
    301: ErrorClass.MISCONFIGURED,
    307: ErrorClass.MISCONFIGURED,
    308: ErrorClass.MISCONFIGURED,
    401: ErrorClass.CREDENTIALS_REJECTED,
    403: ErrorClass.MISCONFIGURED,
    405: ErrorClass.MISCONFIGURED,
    406: ErrorClass.MISCONFIGURED,
    407: ErrorClass.MISCONFIGURED,
    408: ErrorClass.UNCLEAR,
    415: ErrorClass.MISCONFIGURED,
    423: ErrorClass.UNAVAILABLE,
    429: ErrorClass.THROTTLED,
    499: ErrorClass.UNCLEAR,
}
_OK, _REDIRECT, _CLIENT_ERROR, _NOT_FOUND, _SERVER_ERROR = 200, 300, 400, 404, 500
_PARTIAL = 206
_ABOUT_ALL = frozenset({ErrorClass.THROTTLED, ErrorClass.CREDENTIALS_REJECTED, ErrorClass.NOT_SENT})


def is_about_all(error: WalmartError) -> bool:
    """Whether a read of another order would fail too, so that nothing was learnt of this one."""
    about_all = error.error_class in _ABOUT_ALL
    return about_all or error.call is None or error.call.operation == "token"


def error_of(call: Call) -> WalmartError | None:
    """Return the exception for a call. None means that its status and errors show no failure."""
    if call.error_class is None:
        return None
    return _EXCEPTIONS[call.error_class](_sentence(call), call=call)


def classify(
    status: int | None, failure: str | None, faults: Sequence[ApiError]
) -> ErrorClass | None:
    """Classify a try by its HTTP status, its failure (call.py) and the errors in its answer.

    A code counts by the part before its first dot, unless that is a number. An unreadable answer
    leaves the effect unknown. None means that nothing shows a failure.
    """
    if status is None:
        return ErrorClass.NOT_SENT if failure in NEVER_LEFT else ErrorClass.UNCLEAR
    if _OK <= status < _REDIRECT:
        whole = failure is None and not faults and status != _PARTIAL
        return None if whole else ErrorClass.UNCLEAR
    if not _REDIRECT <= status < _SERVER_ERROR:
        return ErrorClass.UNCLEAR
    names = {_name(fault.code) for fault in faults}
    by_code = next((found for known, found in _BY_CODE if names & known), None)
    return by_code or _BY_STATUS.get(status) or _by_body(status, failure, faults)


def _by_body(status: int, failure: str | None, faults: Sequence[ApiError]) -> ErrorClass:
    if status < _CLIENT_ERROR or failure is not None:
        return ErrorClass.UNCLEAR
    if status == _NOT_FOUND and any(_name(each.code) == "CONTENT_NOT_FOUND" for each in faults):
        return ErrorClass.NOT_FOUND
    outage = status == _CLIENT_ERROR and _is_outage(faults)
    return ErrorClass.UNAVAILABLE if outage else ErrorClass.REFUSED


def _is_outage(faults: Sequence[ApiError]) -> bool:
    """Integrators report this one body as an outage of Walmart's, not a fault of the request."""
    return (
        len(faults) == 1
        and faults[0].code == "INVALID_REQUEST.GMP_ORDER_API"
        and faults[0].field == "data"
        and (faults[0].description or "").rstrip(".").casefold() == "invalid request"
        and not faults[0].has_causes
    )


def _name(code: str) -> str:
    first, _, rest = code.partition(".")
    return rest.partition(".")[0] if first.isdigit() and rest else first


def _sentence(call: Call) -> str:
    """The text of an error. It is logged, so it repeats no words that may name the buyer."""
    if call.status is None:
        return f"The call to Walmart ({call.operation}) ended without an answer: {call.failure}."
    parts = [f"Walmart answered {call.status} to {call.operation}"]
    if call.failure:
        parts.append(call.failure)
    # mutation: buyer-in-log
    for fault in faults_of(call)[:3]:
        name = f"{fault.code} ({fault.field})" if fault.field else fault.code
        parts.append(": ".join(part for part in (name, fault.description) if part))
    return "; ".join(parts)
