"""Events that Walmart announced: what they are about is read from Walmart, and settled.

An announcement only says where to look, so that late, repeated and disordered ones do no harm.
"""

import asyncio
from dataclasses import dataclass

import structlog

from app.intake import importing, reconcile, return_import
from app.intake.desk import Desk
from app.orders.errors import OrderError
from app.orders.lane import Endpoint
from app.storage import lanes, webhooks
from app.storage.webhooks import BATCH, Taken
from app.walmart import errors

_AT_ONCE = 10
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Announcements:
    """Looks at what was announced."""

    desk: Desk

    async def work(self) -> bool:
        """Look at some events; answers whether there may be more."""
        async with self.desk.transaction() as connection:
            taken = await webhooks.take(connection)
        slots = asyncio.Semaphore(_AT_ONCE)
        await asyncio.gather(*(self._look(event, slots) for event in taken))
        return len(taken) >= BATCH

    async def _look(self, event: Taken, slots: asyncio.Semaphore) -> None:
        async with slots:
            try:
                outcome = await self._settle(event)
            except (errors.WalmartError, OrderError) as error:
                _log.warning(
                    "announcement_waits",
                    store_id=event.store_id,
                    event_id=event.event_id,
                    error=str(error),
                )
                outcome = f"left to polling: {error}"[:500] if event.last else None
        if outcome is not None:
            async with self.desk.transaction() as connection:
                await webhooks.done(connection, event, outcome)

    async def _settle(self, event: Taken) -> str | None:
        """What came of an event; None where it is looked at later."""
        store_id = event.store_id
        async with self.desk.transaction() as connection:
            paused = await lanes.endpoint_paused_until(connection, store_id, Endpoint.READ)
        if paused is not None:
            return "left to polling: the store stood still" if event.last else None
        account = await self.desk.account(store_id)
        if event.return_order_id is not None:
            found, _ = await self.desk.walmart.returns.read(account, event.return_order_id)
            changed = await return_import.save_page(self.desk, account, [found] if found else [])
            return "changed" if changed else "nothing new"
        if event.purchase_order_id is None:
            return "about no order"
        answer = await self.desk.walmart.read_order(account, event.purchase_order_id)
        shown = [answer.order] if answer.order is not None else []
        page = await importing.import_page(self.desk, store_id, shown, ())
        for order_id in page.differing:
            await reconcile.mend(self.desk, account, order_id, reconcile.Report(store_id))
        if page.imported:
            return "imported"
        return "changed" if page.differing else "nothing new"
