"""What needs action, by cause: which kind of trouble a cause is, and what fixes all of it at once.

A cause is a code together with what makes the cases one: the store, the operation, and for some
codes a value such as the carrier. docs/attention.md lists the codes.
"""

import hashlib
import json
from dataclasses import asdict, dataclass
from enum import StrEnum
from uuid import UUID

from app.domain import ids
from app.domain.orders.drift import Cause as DriftCause

MOST_COUNTED = 1000
"""Up to so many members of a group are counted, or of all groups of a source that have many."""
LEAST_COUNTED = 10
"""Of each group at least so many are counted."""
SAMPLED = 5
"""Of each group at most so many are shown with it."""
MOST_AT_ONCE = 200
"""Members that one request fixes."""


class AttentionKind(StrEnum):
    """What a cause costs, the most urgent first."""

    STOPS_STORE = "stops_store"
    COSTS_MONEY = "costs_money"
    NOT_DELIVERED = "not_delivered"
    DECISION = "decision"


class AttentionSource(StrEnum):
    """Where the members of a group are found."""

    LANE = "lane"
    SHIP_BY = "ship_by"
    RETURN = "return"
    UPDATE = "update"
    COMMERCE_EVENT = "commerce_event"
    UNREAD_ORDER = "unread_order"
    UNREADABLE_ORDER = "unreadable_order"
    UNREADABLE_RETURN = "unreadable_return"
    CANCEL_REQUEST = "cancel_request"
    DRIFT = "drift"
    NOTIFICATIONS = "notifications"


class GroupAction(StrEnum):
    """What fixes all members of a group."""

    RETRY = "retry"
    CORRECT = "correct"
    SET_METHOD = "set_method"
    SET_TRACKING_URL = "set_tracking_url"
    SET_CANCELLATION_REASON = "set_cancellation_reason"
    DISMISS = "dismiss"
    CANCEL = "cancel"
    REFUND = "refund"
    IMPORT = "import"
    ACCEPT_WALMART = "accept_walmart"
    CHANGE_CREDENTIALS = "change_credentials"
    CHANGE_NOTIFICATIONS = "change_notifications"
    SHIP = "ship"


ELSEWHERE = frozenset(
    {GroupAction.CHANGE_CREDENTIALS, GroupAction.CHANGE_NOTIFICATIONS, GroupAction.SHIP}
)
"""Fixes that need more than one value, so they are made where `url` says."""

NEEDS = {
    GroupAction.SET_TRACKING_URL: ("tracking_url",),
    GroupAction.SET_CANCELLATION_REASON: ("reason",),
    GroupAction.SET_METHOD: ("method_code",),
    GroupAction.DISMISS: ("note",),
}
"""What a fix needs to be given."""


@dataclass(frozen=True, slots=True)
class AttentionCause:
    """What makes the members of a group one cause."""

    store_id: int
    source: str
    operation: str
    """The kind of an update, or what a Commerce event is about. Empty elsewhere."""
    code: str
    value: str
    """The carrier or shipping method that was refused. Empty for other codes."""
    expected: str = ""
    """The one that would be right. Empty if none is known."""

    @property
    def id(self) -> UUID:
        """The same for the same cause, with the store's number as in any id."""
        text = json.dumps(asdict(self), sort_keys=True).encode()
        digest = int.from_bytes(hashlib.sha256(text).digest()[:16], "big")
        return ids.new_id(self.store_id, digest >> 80, digest)

    @property
    def kind(self) -> AttentionKind:
        """What the cause costs."""
        if self.source == AttentionSource.LANE:
            return AttentionKind.STOPS_STORE
        if self.source in _COSTS_MONEY:
            return AttentionKind.COSTS_MONEY
        if self.source in _DECISIONS or self.code in _DECISION_CODES:
            return AttentionKind.DECISION
        return AttentionKind.NOT_DELIVERED

    @property
    def without_ids(self) -> bool:
        """Whether its members are no rows that an id names."""
        return self.source in _WITHOUT_IDS

    @property
    def fix(self) -> GroupAction | None:
        """What fixes all members. None means that each needs a decision of its own."""
        if self.operation == "tracking":
            return GroupAction.RETRY
        if self.expected:
            return GroupAction.CORRECT
        if self.source in _BY_CODE:
            other = GroupAction.RETRY if self.source in _RETRIED else None
            return _BY_CODE[AttentionSource(self.source)].get(self.code, other)
        return _BY_SOURCE.get(AttentionSource(self.source))


_COSTS_MONEY = frozenset(
    {
        AttentionSource.SHIP_BY,
        AttentionSource.RETURN,
        AttentionSource.UNREAD_ORDER,
        AttentionSource.UNREADABLE_ORDER,
    }
)
_DECISIONS = frozenset(
    {AttentionSource.CANCEL_REQUEST, AttentionSource.DRIFT, AttentionSource.NOTIFICATIONS}
)
# Of failed updates and refused events: what went wrong is known, and a person chooses what follows.
_DECISION_CODES = frozenset(
    {
        "cancel_requested",
        "cancel_not_requested",
        "order_already_shipped",
        "line_canceled",
        "needs_review",
        "return_changed",
        "track_not_sent",
        "creditmemo_amount_only",
        "creditmemo_online",
        "commerce_order_differs",
    }
)
_WITHOUT_IDS = frozenset({AttentionSource.UNREAD_ORDER, AttentionSource.DRIFT})
_RETRIED = frozenset({AttentionSource.UPDATE, AttentionSource.COMMERCE_EVENT})
_BY_CODE: dict[AttentionSource, dict[str, GroupAction | None]] = {
    AttentionSource.UPDATE: {
        "carrier_not_supported": GroupAction.SET_TRACKING_URL,
        "tracking_url_required": GroupAction.SET_TRACKING_URL,
        "method_code_not_supported": GroupAction.SET_METHOD,
        # Each has a time or a number of its own.
        "shipped_at_refused": None,
        "tracking_number_refused": None,
        # The buyer is served either way, so a person says which.
        "cancel_requested": None,
        "cancel_not_requested": GroupAction.DISMISS,
        "order_already_shipped": GroupAction.DISMISS,
        "line_canceled": GroupAction.DISMISS,
        "return_changed": GroupAction.DISMISS,
        "return_not_at_walmart": GroupAction.DISMISS,
        "sku_unknown_at_walmart": GroupAction.DISMISS,
        "commerce_order_differs": GroupAction.DISMISS,
    },
    AttentionSource.COMMERCE_EVENT: {
        "tracking_url_required": GroupAction.SET_TRACKING_URL,
        "reason_required": GroupAction.SET_CANCELLATION_REASON,
        "track_not_sent": GroupAction.DISMISS,
        "creditmemo_amount_only": GroupAction.DISMISS,
        "creditmemo_online": GroupAction.DISMISS,
    },
    AttentionSource.DRIFT: {
        DriftCause.MISSING_AT_WALMART: GroupAction.ACCEPT_WALMART,
        DriftCause.ORDER_UNKNOWN_HERE: GroupAction.IMPORT,
    },
}
_BY_SOURCE = {
    AttentionSource.LANE: GroupAction.CHANGE_CREDENTIALS,
    AttentionSource.NOTIFICATIONS: GroupAction.CHANGE_NOTIFICATIONS,
    AttentionSource.SHIP_BY: GroupAction.SHIP,
    AttentionSource.RETURN: GroupAction.REFUND,
    AttentionSource.CANCEL_REQUEST: GroupAction.CANCEL,
    AttentionSource.UNREAD_ORDER: GroupAction.IMPORT,
    AttentionSource.UNREADABLE_ORDER: GroupAction.IMPORT,
}
