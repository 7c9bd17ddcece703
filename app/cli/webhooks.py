"""`waybill webhooks subscribe`: subscribes to Walmart's webhooks for a store."""

import asyncio
from collections.abc import Iterator

from app import logs
from app.bootstrap import process
from app.domain.errors import NotAvailable, OrderError
from app.endings import CannotGoOn
from app.settings import Settings
from app.storage.stores import stores
from app.usecases.stores import walmart_webhooks
from app.walmart.errors import WalmartError


class CannotSubscribe(CannotGoOn):
    """The subscription failed; the message says why."""


def subscribe(settings: Settings, *, store: str, url: str) -> Iterator[str]:
    """Subscribe, and yield a line to print. Raises CannotSubscribe."""
    logs.configure("error")
    address, kinds = asyncio.run(_subscribe(settings, store, url))
    yield f"Walmart announces {', '.join(kinds)} of store {store} at {address}"


async def _subscribe(settings: Settings, store: str, url: str) -> tuple[str, list[str]]:
    try:
        async with process.opened(settings) as parts:
            async with parts.database.begin() as connection:
                found = await stores.identity(connection, store)
            if found is None:
                raise CannotSubscribe(f"There is no store {store}.")
            number, identifier = found
            address = f"{url.rstrip('/')}/webhooks/walmart/{identifier}"
            return address, await walmart_webhooks.subscribe(parts.context, number, address)
    except (NotAvailable, OrderError, WalmartError) as error:
        raise CannotSubscribe(str(error)) from error
