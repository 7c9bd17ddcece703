"""Walmart's webhooks API: event types and subscriptions."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote

from app.domain.seller_credentials import SellerCredentials
from app.http_client.exchange import HttpReply
from app.walmart import errors, webhooks
from app.walmart.api_session import ApiSession

_NAMES = ("events", "event", "eventTypes")
_SUBSCRIPTIONS = "/v3/webhooks/subscriptions"


@dataclass(frozen=True, slots=True)
class WebhookSubscription:
    """A subscription: Walmart sends events of a type to a URL."""

    id: str
    event_type: str
    url: str


@dataclass(frozen=True, slots=True)
class WebhooksApi:
    """Methods raise only the classes of `app.walmart.errors`."""

    session: ApiSession

    async def event_types(self, account: SellerCredentials) -> dict[str, str]:
        """Return the event types that can be subscribed to, each with its resource."""
        path = "/v3/webhooks/eventTypes"
        reply = await self.session.call(account, "webhooks", "GET", path)
        found = _events(reply)
        return {str(each.get("eventType")): str(each.get("resourceName")) for each in found}

    async def subscriptions(self, account: SellerCredentials) -> list[WebhookSubscription]:
        """Return all subscriptions of the account, also those that Waybill did not make."""
        try:
            reply = await self.session.call(account, "webhooks", "GET", _SUBSCRIPTIONS)
        except errors.NotFound:
            return []
        return [
            WebhookSubscription(
                str(each.get("subscriptionId")),
                str(each.get("eventType")),
                str(each.get("eventUrl")),
            )
            for each in _events(reply)
        ]

    async def subscribe(
        self, account: SellerCredentials, url: str, wanted: Mapping[str, str], secret: str
    ) -> None:
        """Subscribe a URL to event types, given with their resources, signed with a secret."""
        events = [
            webhooks.subscription(url, kind, resource, secret) for kind, resource in wanted.items()
        ]
        await self.session.call(account, "webhooks", "POST", _SUBSCRIPTIONS, {"events": events})

    async def unsubscribe(self, account: SellerCredentials, identifier: str) -> None:
        """End a subscription."""
        path = f"{_SUBSCRIPTIONS}/{quote(identifier, safe='')}"
        await self.session.call(account, "webhooks", "DELETE", path)


def _events(reply: HttpReply) -> list[Mapping[str, object]]:
    """Read the events: Walmart's schema and examples name them differently, and nest lists."""
    body = reply.payload if isinstance(reply.payload, Mapping) else {}
    found = next((body[name] for name in _NAMES if isinstance(body.get(name), list)), None)
    if found is None:
        raise errors.CallUnclear("Walmart's answer holds no events.", call=reply.call)
    events = [each for each in found if isinstance(each, Mapping)]
    inner = [each["event"] if isinstance(each.get("event"), list) else [each] for each in events]
    return [each for some in inner for each in some if isinstance(each, Mapping)]
