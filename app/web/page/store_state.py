"""The state of a store in words: it works, or what stops it and the button that helps."""

from dataclasses import dataclass
from datetime import datetime

from app.storage.queries.views import StatusDetail, StoreView
from app.web.page import words
from app.web.page.i18n import deferred
from app.web.page.said import Said
from app.web.page.viewer import Viewer

_KEYS = frozenset({"credentials_rejected", "walmart_access_denied", "secret_unreadable"})
_COMMERCE = frozenset({"commerce_credentials_rejected", "commerce_access_denied"})
_NOTIFICATIONS = frozenset({"notifications_failing", "notifications_given_up"})
_HELPS = {"walmart": _KEYS, "commerce": _COMMERCE, "notifications": _NOTIFICATIONS}


@dataclass(frozen=True, slots=True)
class StoreState:
    """A state as icon, word and colour."""

    tone: str
    icon: str
    words: str


@dataclass(frozen=True, slots=True)
class StoreTrouble:
    """What is wrong with a store, and the page that helps."""

    said: Said
    page: str
    """The last part of the path of the page that helps. Empty means none."""
    since: datetime


WORKS = StoreState("good", "check", deferred("Works"))
_STOPPED = StoreState("bad", "warning", deferred("Stopped"))
_SLOW = StoreState("warn", "clock", deferred("Waits"))
_SILENT = StoreState("warn", "bell", deferred("Notifications fail"))


def state_of(store: StoreView) -> StoreState:
    """The state of a store, by the worst of its troubles."""
    codes = {detail.code for detail in store.status_details}
    if codes & (_KEYS | _COMMERCE):
        return _STOPPED
    if codes - _NOTIFICATIONS:
        return _SLOW
    return _SILENT if codes else WORKS


def trouble(detail: StatusDetail, viewer: Viewer) -> StoreTrouble:
    """A status detail of a store in words of a merchant."""
    page = next((name for name, codes in _HELPS.items() if detail.code in codes), "")
    return StoreTrouble(words.said(detail, viewer), page, detail.occurred_at)
