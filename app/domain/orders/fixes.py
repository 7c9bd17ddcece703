"""The fix of a status detail: the one action that most likely settles it, as data.

docs/errors.md describes each action and the request that applies it. A fix is decided by the code
and by the evidence in `params` alone. Where a person must decide or enter a value first, `needs`
names it; where nothing or nothing certain helps, there is no fix.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from app.domain.update import DUE, Kind, State


class FixAction(StrEnum):
    """What a fix does."""

    CORRECT_TRACKING = "correct_tracking"
    SET_TRACKING_URL = "set_tracking_url"
    RETRY = "retry"
    DISMISS = "dismiss"
    RETRY_EVENT = "retry_event"
    DISMISS_EVENT = "dismiss_event"
    CHANGE_STORE = "change_store"
    VERIFY_STORE = "verify_store"
    IMPORT_ORDER = "import_order"
    SHIP = "ship"


@dataclass(frozen=True, slots=True)
class Fix:
    """An action with what is known of its request, and what a person must add."""

    action: FixAction
    changes: Mapping[str, Any] = field(default_factory=dict)
    """Fields of the request, with their values."""
    needs: tuple[str, ...] = ()
    """Further fields that a person gives. Empty means that the fix can be applied as it is."""


_RETRY: Final = Fix(FixAction.RETRY)
_CREDENTIALS: Final = ("walmart.client_id", "walmart.client_secret")
# The field of a shipment that Walmart refused, by the code. params may name a better one.
_FIELD_OF: Final = {
    "method_code_not_supported": "method_code",
    "carrier_not_supported": "carrier_code",
    "tracking_url_required": "tracking_url",
    "tracking_number_refused": "tracking_number",
    "shipped_at_refused": "shipped_at",
}
# The note of the person is known, since nothing else can be done.
_DISMISSED_WITH: Final = {
    "line_canceled": "Walmart canceled these units.",
    "order_already_shipped": "Units left before the cancellation reached Walmart.",
    "cancel_not_requested": "The buyer did not ask to cancel.",
    "nothing_to_correct": "Walmart has no unit of the shipment to correct.",
    "sku_unknown_at_walmart": "Walmart does not know the SKU.",
    "return_not_at_walmart": "Walmart no longer shows the return.",
    "return_changed": "The return changed at Walmart.",
}
_OF_UPDATE: Final[Mapping[str, Fix]] = {
    **{code: Fix(FixAction.DISMISS, {"note": note}) for code, note in _DISMISSED_WITH.items()},
    "cancel_requested": Fix(FixAction.RETRY, {"override_cancel_request": True}),
    "needs_review": _RETRY,
    "gave_up": _RETRY,
    "waybill_fault": _RETRY,
    "order_not_at_walmart": _RETRY,
    "commerce_refused": _RETRY,
    "commerce_not_found": _RETRY,
    "commerce_order_differs": Fix(FixAction.DISMISS, needs=("note",)),
}
_OF_STORE: Final[Mapping[str, Fix]] = {
    "credentials_rejected": Fix(FixAction.CHANGE_STORE, needs=_CREDENTIALS),
    "secret_unreadable": Fix(FixAction.CHANGE_STORE, needs=_CREDENTIALS),
    "walmart_access_denied": Fix(FixAction.VERIFY_STORE),
    "commerce_not_connected": Fix(
        FixAction.CHANGE_STORE, needs=("commerce.base_url", "commerce.access_token")
    ),
    "commerce_credentials_rejected": Fix(FixAction.CHANGE_STORE, needs=("commerce.access_token",)),
    "commerce_access_denied": Fix(
        FixAction.CHANGE_STORE, needs=("commerce.base_url", "commerce.access_token")
    ),
    "notifications_failing": Fix(
        FixAction.CHANGE_STORE, needs=("notifications.url", "notifications.secret")
    ),
    "notifications_given_up": Fix(
        FixAction.CHANGE_STORE, needs=("notifications.url", "notifications.secret")
    ),
}
_DISMISSED_EVENT: Final = Fix(FixAction.DISMISS_EVENT, needs=("note",))
# The same event is refused again, until Commerce sends another one.
_CORRECTED_IN_COMMERCE: Final = frozenset(
    {"tracking_number_required", "tracks_ambiguous", "return_ambiguous", "unknown_line"}
    | {"shipment_not_told", "order_not_linked"}
)
_OF_EVENT: Final[Mapping[str, Fix]] = {
    "tracking_url_required": Fix(FixAction.CHANGE_STORE, needs=("default_tracking_url",)),
    "reason_required": Fix(FixAction.CHANGE_STORE, needs=("default_cancellation_reason",)),
    "track_not_sent": _DISMISSED_EVENT,
    "creditmemo_amount_only": _DISMISSED_EVENT,
    "creditmemo_online": _DISMISSED_EVENT,
    "commerce_event_invalid": _DISMISSED_EVENT,
}


def of_update(code: str, kind: str, state: str, params: Mapping[str, Any]) -> Fix | None:
    """The fix of an update with an error; one that is tried by itself needs none."""
    if code in _OF_STORE:
        return _OF_STORE[code]
    if state in DUE or state != State.FAILED:
        return None
    if code in _FIELD_OF:
        return _corrected(code, params) if kind == Kind.SHIPMENT else None
    return _OF_UPDATE.get(code)


def of_store(code: str) -> Fix | None:
    """The fix of what stops a store, or its notifications."""
    return _OF_STORE.get(code)


def of_event(code: str) -> Fix | None:
    """The fix of an open event of Commerce."""
    if code in _CORRECTED_IN_COMMERCE:
        return None
    return _OF_EVENT.get(code, Fix(FixAction.RETRY_EVENT))


def of_order(code: str, store_id: str, purchase_order_id: str) -> Fix | None:
    """The fix of an order that could not be read, or that must leave soon."""
    if code == "order_unreadable":
        known = {"store_id": store_id, "purchase_order_id": purchase_order_id}
        return Fix(FixAction.IMPORT_ORDER, known)
    if code in {"ship_by_near", "ship_by_passed"}:
        return Fix(FixAction.SHIP, needs=("carrier_code", "tracking_number"))
    return None


def _corrected(code: str, params: Mapping[str, Any]) -> Fix:
    """A correction of the shipment: with the expected value, or with one that a person gives."""
    changed = params.get("change", _FIELD_OF[code])
    expected = params.get("expected")
    by_url = changed == "tracking_url"
    action = FixAction.SET_TRACKING_URL if by_url else FixAction.CORRECT_TRACKING
    if expected is None:
        return Fix(action, needs=(changed,))
    return Fix(action, {changed: expected})
