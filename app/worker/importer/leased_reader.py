"""How an import run reads and writes: only while it holds the lease of its store."""

from collections.abc import Awaitable
from dataclasses import dataclass, field

import structlog

from app.domain.errors import OrderError
from app.domain.orders.order_event import OrderEvent
from app.storage import timeline
from app.storage.imports import leases, retries
from app.storage.imports.leases import ImportRun, ImportTotals
from app.storage.orders import repository
from app.storage.postgres.database import Connection
from app.walmart import errors
from app.worker.importer.rate_limited_reader import RateLimitedReader, ReadingHalted

_log = structlog.get_logger(__name__)


class LeaseLost(ReadingHalted):
    """Another process holds the store's lease; this one writes nothing more."""

    def __init__(self) -> None:
        super().__init__("Another process took the store over.")


@dataclass(frozen=True)
class LeasedReader(RateLimitedReader):
    """Reads within the store's rate limits, and renews its lease before each call."""

    run: ImportRun
    page_size: int | None = None
    """Entries of a page. None means the most that Walmart allows."""
    totals: ImportTotals = field(default_factory=ImportTotals)

    async def enter(self, connection: Connection) -> None:
        """Renew the lease. Raises LeaseLost."""
        # mutation: import-lease-renewal
        if not await leases.renew(connection, self.run):
            raise LeaseLost

    async def check(self, connection: Connection) -> None:
        """Lock the lease until the transaction ends. Raises LeaseLost."""
        if not await leases.held(connection, self.run):
            raise LeaseLost

    async def tried(self, number: str, work: Awaitable[bool]) -> bool:
        """Read or write one order; if that fails, postpone this order only.

        Returns whether it was done. Raises the errors that any other order would meet too.
        """
        try:
            done = await work
        except errors.WalmartError as error:
            # mutation: unreadable-order-in-import
            if errors.is_about_all(error):
                raise
            why = str(error)
        except (ReadingHalted, OrderError):
            raise
        except Exception as error:  # noqa: BLE001 - logged; the other orders go on
            _log.exception("order_not_read", store_id=self.store_id, purchase_order_id=number)
            why = f"Internal error in Waybill: {type(error).__name__}."
        else:
            if not done:
                await self._read_soon(number)
            return done
        await self.postpone(number, why)
        return False

    async def _read_soon(self, number: str) -> None:
        async with self.context.transaction() as connection:
            await self.check(connection)
            why = "Another request or delivery held the order."
            await retries.soon(connection, self.store_id, number, why)

    async def postpone(self, number: str, why: str) -> None:
        """Read an order later; its timeline shows this once."""
        async with self.context.transaction() as connection:
            await self.check(connection)
            tries = await retries.postpone(connection, self.store_id, number, why)
            found = await repository.find(connection, self.store_id, number)
            if tries == 1 and found is not None:
                event = timeline.TimelineEvent(OrderEvent.ORDER_NOT_READ, detail={"message": why})
                await timeline.add(connection, self.store_id, found, event, self.context.new_id)
        self.totals.postponed += 1
        _log.warning(
            "order_postponed",
            store_id=self.store_id,
            purchase_order_id=number,
            tries=tries,
            reason=why,
        )


def is_for_all(error: Exception) -> bool:
    """Whether an error concerns all orders: the database's, the lease's or a rate limit's."""
    return isinstance(error, ReadingHalted | OrderError)
