"""Walmart's notifications API: what can be announced, and to whom it is."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote

from app.http_client.exchange import HttpReply
from app.walmart import errors, webhooks
from app.walmart.api_session import ApiSession
from app.walmart.credentials import SellerCredentials

_NAMES = ("events", "event", "eventTypes")
_SUBSCRIPTIONS = "/v3/webhooks/subscriptions"


@dataclass(frozen=True, slots=True)
class WebhookSubscription:
    """An event type that Walmart announces at an address."""

    id: str
    event_type: str
    url: str


@dataclass(frozen=True, slots=True)
class WebhooksApi:
    """Raises the classes of `app.walmart.errors` and nothing else."""

    operations: ApiSession

    async def event_types(self, account: SellerCredentials) -> dict[str, str]:
        """What can be subscribed to: event types, each with its resource."""
        path = "/v3/webhooks/eventTypes"
        answered = await self.operations.carry_out(account, "webhooks", "GET", path)
        found = _events(answered)
        return {str(each.get("eventType")): str(each.get("resourceName")) for each in found}

    async def subscriptions(self, account: SellerCredentials) -> list[WebhookSubscription]:
        """What is subscribed to, whoever did it."""
        try:
            answered = await self.operations.carry_out(account, "webhooks", "GET", _SUBSCRIPTIONS)
        except errors.NotFound:
            return []
        return [
            WebhookSubscription(
                str(each.get("subscriptionId")),
                str(each.get("eventType")),
                str(each.get("eventUrl")),
            )
            for each in _events(answered)
        ]

    async def subscribe(
        self, account: SellerCredentials, url: str, wanted: Mapping[str, str], secret: str
    ) -> None:
        """Let Walmart announce events (types with their resources), signed with a secret."""
        events = [
            webhooks.subscription(url, kind, resource, secret) for kind, resource in wanted.items()
        ]
        await self.operations.carry_out(
            account, "webhooks", "POST", _SUBSCRIPTIONS, {"events": events}
        )

    async def unsubscribe(self, account: SellerCredentials, identifier: str) -> None:
        """End a subscription."""
        path = f"{_SUBSCRIPTIONS}/{quote(identifier, safe='')}"
        await self.operations.carry_out(account, "webhooks", "DELETE", path)


def _events(answered: HttpReply) -> list[Mapping[str, object]]:
    """Walmart's schema names them otherwise than its examples, and puts lists into lists."""
    body = answered.payload if isinstance(answered.payload, Mapping) else {}
    found = next((body[name] for name in _NAMES if isinstance(body.get(name), list)), None)
    if found is None:
        raise errors.CallUnclear("Walmart's answer holds no events.", call=answered.call)
    events = [each for each in found if isinstance(each, Mapping)]
    inner = [each["event"] if isinstance(each.get("event"), list) else [each] for each in events]
    return [each for some in inner for each in some if isinstance(each, Mapping)]
