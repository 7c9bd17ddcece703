"""Events that Walmart announced: what they are about is read from Walmart, and settled.

An announcement only says where to look, so that late, repeated and disordered ones do no harm.
"""

import asyncio
from dataclasses import dataclass, field

import structlog

from app.domain.errors import OrderError
from app.domain.outbox.rate_limits import Breaker, Endpoint
from app.storage.imports import webhook_inbox
from app.storage.imports.webhook_inbox import WebhookEvent
from app.usecases.context import AppContext
from app.usecases.imports import import_returns_page, sync_order
from app.walmart import errors
from app.walmart.credentials import SellerCredentials
from app.walmart.returns import ReturnPage
from app.worker.importer.rate_limited_reader import LanePaused, RateLimitedReader

# A few events at a time, so often in a row for one store; then others come first.
_ROUNDS = 20
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class WebhookEventReader:
    """Looks at what was announced, store by store: one that hangs holds up nobody else."""

    context: AppContext
    breaker: Breaker = field(default_factory=Breaker)

    async def due(self) -> list[int]:
        """Stores with events to look at."""
        async with self.context.transaction() as connection:
            return await webhook_inbox.due(connection)

    async def work(self) -> None:
        """Look at what is due of all stores, and wait for the slowest."""
        await asyncio.gather(*(self.look(store_id) for store_id in await self.due()))

    async def look(self, store_id: int) -> None:
        """Look at a store's events, a few at once, as long as its lane bears it."""
        reader = RateLimitedReader(self.context, self.breaker, store_id)
        for _ in range(_ROUNDS):
            async with self.context.transaction() as connection:
                taken = await webhook_inbox.take(connection, store_id)
            went = await asyncio.gather(*(self._look(event, reader) for event in taken))
            if not taken or not all(went):
                return

    async def _look(self, event: WebhookEvent, reader: RateLimitedReader) -> bool:
        """Look at one; False where the store stands still."""
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
        """What came of an event; None where it is looked at later."""
        account = await self.context.account(event.store_id)
        if event.return_order_id is not None:
            return await self._returned(event.return_order_id, account, reader)
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

    async def _returned(
        self, number: str, account: SellerCredentials, reader: RateLimitedReader
    ) -> str:
        async def read() -> ReturnPage:
            return await self.context.walmart.returns.read(account, number)

        page = await reader.ask(Endpoint.RETURNS, read)
        changed = await import_returns_page.save_page(
            self.context, account, page.returns, page.unreadable, reader=reader
        )
        if page.unreadable:
            return "unreadable"
        return "changed" if changed else "nothing new"
