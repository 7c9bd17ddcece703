"""The outcome of a delivery that met an error, by the table in `app/http_client/failure_table.py`.

| effect of the error | after a write | after a read, or before the write |
|---|---|---|
| none | try later, after the pause if the error asks for one | the same |
| possible | unclear: read before the write is sent again | try later |
| refused | the flow reads once, then decides | refused |

While an earlier write of the update is in doubt, a failed read leaves it in doubt.
"""

from collections.abc import Mapping
from datetime import timedelta

from app.commerce.errors import CommerceError
from app.domain.outbox.outcome import Pause, Refused, TryLater, Unclear
from app.domain.outbox.rate_limits import WRITTEN_TO, Endpoint, endpoint_of
from app.domain.update import Kind
from app.http_client.call import ErrorClass
from app.http_client.failure_table import CallError, WriteEffect
from app.worker.delivery import error_messages

# Reason of a pause, and its length where the answer names none.
_WALMART_PAUSES: Mapping[ErrorClass, tuple[str, timedelta]] = {
    ErrorClass.THROTTLED: ("walmart_throttled", timedelta(seconds=5)),
    ErrorClass.CREDENTIALS_REJECTED: ("credentials_rejected", timedelta(seconds=60)),
    ErrorClass.MISCONFIGURED: ("walmart_access_denied", timedelta(seconds=60)),
}
_COMMERCE_PAUSES: Mapping[ErrorClass, tuple[str, timedelta]] = {
    ErrorClass.THROTTLED: ("commerce_throttled", timedelta(seconds=30)),
    ErrorClass.CREDENTIALS_REJECTED: ("commerce_credentials_rejected", timedelta(seconds=60)),
    ErrorClass.MISCONFIGURED: ("commerce_access_denied", timedelta(seconds=60)),
}


def of_write(kind: Kind, error: CallError) -> TryLater | Unclear | Refused:
    """Return the outcome after a write failed."""
    if error.consequence.effect is WriteEffect.POSSIBLE:
        return Unclear(error_messages.of(error), sent=True)
    return without_effect(kind, error)


def of_read(
    kind: Kind, error: CallError, *, doubtful: bool, wrote: CallError | None = None
) -> TryLater | Unclear | Refused:
    """Return the outcome after a read failed.

    doubtful: a write of the update may have taken effect. wrote: the refusal of a write that the
    read was to explain.
    """
    # A person has to repair what Commerce refuses to show, such as two orders of one number.
    if not doubtful or (error.refused and isinstance(error, CommerceError)):
        return without_effect(kind, error)
    failure = error_messages.of(wrote or error)
    return Unclear(failure, sent=wrote is not None, pause=pause(kind, error))


def without_effect(kind: Kind, error: CallError) -> TryLater | Refused:
    """Return the outcome after an error where nothing of the update itself was sent."""
    failure = error_messages.of(error)
    if error.refused:
        return Refused(failure)
    requested = pause(kind, error)
    wait = requested.wait if requested else None
    return TryLater(failure, reached=error.consequence.reached, wait=wait, pause=requested)


def pause(kind: Kind, error: CallError) -> Pause | None:
    """Return the pause that an error asks for. kind: of the update, if no call was made."""
    if not error.consequence.pauses:
        return None
    at_walmart = not isinstance(error, CommerceError)
    reason, usual = (_WALMART_PAUSES if at_walmart else _COMMERCE_PAUSES)[error.error_class]
    # mutation: commerce-refusal-pause
    if at_walmart and error.error_class is ErrorClass.CREDENTIALS_REJECTED:
        # mutation: rejected-credentials-pause
        return Pause(Endpoint.ALL, reason, usual)
    lane = endpoint_of(error.call.operation) if error.call else WRITTEN_TO[kind]
    named = error.retry_after if error.error_class is ErrorClass.THROTTLED else None
    return Pause(lane, reason, named or usual)
