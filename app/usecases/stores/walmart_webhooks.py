"""Announce: an event of Walmart's, authenticated, written down once, answered at once."""

import secrets as random
from uuid import UUID

from app.domain.errors import Conflict, Invalid, NotAvailable, Unknown
from app.domain.ids import store_of
from app.storage.imports import webhook_inbox
from app.storage.imports.webhook_inbox import NewWebhookEvent
from app.storage.stores import stores
from app.storage.stores.secrets import CannotDecrypt
from app.usecases.context import AppContext
from app.walmart import webhooks as notifications

_SECRET_BYTES = 32


class NotSigned(Exception):
    """The event does not bear Walmart's signature for the store."""


async def announce(context: AppContext, store_id: UUID, body: bytes, signature: str | None) -> bool:
    """Write an event down; False where it was announced before.

    Raises Unknown store, NotSigned, Invalid notification_invalid, NotAvailable.
    """
    async with context.transaction() as connection:
        number = await stores.number_of(connection, store_id)
        if number is None or number != store_of(store_id):
            raise Unknown("store", store_id)
        sealed = await webhook_inbox.secret(connection, number)
    if sealed is None or signature is None:
        raise NotSigned
    try:
        secret = context.cipher.open(sealed)
    except CannotDecrypt as error:
        # Walmart sends it again for a while; meanwhile somebody may put the key back.
        raise NotAvailable("secret_unreadable", f"The store's secret: {error}.") from error
    if not notifications.signed(body, secret, signature):
        raise NotSigned
    try:
        event = notifications.read(body)
    except notifications.NotANotification as error:
        raise Invalid("notification_invalid", f"This is none of Walmart's events: {error}.") from (
            error
        )
    announced = NewWebhookEvent(
        number, event.id, event.type, event.purchase_order_id, event.return_order_id
    )
    async with context.transaction() as connection:
        return await webhook_inbox.add(connection, announced)


async def subscribe(context: AppContext, store_id: int, url: str) -> list[str]:
    """Let Walmart announce a store's changes at an address; answers the event types.

    The secret is made anew, so that whoever knew the old one is shut out. Raises WalmartError,
    Conflict secret_unreadable.
    """
    account = await context.account(store_id)
    secret = random.token_urlsafe(_SECRET_BYTES)
    async with context.transaction() as connection:
        await webhook_inbox.set_secret(connection, store_id, context.cipher.seal(secret))
    known = await context.walmart.webhooks.event_types(account)
    wanted = {kind: known[kind] for kind in notifications.SUBSCRIBED if kind in known}
    if not wanted:
        raise Conflict("webhooks_not_offered", "Walmart offers this account no event of orders.")
    for old in await context.walmart.webhooks.subscriptions(account):
        if old.event_type in wanted and old.url == url:
            await context.walmart.webhooks.unsubscribe(account, old.id)
    await context.walmart.webhooks.subscribe(account, url, wanted, secret)
    return sorted(wanted)
