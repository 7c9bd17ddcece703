"""Failures of a delivery that no error of a call explains.

docs/errors.md lists their codes; a test compares both.
"""

from app.domain.orders import blocked_messages
from app.domain.outbox.outcome import Failure

INTERNAL_ERROR = Failure(
    code="waybill_fault",
    message="An internal error in Waybill ended the delivery. Waybill tries at most 10 times.",
    origin="waybill",
    suggestion="Report it to Waybill's developers with the update's id.",
    retryable=True,
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
READ_LAGS = Failure(
    code="walmart_unclear",
    message="Walmart does not show units yet that it confirmed just now; it is read again.",
    retryable=True,
)
LANE_PAUSED = Failure(
    code="walmart_unavailable",
    message="Walmart does not have the update yet. Calls of this kind are paused.",
    retryable=True,
)
PARTS_LEFT = Failure(
    code="walmart_unavailable",
    message="Walmart has a part of the update. The next try sends the rest.",
    retryable=True,
)
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
NOT_CONNECTED = Failure(
    code="commerce_not_connected",
    message="The store has no Commerce address or access token.",
    origin="waybill",
    suggestion="Give commerce.base_url and commerce.access_token with PATCH /v1/stores/{store_id}, "
    "then retry; or dismiss it.",
)
COMMERCE_STILL_UNCLEAR = Failure(
    code="commerce_unclear",
    message="An earlier try may still take effect; Commerce is searched again before anything "
    "is sent.",
    origin="commerce",
    retryable=True,
)
