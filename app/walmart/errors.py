"""What Walmart's answers mean: each is one of the classes of `app.http_client.errors`.

The whole table with its sources is docs/walmart-answers.md, and is run row by row.
"""

from app.http_client.call import NEVER_LEFT, Call
from app.http_client.error_redaction import faults_of
from app.http_client.errors import (
    CallError,
    CallRefused,
    CallUnclear,
    CredentialsRejected,
    Misconfigured,
    NotFound,
    NotSent,
    Throttled,
    Unavailable,
)

__all__ = [
    "CallRefused",
    "CallUnclear",
    "CredentialsRejected",
    "Misconfigured",
    "NotFound",
    "NotSent",
    "Throttled",
    "Unavailable",
    "WalmartError",
    "classify",
    "is_about_all",
]

WalmartError = CallError

# Codes rule over the HTTP status, the first row that matches first: a code that leaves the
# outcome open must never lose against one that does not.
_BY_CODE: tuple[tuple[frozenset[str], type[WalmartError]], ...] = (
    (
        frozenset({"SYSTEM_ERROR", "INVALID_SYSTEM_STATE", "DOWNSTREAM_SYSTEM_TIME_OUT"}),
        CallUnclear,
    ),
    (frozenset({"INVALID_TOKEN", "UNAUTHORIZED"}), CredentialsRejected),
    (frozenset({"REQUEST_THRESHOLD_VIOLATED"}), Throttled),
    (frozenset({"RESOURCE_IS_LOCKED"}), Unavailable),
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
        Misconfigured,
    ),
)
_BY_STATUS: dict[int, type[WalmartError]] = {
    # A permanent redirect leaves method and body alone, so nothing ran: the base URL is wrong.
    301: Misconfigured,
    307: Misconfigured,
    308: Misconfigured,
    401: CredentialsRejected,
    403: Misconfigured,
    405: Misconfigured,
    406: Misconfigured,
    407: Misconfigured,
    408: CallUnclear,
    415: Misconfigured,
    423: Unavailable,
    429: Throttled,
    499: CallUnclear,
}
_OK, _REDIRECT, _CLIENT_ERROR, _NOT_FOUND, _SERVER_ERROR = 200, 300, 400, 404, 500
_PARTIAL = 206


def is_about_all(error: WalmartError) -> bool:
    """Whether a read of another order would meet the same: nothing was learnt of this one."""
    about_all = Throttled | CredentialsRejected | NotSent
    return isinstance(error, about_all) or error.call is None or error.call.operation == "token"


def classify(call: Call) -> WalmartError | None:
    """What a try came to: None where it went well as far as status and errors tell.

    Table driven, from HTTP status and Walmart's codes (the part before the first dot, unless
    that is a number). An unreadable answer leaves the outcome unknown.
    """
    kind = _kind(call)
    return kind(_sentence(call), call=call) if kind else None


def _kind(call: Call) -> type[WalmartError] | None:
    if call.status is None:
        return NotSent if call.failure in NEVER_LEFT else CallUnclear
    if _OK <= call.status < _REDIRECT:
        whole = call.failure is None and not call.faults and call.status != _PARTIAL
        return None if whole else CallUnclear
    if not _REDIRECT <= call.status < _SERVER_ERROR:
        return CallUnclear
    return _by_code(call) or _BY_STATUS.get(call.status) or _by_body(call)


def _by_code(call: Call) -> type[WalmartError] | None:
    names = {_name(code) for code in call.codes}
    return next((kind for known, kind in _BY_CODE if names & known), None)


def _by_body(call: Call) -> type[WalmartError]:
    if call.status is None or call.status < _CLIENT_ERROR or call.failure is not None:
        return CallUnclear
    if call.status == _NOT_FOUND and "CONTENT_NOT_FOUND" in map(_name, call.codes):
        return NotFound
    return Unavailable if _is_outage(call) else CallRefused


def _is_outage(call: Call) -> bool:
    """Integrators report this one body as an outage of Walmart's, not a fault of the request."""
    return (
        call.status == _CLIENT_ERROR
        and len(call.faults) == 1
        and call.faults[0].code == "INVALID_REQUEST.GMP_ORDER_API"
        and call.faults[0].field == "data"
        and (call.faults[0].description or "").rstrip(".").casefold() == "invalid request"
        and not call.faults[0].has_causes
    )


def _name(code: str) -> str:
    first, _, rest = code.partition(".")
    return rest.partition(".")[0] if first.isdigit() and rest else first


def _sentence(call: Call) -> str:
    """What is logged and kept of an error, also where no one knows the buyer's words."""
    if call.status is None:
        return f"The call to Walmart ({call.operation}) ended without an answer: {call.failure}."
    parts = [f"Walmart answered {call.status} to {call.operation}"]
    if call.failure:
        parts.append(call.failure)
    for fault in faults_of(call)[:3]:
        name = f"{fault.code} ({fault.field})" if fault.field else fault.code
        parts.append(": ".join(part for part in (name, fault.description) if part))
    return "; ".join(parts)
