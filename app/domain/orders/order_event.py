"""The events of an order's timeline: a closed list, with the keys of their details.

docs/timeline.md describes each; a test compares both. No other word is written (mypy).
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from app.domain.update import Kind, State

_ENDS: Final = (State.CONFIRMED, State.FAILED, State.DISMISSED)


class OrderEvent(StrEnum):
    """What a timeline entry says. Events of updates are in `UPDATE_EVENTS`."""

    ORDER_REGISTERED = "order_registered"
    ORDER_IMPORTED = "order_imported"
    ORDER_NOT_READ = "order_not_read"
    ORDER_LINKED = "order_linked"
    ORDER_REFRESHED = "order_refreshed"
    WALMART_ACCEPTED = "walmart_accepted"
    DRIFT_FOUND = "drift_found"
    DOUBT_ENDED = "doubt_ended"
    SHIP_BY_NEAR = "ship_by_near"
    CANCEL_REQUESTED = "cancel_requested"
    RESERVATION_TRIMMED = "reservation_trimmed"
    STOCK_NOT_KNOWN = "stock_not_known"
    TRACKING_CORRECTED = "tracking_corrected"
    TRACK_REMOVED = "track_removed"
    UPDATE_RETRIED = "update_retried"
    UPDATE_DISMISSED = "update_dismissed"
    ATTEMPT = "attempt"
    RETURN_REQUESTED = "return_requested"
    RETURN_REFUNDED = "return_refunded"
    RETURN_CANCELED = "return_canceled"
    COMMERCE_COMMENT = "commerce_comment"
    COMMERCE_EVENT_REFUSED = "commerce_event_refused"
    COMMERCE_EVENT_DISMISSED = "commerce_event_dismissed"
    COMMERCE_ITEMS_PASSED_OVER = "commerce_items_passed_over"
    TEXT_ERASED = "text_erased"


UPDATE_EVENTS: Final = tuple(
    f"{kind}_{end}" for kind in Kind for end in ("accepted", *(str(each) for each in _ENDS))
)
"""Each kind of update is accepted, and ends confirmed, failed or dismissed."""
WORDS: Final = (*map(str, OrderEvent), *UPDATE_EVENTS)
"""Every word that `what` of a timeline entry can be."""

_RETURN = ("return_id", "rma_number")
DETAIL_KEYS: Final[Mapping[str, tuple[str, ...]]] = {
    OrderEvent.ORDER_REGISTERED: ("purchase_order_id",),
    OrderEvent.ORDER_NOT_READ: ("message",),
    OrderEvent.ORDER_LINKED: (
        "commerce_order_number",
        "commerce_order_id",
        "lines",
        "commerce_items",
    ),
    OrderEvent.WALMART_ACCEPTED: ("drift",),
    OrderEvent.DRIFT_FOUND: ("drift",),
    OrderEvent.DOUBT_ENDED: ("walmart",),
    OrderEvent.SHIP_BY_NEAR: ("ship_by",),
    OrderEvent.CANCEL_REQUESTED: ("lines",),
    OrderEvent.RESERVATION_TRIMMED: ("lines",),
    OrderEvent.TRACKING_CORRECTED: ("shipment_id", "old", "new"),
    OrderEvent.TRACK_REMOVED: ("shipment_id", "tracking_number"),
    OrderEvent.UPDATE_RETRIED: ("override", "why_not"),
    OrderEvent.UPDATE_DISMISSED: ("note", "walmart"),
    OrderEvent.ATTEMPT: ("attempt", "verdict", "detail", "request_id", "calls"),
    OrderEvent.RETURN_REQUESTED: _RETURN,
    OrderEvent.RETURN_REFUNDED: _RETURN,
    OrderEvent.RETURN_CANCELED: _RETURN,
    OrderEvent.COMMERCE_COMMENT: ("comment", "status", "is_visible_on_front"),
    OrderEvent.COMMERCE_EVENT_REFUSED: ("about", "reference", "code", "message"),
    OrderEvent.COMMERCE_EVENT_DISMISSED: ("reference", "code", "note"),
    OrderEvent.COMMERCE_ITEMS_PASSED_OVER: ("items",),
    **{f"{kind}_accepted": ("request_id",) for kind in Kind},
    **{f"{kind}_failed": ("code",) for kind in Kind},
}
"""The keys that `detail` of an entry can have. A word that is not here has none."""
