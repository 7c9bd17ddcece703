"""A store's settings of notifications: address, secrets and kinds, checked and encrypted."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from app.domain import notification_kind
from app.domain.errors import Problem
from app.domain.notification_kind import NotificationKind
from app.storage.queries.views import NotificationsView
from app.storage.stores import stores
from app.storage.stores.secrets import SecretCipher

LONGEST_OVERLAP = timedelta(days=30)
"""How long two secrets sign at most."""
_URL, _SECRET = "notifications_url", "notifications_secret"
_KINDS, _UNTIL = "notifications_kinds", "notifications_old_secret_until"


def problems(
    now: NotificationsView | None, changes: Mapping[str, Any], at: datetime
) -> Iterator[Problem]:
    """Problems of changes that depend on what is stored. at: the time."""
    given = {name for name in (_URL, _SECRET, _KINDS, _UNTIL) if name in changes}
    if not given or (_URL in given and changes[_URL] is None):
        return
    for name, pointer in ((_URL, "/notifications/url"), (_SECRET, "/notifications/secret")):
        if now is None and name not in given:
            yield Problem("required", "Turning notifications on needs it.", pointer)
    until = changes.get(_UNTIL)
    if until is None:
        return
    pointer = "/notifications/old_secret_until"
    known = now is not None and (_SECRET in given or now.old_secret_until is not None)
    if not known:
        text = "There is no old secret. Give it together with a new secret."
        yield Problem("old_secret_until_invalid", text, pointer)
    elif not at < until <= at + LONGEST_OVERLAP:
        text = f"A time within the next {LONGEST_OVERLAP.days} days is needed."
        yield Problem("old_secret_until_invalid", text, pointer)


def columns(values: Mapping[str, Any], cipher: SecretCipher) -> dict[str, Any]:
    """The columns of the table `stores` for new values, secrets encrypted."""
    row: dict[str, Any] = {}
    if _URL in values:
        url = values[_URL]
        row["notify_url"] = None if url is None else cipher.seal(url)
        row["notify_host"] = None if url is None else origin_of(url)
        if url is None:
            return {**row, **_NONE}
    if _UNTIL in values:
        row["notify_old_secret_until"] = values[_UNTIL]
    if values.get(_SECRET) is not None:
        row["notify_secret"] = cipher.seal(values[_SECRET])
        # Without a time the old secret ends at once.
        kept = values.get(_UNTIL) is not None
        row["notify_old_secret"] = stores.PRESENT_SECRET if kept else None
        row.setdefault("notify_old_secret_until", None)
    elif _UNTIL in values and values[_UNTIL] is None:
        row["notify_old_secret"] = None
    if values.get(_KINDS) is not None:
        row["notify_kinds"] = [kind.value for kind in NotificationKind if kind in values[_KINDS]]
    return row


def origin_of(url: str) -> str:
    """The part of an address that is shown; the rest may contain a secret."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    named = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{named}" + (f":{parts.port}" if parts.port else "")


_NONE = {
    "notify_secret": None,
    "notify_kinds": [kind.value for kind in notification_kind.DEFAULT],
    "notify_old_secret": None,
    "notify_old_secret_until": None,
}
