"""What is read of a store: new orders, changed ones, Walmart's own, returns, and leftovers."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

import structlog

from app.domain.imports.cursor import OVERLAP, ImportCursor, ImportList
from app.domain.orders.returns import Return
from app.domain.orders.snapshot import OrderSnapshot
from app.domain.outbox.rate_limits import Endpoint
from app.storage.imports import retries
from app.storage.imports.leases import ImportRun
from app.storage.imports.webhook_inbox import ExpectedEvent
from app.usecases.imports import import_orders_page, import_returns_page, sync_order
from app.walmart import errors, order_lists
from app.walmart import returns as returning
from app.walmart.client import ChangeWindow, OrderPage
from app.walmart.credentials import SellerCredentials
from app.walmart.returns import ReturnPage
from app.worker.importer.leased_reader import LeasedReader, is_for_all
from app.worker.importer.list_reader import FEW, ListReader

# Refunds are due within days, and buyers have 90 to ask for one.
FIRST_RETURNS = timedelta(days=90)
_log = structlog.get_logger(__name__)


class OrderList(ListReader[OrderPage]):
    """A list of orders."""

    @property
    def usual_size(self) -> int:
        """Entries on a page."""
        return order_lists.PAGE

    async def _write(self, page: OrderPage) -> dict[UUID, str]:
        tally = self.leased.tally
        tally.orders += len(page.orders) + len(page.unreadable)
        differing = await self._written(page.orders, page.unreadable)
        async with self.leased.context.transaction() as connection:
            # They have their own turn (Again), and must not hold up the others here.
            late = await retries.waiting(connection, self.leased.store_id, [*differing.values()])
        return {each: number for each, number in differing.items() if number not in late}

    async def _written(
        self, orders: Sequence[OrderSnapshot], unreadable: Sequence[str]
    ) -> dict[UUID, str]:
        """Write orders down together; where one of them cannot be, each by itself."""
        leased = self.leased
        try:
            done = await import_orders_page.import_page(
                leased.context, leased.store_id, orders, unreadable, reader=leased
            )
        except Exception as error:
            if is_for_all(error) or not orders:
                raise
            return await self._one_by_one(orders, unreadable)
        leased.tally.imported += len(done.imported)
        leased.tally.unreadable += done.unreadable
        new = set(done.imported)
        ordered = {each.purchase_order_id: each.ordered_at for each in orders}
        await self.expect(
            [ExpectedEvent(number, at) for number in new if (at := ordered.get(number)) is not None]
        )
        return dict(done.differing)

    async def _one_by_one(
        self, orders: Sequence[OrderSnapshot], unreadable: Sequence[str]
    ) -> dict[UUID, str]:
        leased, differing = self.leased, await self._written((), unreadable)

        async def write(order: OrderSnapshot) -> bool:
            done = await import_orders_page.import_page(
                leased.context, leased.store_id, [order], (), reader=leased
            )
            leased.tally.imported += len(done.imported)
            differing.update(done.differing)
            return True

        for order in orders:
            await leased.tried(order.purchase_order_id, write(order))
        return differing


class ReleasedOrders(OrderList):
    """What waits for its acknowledgement, however long ago it was ordered or changed."""

    which, endpoint, by_window = ImportList.RELEASED, Endpoint.RELEASED, False

    async def _ask(self, place: ImportCursor) -> OrderPage:
        since = self.leased.run.began_at - order_lists.OLDEST
        walmart = self.leased.context.walmart
        return await walmart.list_released(self.account, since, place.cursor, size=self.size(place))


class ChangedOrders(OrderList):
    """What changed of the orders that the seller ships."""

    which, endpoint, by_walmart = ImportList.CHANGED, Endpoint.LIST, False

    async def _ask(self, place: ImportCursor) -> OrderPage:
        now = self.leased.run.began_at
        window = ChangeWindow.up_to(place.until or now, place.since or now)
        return await self.leased.context.walmart.list_orders(
            self.account,
            window,
            place.cursor,
            fulfilled_by_walmart=self.by_walmart,
            size=self.size(place),
        )


class WalmartFulfilledOrders(ChangedOrders):
    """What changed of the orders that Walmart ships itself."""

    which, by_walmart = ImportList.BY_WALMART, True


class ChangedReturns(ListReader[ReturnPage]):
    """Returns that changed; their orders come first where they are not known."""

    which, endpoint, first = ImportList.RETURNS, Endpoint.RETURNS, FIRST_RETURNS

    @property
    def usual_size(self) -> int:
        """Entries on a page."""
        return returning.PAGE

    def _before(self, run: ImportRun) -> datetime | None:
        return run.returns_until - OVERLAP if run.returns_until else None

    async def _ask(self, place: ImportCursor) -> ReturnPage:
        now = self.leased.run.began_at
        part = place.until if place.until != place.begun_at else None
        return await self.leased.context.walmart.returns.changed(
            self.account, place.since or now, place.cursor, until=part, size=self.size(place)
        )

    async def _write(self, page: ReturnPage) -> dict[UUID, str]:
        tally = self.leased.tally
        tally.unreadable += len(page.unreadable)
        tally.returns += await self._saved(page.returns)
        await import_returns_page.save_page(
            self.leased.context, self.account, (), page.unreadable, reader=self.leased
        )
        return {}

    async def _saved(self, returns: Sequence[Return]) -> int:
        """Write returns down together; where one of them cannot be, each by itself."""
        leased = self.leased
        try:
            return await import_returns_page.save_page(
                leased.context, self.account, returns, reader=leased, import_order=self._look
            )
        except Exception as error:
            if is_for_all(error) or isinstance(error, errors.WalmartError):
                raise
            if len(returns) == 1:
                await self._unwritable(returns[0].return_order_id, error)
                return 0
        return sum([await self._saved([each]) for each in returns])

    async def _unwritable(self, number: str, error: Exception) -> None:
        """Keep at least the number of a return, with why there is no more of it."""
        leased = self.leased
        _log.error(
            "return_not_written", store_id=leased.store_id, return_order_id=number, exc_info=error
        )
        leased.tally.unreadable += 1
        why = {number: f"Waybill could not write it down ({type(error).__name__})"}
        await import_returns_page.save_page(leased.context, self.account, (), why, reader=leased)

    async def _look(self, number: str) -> None:
        await self.leased.tried(number, _look(self.leased, self.account, number))


class PostponedOrders:
    """Orders that could not be read before, and whose time has come."""

    def __init__(self, leased: LeasedReader, account: SellerCredentials) -> None:
        self.leased, self.account = leased, account

    async def step(self) -> bool:
        """Look at some; False where there is none. Raises as `Reading.step` does."""
        leased = self.leased
        async with leased.context.transaction() as connection:
            numbers = await retries.due(connection, leased.store_id, FEW)
        for number in numbers:
            if await leased.tried(number, _look(leased, self.account, number)):
                async with leased.context.transaction() as connection:
                    await leased.check(connection)
                    await retries.done(connection, leased.store_id, number)
        return bool(numbers)

    async def stopped(self, why: str, *, by_page: bool = False) -> None:
        """Nothing to keep: each order has its own place."""


async def _look(leased: LeasedReader, account: SellerCredentials, number: str) -> bool:
    """Look at an order by its number; one that Walmart does not know (any more) is done with."""
    try:
        seen = await sync_order.sync_order(leased.context, account, number, reader=leased)
    except errors.NotFound:
        return True
    leased.tally.imported += seen.imported
    leased.tally.changed += seen.changed and seen.settled
    return seen.settled
