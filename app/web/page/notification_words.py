"""Words for the kinds of notifications."""

from collections.abc import Mapping

from app.domain.notification_kind import NotificationKind
from app.web.page.i18n import deferred

KINDS: Mapping[NotificationKind, str] = {
    NotificationKind.ERRORS: deferred("New errors: what failed, was refused or waits for a person"),
    NotificationKind.RETURN_RECEIVED: deferred("New returns"),
    NotificationKind.CREDENTIALS_REJECTED: deferred(
        "Walmart or Commerce rejects the store's keys. Without this choice, it is one of the errors"
    ),
    NotificationKind.SHIP_BY_NEAR: deferred("Orders that must be shipped soon"),
    NotificationKind.DRIFT: deferred("Orders that differ from Walmart's and need a decision"),
}
"""What a person chooses."""
NAMES: Mapping[NotificationKind, str] = {
    NotificationKind.ERRORS: deferred("errors"),
    NotificationKind.RETURN_RECEIVED: deferred("new returns"),
    NotificationKind.CREDENTIALS_REJECTED: deferred("rejected keys"),
    NotificationKind.SHIP_BY_NEAR: deferred("orders to ship soon"),
    NotificationKind.DRIFT: deferred("differences from Walmart"),
}
"""The kinds in a list."""
