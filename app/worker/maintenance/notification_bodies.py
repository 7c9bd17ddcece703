"""The bodies of notifications: counts, codes, ids and links; no buyer's data and no secret.

`text` serves receivers that show only text, such as a chat. A body is made once and stored.
"""

import json
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from app.domain.notification_kind import NotificationKind
from app.storage.stores import error_notifications
from app.storage.stores.error_notifications import DueNotification, Occurrence
from app.storage.stores.notification_messages import Message

_LISTED = 100
MOST: Mapping[NotificationKind, int] = {
    kind: error_notifications.MOST if kind is NotificationKind.ERRORS else _LISTED
    for kind in NotificationKind
}
"""Occurrences that a message reports at most; those of errors are counted, others are listed."""
_WORDS = {
    "update": "{count} {kind} failed: {code}",
    "order": "{count} of Walmart's orders could not be read: {code}",
    "return": "{count} of Walmart's returns could not be read: {code}",
    "commerce_event": "{count} {kind} events of Commerce were refused: {code}",
    "lane": "Updates wait: {code} ({kind})",
}
# What a later version reports, after a rollback.
_UNKNOWN = "{count} {what}: {code}"
# What a message about one, and about several, says.
_SENTENCES: Mapping[NotificationKind, tuple[str, str]] = {
    NotificationKind.RETURN_RECEIVED: (
        "a buyer sends something back",
        "{count} returns were requested",
    ),
    NotificationKind.CREDENTIALS_REJECTED: (
        "updates wait because access was rejected",
        "updates wait because access was rejected",
    ),
    NotificationKind.SHIP_BY_NEAR: (
        "an order must be shipped soon",
        "{count} orders must be shipped soon",
    ),
    NotificationKind.DRIFT: (
        "an order differs from Walmart's",
        "{count} orders differ from Walmart's",
    ),
}


def message(
    identifier: UUID,
    store: DueNotification,
    kind: NotificationKind,
    some: Sequence[Occurrence],
    *,
    public_url: str,
    now: datetime,
) -> Message:
    """Make a message of what happened. public_url: what links begin with."""
    base = public_url.rstrip("/")
    make = _errors if kind is NotificationKind.ERRORS else _listed
    body = {
        # The same whenever the message is sent again.
        "id": str(identifier),
        "type": kind.value,
        "sent_at": _time(now),
        "store": {"id": str(store.id), "code": store.code, "name": store.name},
        "total": len(some),
        "more": len(some) >= MOST[kind],
        **make(store, kind, some, base),
    }
    return Message(identifier, kind, len(some), json.dumps(body))


def _errors(
    store: DueNotification, _: NotificationKind, some: Sequence[Occurrence], base: str
) -> dict[str, Any]:
    groups: dict[tuple[str, str, str], list[Occurrence]] = defaultdict(list)
    for error in some:
        groups[error.what, error.kind, error.code].append(error)
    counted: list[dict[str, Any]] = [
        {
            "what": what,
            "kind": kind,
            "code": code,
            "count": len(group),
            "first_at": _time(group[0].created_at),
            "last_at": _time(group[-1].created_at),
            "url": base + _link(store, group[0]),
        }
        for (what, kind, code), group in groups.items()
    ]
    lines = [_words(each) for each in counted]
    return {"errors": counted, "text": "\n".join([f"{store.name}: new errors", *lines])}


def _words(error: Mapping[str, Any]) -> str:
    return f"{_WORDS.get(error['what'], _UNKNOWN).format(**error)} {error['url']}"


def _listed(
    store: DueNotification, kind: NotificationKind, some: Sequence[Occurrence], base: str
) -> dict[str, Any]:
    page, values = _PAGES[kind](store), _VALUES[kind]
    one, several = _SENTENCES[kind]
    sentence = one if len(some) == 1 else several.format(count=len(some))
    return {
        "page": base + page,
        "occurrences": [
            {
                # The same in each message, should one be replayed.
                "id": f"{store.id}-{each.id}",
                "at": _time(each.created_at),
                **values(each),
                "url": base + _path(kind, store, each),
            }
            for each in some
        ],
        "text": f"{store.name}: {sentence} {base}{page}",
    }


def _of_order(each: Occurrence) -> dict[str, Any]:
    return {"order_id": str(each.about), **(each.detail or {})}


_PAGES: Mapping[NotificationKind, Callable[[DueNotification], str]] = {
    NotificationKind.RETURN_RECEIVED: lambda store: _query(
        "/returns", status="received", store=store.id
    ),
    NotificationKind.CREDENTIALS_REJECTED: lambda store: f"/stores/{store.id}",
    NotificationKind.SHIP_BY_NEAR: lambda store: _query("/attention", store=store.id),
    NotificationKind.DRIFT: lambda store: _query("/attention", store=store.id),
}
_VALUES: Mapping[NotificationKind, Callable[[Occurrence], dict[str, Any]]] = {
    NotificationKind.RETURN_RECEIVED: lambda each: {"return_id": str(each.about)},
    NotificationKind.CREDENTIALS_REJECTED: lambda each: {"code": each.code, "endpoint": each.kind},
    NotificationKind.SHIP_BY_NEAR: _of_order,
    NotificationKind.DRIFT: _of_order,
}


def _path(kind: NotificationKind, store: DueNotification, each: Occurrence) -> str:
    if kind is NotificationKind.CREDENTIALS_REJECTED:
        return f"/v1/stores/{store.id}"
    if kind is NotificationKind.RETURN_RECEIVED:
        return f"/v1/returns/{each.about}"
    return f"/v1/orders/{each.about}"


def _link(store: DueNotification, error: Occurrence) -> str:
    """The list of the API that shows errors of one cause."""
    if error.what == "lane":
        return f"/v1/stores/{store.id}"
    if error.what == "order":
        return _query("/v1/orders", status="error", store_id=store.id)
    if error.what == "return":
        return _query("/v1/returns", status="error", store_id=store.id)
    if error.what == "commerce_event":
        return _query("/v1/commerce-events", state="refused", store_id=store.id)
    cause = {"kind": error.kind, "code": error.code}
    return _query("/v1/updates", state="failed", store_id=store.id, **cause)


def _query(path: str, **values: object) -> str:
    return f"{path}?{urlencode(values)}"


def _time(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")
