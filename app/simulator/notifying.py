"""Walmart's webhooks: subscriptions, and signed events."""

import asyncio
import base64
import contextlib
import hashlib
import hmac
import itertools
import json
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from app.simulator.errors import bad_content, not_found

EVENT_TYPES = {
    "ORDER_UPDATES": "ORDER",
    "PO_CREATED": "ORDER",
    "PO_LINE_AUTOCANCELLED": "ORDER",
    "INTENT_TO_CANCEL": "ORDER",
    "RETURN_CREATED": "RETURNS",
    "RETURN_DELIVERED": "RETURNS",
    "RETURN_INVOICED": "RETURNS",
}
_TIMEOUT = 10.0
_MOST = 1000


@dataclass(frozen=True, slots=True)
class EventSubscription:
    """A subscription of an account to an event type."""

    id: str
    event_type: str
    url: str
    header: str = "Authorization"
    secret: str | None = None
    """Signs the events. None means that they are not signed."""
    basic: str | None = None
    """Credentials that the events carry."""


@dataclass(slots=True)
class Notifier:
    """Sends events in the background; a failed event is lost, like Walmart's last try."""

    held: dict[str, list[EventSubscription]] = field(default_factory=dict)
    """Subscriptions by client id."""
    silent: bool = False
    """Send no events, as Walmart does at times, so that polling must find the changes."""
    _under_way: set[asyncio.Task[None]] = field(default_factory=set)
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def subscribe(self, client_id: str, wanted: object) -> list[dict[str, Any]]:
        """Add the subscriptions of a request body. Raises Walmart's 400."""
        events = wanted.get("events") if isinstance(wanted, Mapping) else None
        if not isinstance(events, list) or not events:
            raise bad_content("events is missing", "events")
        made = [self._subscription(each) for each in events]
        own = self.held.setdefault(client_id, [])
        if len(own) + len(made) > _MOST:
            raise bad_content("Too many subscriptions", "events")
        own += made
        return [_shown(each) for each in made]

    def subscriptions(self, client_id: str) -> list[dict[str, Any]]:
        """Return the subscriptions of an account."""
        return [_shown(each) for each in self.held.get(client_id, [])]

    def unsubscribe(self, client_id: str, identifier: str) -> None:
        """End a subscription. Raises Walmart's 404."""
        own = self.held.get(client_id, [])
        left = [each for each in own if each.id != identifier]
        if len(left) == len(own):
            raise not_found()
        self.held[client_id] = left

    def publish(
        self, client_id: str, kind: str, sub_event: str, payload: Mapping[str, Any]
    ) -> None:
        """Send an event to its subscriptions, by type or (for orders) by ORDER_UPDATES."""
        if self.silent:
            return
        for each in self.held.get(client_id, []):
            if each.event_type not in {kind, sub_event}:
                continue
            envelope = {
                "source": {
                    "eventType": each.event_type,
                    "eventTime": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
                    "eventId": str(uuid4()),
                },
                "payload": {"subEventType": sub_event, **payload},
            }
            task = asyncio.create_task(_send(each, json.dumps(envelope).encode()))
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)

    def clear(self) -> None:
        """Drop all subscriptions."""
        self.held.clear()
        self.silent = False

    def _subscription(self, wanted: object) -> EventSubscription:
        event = wanted if isinstance(wanted, Mapping) else {}
        kind, url = event.get("eventType"), event.get("eventUrl")
        auth = event.get("authDetails")
        if kind not in EVENT_TYPES or event.get("resourceName") != EVENT_TYPES[kind]:
            raise bad_content("eventType or resourceName is not supported", "eventType")
        if not isinstance(url, str) or not url.startswith(("http://", "https://")):
            raise bad_content("eventUrl is not an address", "eventUrl")
        return EventSubscription(
            f"sub-{next(self._numbers)}", kind, url, **_credentials(auth or {})
        )


def _credentials(auth: object) -> dict[str, str]:
    """Return what the events of a subscription carry; without authDetails nothing."""
    if not isinstance(auth, Mapping):
        raise bad_content("authDetails is not an object", "authDetails")
    header, method = auth.get("authHeaderName") or "Authorization", auth.get("authMethod")
    if method == "HMAC" and auth.get("clientSecret"):
        return {"header": header, "secret": str(auth["clientSecret"])}
    if method == "BASIC_AUTH" and auth.get("userName"):
        pair = f"{auth['userName']}:{auth.get('password') or ''}"
        return {"header": header, "basic": base64.b64encode(pair.encode()).decode()}
    if auth:
        raise bad_content("authMethod is not supported here", "authDetails")
    return {}


def event_types() -> list[dict[str, Any]]:
    """Return the event types that can be subscribed to."""
    return [
        {"eventType": kind, "eventVersion": "V1", "resourceName": resource}
        for kind, resource in EVENT_TYPES.items()
    ]


def _shown(subscription: EventSubscription) -> dict[str, Any]:
    return {
        "subscriptionId": subscription.id,
        "eventType": subscription.event_type,
        "eventVersion": "V1",
        "resourceName": EVENT_TYPES[subscription.event_type],
        "eventUrl": subscription.url,
        "status": "ACTIVE",
    }


async def _send(subscription: EventSubscription, body: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    if subscription.secret is not None:
        digest = hmac.digest(subscription.secret.encode(), body, hashlib.sha256)
        headers[subscription.header] = base64.b64encode(digest).decode()
    elif subscription.basic is not None:
        headers[subscription.header] = f"Basic {subscription.basic}"
    request = urllib.request.Request(  # noqa: S310 - http or https only, see above
        subscription.url, data=body, headers=headers, method="POST"
    )
    with contextlib.suppress(OSError):
        await asyncio.to_thread(_open, request)


def _open(request: urllib.request.Request) -> None:
    # Without the environment's proxy.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=_TIMEOUT) as answer:
        answer.read()
