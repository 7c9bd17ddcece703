"""A run of the importer as long as it holds its store: what it asks, writes and puts off."""

from collections.abc import Awaitable
from dataclasses import dataclass, field

import structlog

from app.domain.errors import OrderError
from app.storage import timeline
from app.storage.imports import leases, retries
from app.storage.imports.leases import ImportRun, ImportTotals
from app.storage.orders import repository
from app.storage.postgres.database import Connection
from app.walmart import errors
from app.worker.importer.rate_limited_reader import RateLimitedReader, ReadingHalted

_log = structlog.get_logger(__name__)


class LeaseLost(ReadingHalted):
    """Another process took the store over; nothing more is written by this one."""

    def __init__(self) -> None:
        super().__init__("Another process took the store over.")


@dataclass(frozen=True)
class LeasedReader(RateLimitedReader):
    """The way of a run's reads, and the condition of its writes.

    page_size: of Walmart's lists, None for its most.
    """

    run: ImportRun
    page_size: int | None = None
    tally: ImportTotals = field(default_factory=ImportTotals)

    async def enter(self, connection: Connection) -> None:
        """Hold the store for another while. Raises LeaseLost."""
        if not await leases.renew(connection, self.run):
            raise LeaseLost

    async def check(self, connection: Connection) -> None:
        """Keep the store until the transaction ends. Raises LeaseLost."""
        if not await leases.held(connection, self.run):
            raise LeaseLost

    async def tried(self, number: str, work: Awaitable[bool]) -> bool:
        """Do something with one order; where that cannot be done, it is put off, not the others.

        Answers whether it was done. Raises what another order would meet as well.
        """
        try:
            done = await work
        except errors.WalmartError as error:
            if errors.is_about_all(error):
                raise
            why = str(error)
        except (ReadingHalted, OrderError):
            raise
        except Exception as error:  # noqa: BLE001 - one order's trouble is not the others'
            _log.exception("order_not_read", store_id=self.store_id, purchase_order_id=number)
            why = f"Waybill met a fault of its own: {type(error).__name__}."
        else:
            if not done:
                await self._look_soon(number)
            return done
        await self.postpone(number, why)
        return False

    async def _look_soon(self, number: str) -> None:
        async with self.context.transaction() as connection:
            await self.check(connection)
            why = "Somebody was at work on the order."
            await retries.soon(connection, self.store_id, number, why)

    async def postpone(self, number: str, why: str) -> None:
        """Let an order be read later; tell it once on the order's timeline."""
        async with self.context.transaction() as connection:
            await self.check(connection)
            tries = await retries.postpone(connection, self.store_id, number, why)
            found = await repository.find(connection, self.store_id, number)
            if tries == 1 and found is not None:
                event = timeline.TimelineEvent("order_not_read", detail={"message": why})
                await timeline.add(connection, self.store_id, found, event, self.context.new_id)
        self.tally.postponed += 1
        _log.warning(
            "order_postponed",
            store_id=self.store_id,
            purchase_order_id=number,
            tries=tries,
            reason=why,
        )


def is_for_all(error: Exception) -> bool:
    """Whether an error is none of one order's: the database's, the lease's, the lane's."""
    return isinstance(error, ReadingHalted | OrderError)
