"""Sends error notifications to the webhook of a store: one message a minute, with all new errors.

Notifications do not pass through the outbox: a slow receiver delays no delivery.
"""

import asyncio
import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import structlog

from app.http_client.webhook_sender import WebhookSender
from app.storage.stores import error_notifications
from app.storage.stores.error_notifications import BATCH, MOST, DueNotification, NewError
from app.storage.stores.secrets import CannotDecrypt
from app.usecases.context import AppContext

# Seconds: the first wait after a failed message, the longest, and when to give up.
_FIRST, _LONGEST, GIVE_UP_AFTER = 60.0, 3600.0, 86_400.0
_MAX_EXPONENT = 10
_log = structlog.get_logger(__name__)
_WORDS = {
    "update": "{count} {kind} failed: {code}",
    "order": "{count} of Walmart's orders could not be read: {code}",
    "return": "{count} of Walmart's returns could not be read: {code}",
    "commerce_event": "{count} {kind} events of Commerce were refused: {code}",
    "lane": "Updates wait: {code} ({kind})",
}


@dataclass(frozen=True, slots=True)
class ErrorNotifier:
    """Notifies stores of their new errors."""

    context: AppContext
    webhook_sender: WebhookSender
    public_url: str
    """Address of this API in links. Empty means that links are paths."""

    async def work(self) -> bool:
        """Notify a batch of stores. True means that there may be more."""
        due = await error_notifications.take(self.context.database)
        await asyncio.gather(*(self._notify(store) for store in due))
        return len(due) >= BATCH

    async def _notify(self, store: DueNotification) -> None:
        async with self.context.transaction() as connection:
            errors = await error_notifications.waiting(connection, store.store_id)
        if not errors:
            return
        why = await self._post(store, errors)
        async with self.context.transaction() as connection:
            if why is None:
                await error_notifications.delivered(connection, store.store_id, errors)
            elif (store.failing_for or 0.0) >= GIVE_UP_AFTER:
                _log.warning("notifications_given_up", store_id=store.store_id, why=why)
                await error_notifications.give_up(connection, store.store_id, errors, why)
            else:
                wait = min(_FIRST * 2 ** min(store.tries, _MAX_EXPONENT), _LONGEST)
                await error_notifications.failed(connection, store.store_id, why, wait)

    async def _post(self, store: DueNotification, errors: Sequence[NewError]) -> str | None:
        try:
            url, secret = (self.context.cipher.open(each) for each in (store.url, store.secret))
        except CannotDecrypt:
            return "No configured encryption key reads the address and its secret."
        body = json.dumps(message(store, errors, self.public_url, self.context.now()))
        return await self.webhook_sender.post(url, secret, body)


def message(
    store: DueNotification, errors: Sequence[NewError], public_url: str, now: datetime
) -> dict[str, Any]:
    """The body of a notification: counts, codes and links; no buyer's data and no secret.

    `text` serves receivers that show only text, such as a chat.
    """
    groups: dict[tuple[str, str, str], list[NewError]] = defaultdict(list)
    for error in errors:
        groups[error.what, error.kind, error.code].append(error)
    counted: list[dict[str, Any]] = [
        {
            "what": what,
            "kind": kind,
            "code": code,
            "count": len(group),
            "first_at": _time(group[0].created_at),
            "last_at": _time(group[-1].created_at),
            "url": public_url.rstrip("/") + _link(store, group[0]),
        }
        for (what, kind, code), group in groups.items()
    ]
    lines = [f"{_WORDS[each['what']].format(**each)} {each['url']}" for each in counted]
    return {
        # The same when a message is sent again because its answer was lost.
        "id": f"{store.id}-{errors[0].id}-{errors[-1].id}",
        "type": "errors",
        "sent_at": _time(now),
        "store": {"id": str(store.id), "code": store.code, "name": store.name},
        "total": len(errors),
        "more": len(errors) >= MOST,
        "errors": counted,
        "text": "\n".join([f"{store.name}: new errors", *lines]),
    }


def _link(store: DueNotification, error: NewError) -> str:
    if error.what == "lane":
        return f"/v1/stores/{store.id}"
    if error.what == "order":
        return "/v1/orders?" + urlencode({"status": "error", "store_id": store.id})
    if error.what == "return":
        return "/v1/returns?" + urlencode({"status": "error", "store_id": store.id})
    if error.what == "commerce_event":
        return "/v1/commerce-events?" + urlencode({"state": "refused", "store_id": store.id})
    query = {"state": "failed", "store_id": store.id, "kind": error.kind, "code": error.code}
    return "/v1/updates?" + urlencode(query)


def _time(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")
