"""What an error of Commerce's means for the update that met it.

| error | of a write | of a read |
|---|---|---|
| NotSent, Unavailable | try later | the same |
| Throttled | try later, the lane pauses | the same |
| CredentialsRejected, Misconfigured | try later, the lane pauses; a person is told | the same |
| Unclear | unclear: look before sending again | try later |
| NotFound, Refused | judged after one look | refused |

While an earlier write of the update is in doubt, a failed read leaves it in doubt.
"""

from datetime import timedelta

from app.domain.outbox.outcome import Failure, Pause, Refused, TryLater, Unclear
from app.domain.outbox.rate_limits import Endpoint
from app.http_client import errors

BLOCKED_PAUSE = timedelta(seconds=60)
THROTTLED_PAUSE = timedelta(seconds=30)

NOT_CONNECTED = Failure(
    code="commerce_not_connected",
    message="The store does not say how its Commerce is called.",
    origin="waybill",
    suggestion="Give commerce.base_url and commerce.access_token with PATCH /v1/stores/{store_id}, "
    "then retry; or dismiss it.",
)
STILL_UNCLEAR = Failure(
    code="commerce_unclear",
    message="An earlier try may still take effect; Commerce is searched again before anything "
    "is sent.",
    origin="commerce",
    retryable=True,
)
CODES: tuple[tuple[type[errors.CallError], str], ...] = (
    (errors.NotSent, "commerce_unreachable"),
    (errors.Throttled, "commerce_throttled"),
    (errors.Unavailable, "commerce_unavailable"),
    (errors.CredentialsRejected, "commerce_credentials_rejected"),
    (errors.Misconfigured, "commerce_access_denied"),
    (errors.NotFound, "commerce_not_found"),
    (errors.CallUnclear, "commerce_unclear"),
    (errors.CallRefused, "commerce_refused"),
)
_SUGGESTIONS = {
    "commerce_credentials_rejected": "Give a new commerce.access_token with PATCH "
    "/v1/stores/{store_id}; docs/commerce.md names what it must allow.",
    "commerce_access_denied": "Check commerce.base_url, and what the integration may do.",
    "commerce_not_found": "Compare the order in Commerce, then retry or dismiss the update.",
    "commerce_refused": "Mend it in Commerce and retry, or write it there by hand and dismiss it.",
}


def failure(error: errors.CallError) -> Failure:
    """What a person is told of an error."""
    code = next(code for kind, code in CODES if isinstance(error, kind))
    return Failure(
        code=code,
        message=str(error)[:1000],
        origin="commerce",
        suggestion=_SUGGESTIONS.get(code),
        retryable=not isinstance(error, errors.CallRefused | errors.NotFound),
    )


def of_write(error: errors.CallError) -> TryLater | Unclear | Refused:
    """What an error means that answered a write."""
    if isinstance(error, errors.CallUnclear):
        return Unclear(failure(error), sent=True)
    return _without_effect(error)


def of_read(error: errors.CallError, *, doubtful: bool) -> TryLater | Unclear | Refused:
    """What an error means that answered a read; doubtful: an earlier write may have landed."""
    if doubtful and not isinstance(error, errors.CallRefused | errors.NotFound):
        return Unclear(failure(error), sent=False, pause=pause(error))
    return _without_effect(error)


def _without_effect(error: errors.CallError) -> TryLater | Refused:
    told, rest = failure(error), pause(error)
    if isinstance(error, errors.CallRefused | errors.NotFound):
        return Refused(told)
    reached = isinstance(error, errors.Unavailable | errors.CallUnclear)
    return TryLater(told, reached=reached, wait=rest.wait if rest else None, pause=rest)


def pause(error: errors.CallError) -> Pause | None:
    """The pause of the store's lane to Commerce that an error asks for."""
    match error:
        case errors.Throttled():
            return Pause(Endpoint.COMMERCE, "commerce_throttled", THROTTLED_PAUSE)
        case errors.CredentialsRejected():
            return Pause(Endpoint.COMMERCE, "commerce_credentials_rejected", BLOCKED_PAUSE)
        case errors.Misconfigured():
            return Pause(Endpoint.COMMERCE, "commerce_access_denied", BLOCKED_PAUSE)
        case _:
            return None
