"""Processes Walmart's webhook events: reads the order or return that an event names.

Only the name is taken from an event, so that late, repeated and reordered events do no harm.
"""

import asyncio
from dataclasses import dataclass

import structlog

from app.domain.errors import OrderError
from app.domain.outbox.rate_limits import Breaker, Endpoint
from app.domain.seller_credentials import SellerCredentials
from app.storage.imports import webhook_inbox
from app.storage.imports.webhook_inbox import WebhookEvent
from app.storage.postgres.surveys import survey
from app.usecases.context import AppContext
from app.usecases.imports import import_returns_page, sync_order
from app.walmart import errors
from app.walmart.returns import ReturnPage
from app.worker.importer.rate_limited_reader import LanePaused, RateLimitedReader

# Batches of events in a row for one store; then other stores come first.
_ROUNDS = 20
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class WebhookEventReader:
    """Processes the events of a store."""

    context: AppContext
    breaker: Breaker

    async def due(self) -> list[int]:
        """Stores with events to process."""
        async with survey(self.context.database) as connection:
            return await webhook_inbox.due(connection)

    async def process(self, store_id: int) -> None:
        """Process a store's events, a few at once, as far as its rate limits allow."""
        reader = RateLimitedReader(self.context, self.breaker, store_id)
        for _ in range(_ROUNDS):
            async with self.context.transaction() as connection:
                taken = await webhook_inbox.take(connection, store_id)
            done = await asyncio.gather(*(self._process(event, reader) for event in taken))
            if not taken or not all(done):
                return

    async def _process(self, event: WebhookEvent, reader: RateLimitedReader) -> bool:
        """Process an event. False means that a lane of the store is paused."""
        try:
            outcome: str | None = await self._settle(event, reader)
        except LanePaused as paused:
            async with self.context.transaction() as connection:
                await webhook_inbox.hand_back(connection, event, paused.left.total_seconds())
            return False
        except (errors.WalmartError, OrderError) as error:
            _log.warning(
                "announcement_waits",
                store_id=event.store_id,
                event_id=event.event_id,
                error=str(error),
            )
            outcome = f"left to polling: {error}"[:500] if event.last else None
        if outcome is not None:
            async with self.context.transaction() as connection:
                await webhook_inbox.done(connection, event, outcome)
        return True

    async def _settle(self, event: WebhookEvent, reader: RateLimitedReader) -> str | None:
        """Sync what an event names; returns the outcome. None means to try again later."""
        account = await self.context.account(event.store_id)
        if event.return_order_id is not None:
            return await self._sync_return(event.return_order_id, account, reader)
        if event.purchase_order_id is None:
            return "about no order"
        seen = await sync_order.sync_order(
            self.context, account, event.purchase_order_id, reader=reader
        )
        if not seen.settled and not event.last:
            return None
        if seen.imported:
            return "imported"
        return "changed" if seen.changed else "nothing new"

    async def _sync_return(
        self, number: str, account: SellerCredentials, reader: RateLimitedReader
    ) -> str:
        async def read() -> ReturnPage:
            return await self.context.walmart.returns.read(account, number)

        page = await reader.ask(Endpoint.RETURNS, read)
        # mutation: unreadable-announced-return
        changed = await import_returns_page.save_page(
            self.context, account, page.returns, page.unreadable, reader=reader
        )
        if page.unreadable:
            return "unreadable"
        return "changed" if changed else "nothing new"
