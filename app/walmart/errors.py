"""What can go wrong at Walmart, grouped by what the caller can do about it.

WalmartError
├── NotSent              nothing left (refused, DNS, TLS, pool, no token): safe to send later
├── Throttled            429, not executed: send again after `retry_after`
├── Unavailable          reached Walmart, provably without effect: send again later
├── CredentialsRejected  the store's keys do not work: pause the store until they are corrected
├── Misconfigured        our set-up or our bug: pause the lane, do not fail the order
├── NotFound             Walmart does not know the purchase order
├── Unclear              may have been executed: read the order before anything is sent again
└── Refused              Walmart says no: read once, then a person must look

A read has the same classes; that it had no effect the caller knows by itself.
"""

from datetime import timedelta

from app.walmart.call import NEVER_LEFT, Call, Fault

# Whoever was refused has asked too much already.
_AFTER_REFUSAL = timedelta(seconds=1)


class WalmartError(Exception):
    """Something about a call to Walmart; call is the evidence, where a try was made at all."""

    def __init__(self, message: str, *, call: Call | None = None) -> None:
        self.call = call
        super().__init__(message)

    @property
    def codes(self) -> tuple[str, ...]:
        """Walmart's own codes, as it spelled them."""
        return self.call.codes if self.call else ()

    @property
    def field(self) -> str | None:
        """The field Walmart named."""
        return self._fault.field

    @property
    def description(self) -> str | None:
        """Walmart's own sentence."""
        return self._fault.description

    @property
    def _fault(self) -> Fault:
        faults = self.call.faults if self.call else ()
        return next((fault for fault in faults if fault.field), next(iter(faults), Fault()))


class NotSent(WalmartError):
    """Nothing of the request left this machine."""


class Throttled(WalmartError):
    """Walmart's bucket for this endpoint is empty."""

    @property
    def retry_after(self) -> timedelta | None:
        """Time until Walmart takes a call again, 1 s to 5 min; None where it did not say."""
        told = self.call.replenish_in if self.call else None
        return None if told is None else max(told, _AFTER_REFUSAL)


class Unavailable(WalmartError):
    """Walmart cannot now, and did nothing."""


class CredentialsRejected(WalmartError):
    """Walmart does not accept the store's client id and secret, or the token made with them."""


class Misconfigured(WalmartError):
    """The address, a header or a permission is wrong: no order is at fault."""


class NotFound(WalmartError):
    """Walmart knows no such purchase order for this store."""


class Unclear(WalmartError):
    """Whether Walmart did it cannot be told from what came back."""


class Refused(WalmartError):
    """Walmart understood the request and will not do it."""


# Codes rule over the HTTP status, the first row that matches first: a code that leaves the
# outcome open must never lose against one that does not.
_BY_CODE: tuple[tuple[frozenset[str], type[WalmartError]], ...] = (
    (frozenset({"SYSTEM_ERROR", "INVALID_SYSTEM_STATE", "DOWNSTREAM_SYSTEM_TIME_OUT"}), Unclear),
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
    408: Unclear,
    415: Misconfigured,
    423: Unavailable,
    429: Throttled,
    499: Unclear,
}
_OK, _REDIRECT, _CLIENT_ERROR, _NOT_FOUND, _SERVER_ERROR = 200, 300, 400, 404, 500
_PARTIAL = 206


def classify(call: Call) -> WalmartError | None:
    """What a try came to: None where it went well as far as status and errors tell.

    Table driven, from HTTP status and Walmart's codes (the part before the first dot, unless
    that is a number). An answer nobody can read leaves the outcome open.
    """
    kind = _kind(call)
    return kind(_sentence(call), call=call) if kind else None


def _kind(call: Call) -> type[WalmartError] | None:
    if call.status is None:
        return NotSent if call.failure in NEVER_LEFT else Unclear
    if _OK <= call.status < _REDIRECT:
        whole = call.failure is None and not call.faults and call.status != _PARTIAL
        return None if whole else Unclear
    if not _REDIRECT <= call.status < _SERVER_ERROR:
        return Unclear
    return _by_code(call) or _BY_STATUS.get(call.status) or _by_body(call)


def _by_code(call: Call) -> type[WalmartError] | None:
    names = {_name(code) for code in call.codes}
    return next((kind for known, kind in _BY_CODE if names & known), None)


def _by_body(call: Call) -> type[WalmartError]:
    if call.status is None or call.status < _CLIENT_ERROR or call.failure is not None:
        return Unclear
    if call.status == _NOT_FOUND and "CONTENT_NOT_FOUND" in map(_name, call.codes):
        return NotFound
    return Unavailable if _is_outage(call) else Refused


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
    if call.status is None:
        return f"The call to Walmart ({call.operation}) ended without an answer: {call.failure}."
    parts = [f"Walmart answered {call.status} to {call.operation}"]
    if call.failure:
        parts.append(call.failure)
    for fault in call.faults[:3]:
        name = f"{fault.code} ({fault.field})" if fault.field else fault.code
        parts.append(": ".join(part for part in (name, fault.description) if part))
    return "; ".join(parts)
