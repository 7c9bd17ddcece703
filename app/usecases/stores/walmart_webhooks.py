"""Receives Walmart's webhook events: verifies the signature and stores each event once."""

import secrets as random
from dataclasses import dataclass
from functools import cache
from uuid import UUID

from app.domain.audited_act import AuditedAct
from app.domain.errors import Conflict, Invalid, NotAvailable, Problem, Unknown
from app.http_client import ssrf_guard
from app.storage import audit
from app.storage.audit import Act
from app.storage.imports import webhook_inbox
from app.storage.imports.webhook_inbox import NewWebhookEvent
from app.storage.queries.views import View
from app.storage.stores import stores
from app.storage.stores.secrets import CannotDecrypt, SecretCipher
from app.usecases.context import AppContext
from app.walmart import webhooks
from app.walmart.errors import CredentialsRejected, WalmartError

_SECRET_BYTES = 32


class NotSigned(Exception):
    """The event has no valid signature of Walmart for the store."""


async def announce(context: AppContext, store_id: UUID, body: bytes, signature: str | None) -> bool:
    """Store an event. False means that it came before.

    Raises NotSigned, also if there is no such store; Invalid notification_invalid, NotAvailable.
    """
    async with context.transaction() as connection:
        known = await webhook_inbox.secret(connection, store_id)
    number, sealed = known or (None, None)
    if signature is None:
        raise NotSigned
    try:
        # Without a secret a useless one is tried: neither answer nor time shows if a store exists.
        secret = context.cipher.open(sealed or _useless_secret(context.cipher))
    except CannotDecrypt as error:
        # Walmart sends the event again for a while; meanwhile the key may be restored.
        raise NotAvailable("secret_unreadable", f"The store's secret: {error}.") from error
    # mutation: walmart-webhook-signature
    if not webhooks.signed(body, secret, signature) or number is None or sealed is None:
        raise NotSigned
    try:
        event = webhooks.read(body)
    except webhooks.NotANotification as error:
        raise Invalid("notification_invalid", f"This is not a Walmart event: {error}.") from (error)
    announced = NewWebhookEvent(
        number, event.id, event.type, event.purchase_order_id, event.return_order_id
    )
    async with context.transaction() as connection:
        return await webhook_inbox.add(connection, announced)


@cache
def _useless_secret(cipher: SecretCipher) -> bytes:
    return cipher.seal(random.token_urlsafe(_SECRET_BYTES))


@dataclass(frozen=True, slots=True)
class Subscribed(View):
    """What Walmart announces from now on, and where."""

    url: str
    event_types: tuple[str, ...]


async def subscribe_at(context: AppContext, store_id: UUID, url: str, *, actor: str) -> Subscribed:
    """Subscribe to a store's events at the public address of this API.

    url: the address without a path. Raises Unknown store, Invalid public_url_invalid, NotAvailable
    walmart_unavailable, Conflict credentials_rejected, webhooks_not_offered, secret_unreadable.
    """
    if not url.startswith("https://") or ssrf_guard.ill_formed(url):
        text = "An https:// address is needed, which Walmart reaches over the internet."
        raise Invalid("public_url_invalid", text, [Problem("public_url_invalid", text, "/url")])
    async with context.transaction() as connection:
        number = await stores.number_of(connection, store_id)
    if number is None:
        raise Unknown("store", store_id)
    address = f"{url.rstrip('/')}/webhooks/walmart/{store_id}"
    try:
        kinds = await subscribe(context, number, address, actor=actor)
    except CredentialsRejected as error:
        raise Conflict("credentials_rejected", str(error)) from error
    except WalmartError as error:
        raise NotAvailable("walmart_unavailable", str(error)) from error
    return Subscribed(address, tuple(kinds))


async def subscribe(
    context: AppContext, store_id: int, url: str, *, actor: str = audit.COMMAND
) -> list[str]:
    """Subscribe to a store's events at an address; answers the event types.

    Each subscription gets a new secret, so that the old one is useless. Raises WalmartError,
    Conflict secret_unreadable or webhooks_not_offered.
    """
    account = await context.account(store_id)
    secret = random.token_urlsafe(_SECRET_BYTES)
    async with context.transaction() as connection:
        await webhook_inbox.set_secret(connection, store_id, context.cipher.seal(secret))
    known = await context.walmart.webhooks.event_types(account)
    wanted = {kind: known[kind] for kind in webhooks.SUBSCRIBED if kind in known}
    if not wanted:
        raise Conflict("webhooks_not_offered", "Walmart offers this account no order events.")
    for old in await context.walmart.webhooks.subscriptions(account):
        if old.event_type in wanted and old.url == url:
            await context.walmart.webhooks.unsubscribe(account, old.id)
    await context.walmart.webhooks.subscribe(account, url, wanted, secret)
    after = {"url": url, "event_types": sorted(wanted)}
    act = Act(AuditedAct.WALMART_SUBSCRIBED, actor, url, store_id, after=after)
    async with context.transaction() as connection:
        await audit.record(connection, context.new_id, act)
    return sorted(wanted)
