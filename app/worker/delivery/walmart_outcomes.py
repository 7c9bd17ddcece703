"""What an error of Walmart's means for the update that met it: one table a reader can check.

| error | of a write | of a read before a write |
|---|---|---|
| NotSent | try later, it did not reach Walmart | the same |
| Throttled | try later, the lane pauses | the same |
| Unavailable | try later | the same |
| CredentialsRejected | try later, the store pauses | the same |
| Misconfigured | try later, the lane pauses | the same |
| Unclear | unclear: read before sending again | try later |
| NotFound, Refused | judged after one read | refused |

While an earlier write of the update is in doubt, a failed read leaves it in doubt.
"""

from datetime import timedelta

from app.domain.orders import blocked_messages
from app.domain.outbox.outcome import Failure, Pause, Refused, TryLater, Unclear
from app.domain.outbox.rate_limits import WRITTEN_TO, Endpoint, endpoint_of
from app.domain.update import Kind
from app.walmart import errors
from app.walmart.shipment_payload import Package
from app.worker.delivery import error_messages

CREDENTIALS_PAUSE = timedelta(seconds=60)
MISCONFIGURED_PAUSE = timedelta(seconds=60)
THROTTLED_PAUSE = timedelta(seconds=5)

NOTHING_OPEN = Failure(
    code="needs_review",
    message="Walmart shows no open unit of the order, and does not show all of them as canceled.",
    suggestion=blocked_messages.COMPARE,
)
NOTHING_TO_CORRECT = Failure(
    code="nothing_to_correct",
    message="Walmart has no unit of the shipment whose tracking was to be corrected.",
    origin="waybill",
    suggestion="Retry the shipment: it goes out under the new number. Or dismiss this.",
)
STILL_UNCLEAR = Failure(
    code="walmart_unclear",
    message="An earlier try may still take effect; Walmart is read again before anything is sent.",
    retryable=True,
)
NOT_SHOWN = Failure(
    code="walmart_unclear",
    message="Walmart answered 200 but its order does not show the units; it is read again.",
    retryable=True,
)
FAULT_OF_OURS = Failure(
    code="waybill_fault",
    message="A fault in Waybill ended the delivery; it is tried a bounded number of times.",
    origin="waybill",
    suggestion="Report it to Waybill's developers with the update's id.",
    retryable=True,
)
LANE_STOPPED = Failure(
    code="walmart_unavailable",
    message="Walmart does not have it yet, and takes no such call for the moment.",
    retryable=True,
)


PARTS_LEFT = Failure(
    code="walmart_unavailable",
    message="A part of it is at Walmart; the rest is sent with the next try.",
    retryable=True,
)
LAGS = Failure(
    code="walmart_unclear",
    message="Walmart does not show units yet that it confirmed just now; it is read again.",
    retryable=True,
)


def failure(error: errors.WalmartError, package: Package | None = None) -> Failure:
    """What a person is told of an error; package is what was sent, if it was one."""
    return error_messages.of(error, package)


def of_write(kind: Kind, error: errors.WalmartError) -> TryLater | Unclear | Refused:
    """What an error means that answered a write."""
    if isinstance(error, errors.CallUnclear):
        return Unclear(failure(error), sent=True)
    return _without_effect(kind, error)


def of_preparation(kind: Kind, error: errors.WalmartError) -> TryLater | Refused:
    """What an error means that came before anything of the update itself was sent."""
    return _without_effect(kind, error)


def of_read(
    kind: Kind, error: errors.WalmartError, *, doubtful: bool, wrote: errors.WalmartError | None
) -> TryLater | Unclear | Refused:
    """What an error means that answered a read. wrote: the refusal the read was to explain."""
    if doubtful:
        told = failure(wrote or error)
        return Unclear(told, sent=wrote is not None, read=False, pause=pause(kind, error))
    return _without_effect(kind, error)


def _without_effect(kind: Kind, error: errors.WalmartError) -> TryLater | Refused:
    told = failure(error)
    match error:
        case errors.Throttled() | errors.CredentialsRejected() | errors.Misconfigured():
            rest = pause(kind, error)
            return TryLater(told, reached=False, wait=rest.wait if rest else None, pause=rest)
        case errors.NotSent():
            return TryLater(told, reached=False)
        case errors.Unavailable() | errors.CallUnclear():
            return TryLater(told, reached=True)
        case _:
            return Refused(told)


def pause(kind: Kind, error: errors.WalmartError) -> Pause | None:
    """The pause that an error asks for; kind tells the lane where nothing was called."""
    lane = endpoint_of(error.call.operation) if error.call else WRITTEN_TO[kind]
    match error:
        case errors.Throttled():
            return Pause(lane, "walmart_throttled", error.retry_after or THROTTLED_PAUSE)
        case errors.CredentialsRejected():
            return Pause(Endpoint.ALL, "credentials_rejected", CREDENTIALS_PAUSE)
        case errors.Misconfigured():
            return Pause(lane, "walmart_access_denied", MISCONFIGURED_PAUSE)
        case _:
            return None
