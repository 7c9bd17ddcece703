"""The lists of a store: released, changed, Walmart-fulfilled and postponed orders, and returns."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

import structlog

from app.domain.imports.cursor import OVERLAP, ImportCursor, ImportList
from app.domain.orders.returns import Return
from app.domain.orders.snapshot import OrderSnapshot
from app.domain.outbox.rate_limits import Endpoint
from app.domain.seller_credentials import SellerCredentials
from app.storage.imports import retries
from app.storage.imports.leases import ImportRun
from app.storage.imports.webhook_inbox import ExpectedEvent
from app.usecases.imports import import_orders_page, import_returns_page, sync_order
from app.walmart import errors, order_lists
from app.walmart import returns as walmart_returns
from app.walmart.client import ChangeWindow, OrderPage
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
        """Entries of a page, as Walmart sends it."""
        return order_lists.PAGE

    async def _write(self, page: OrderPage) -> dict[UUID, str]:
        totals = self.leased.totals
        totals.orders += len(page.orders) + len(page.unreadable)
        differing = await self._written(page)
        async with self.leased.context.transaction() as connection:
            # PostponedOrders reads these; they must not delay the others here.
            late = await retries.waiting(connection, self.leased.store_id, [*differing.values()])
        return {each: number for each, number in differing.items() if number not in late}

    async def _written(self, page: OrderPage) -> dict[UUID, str]:
        """Store orders together, or one by one where one of them cannot be stored."""
        leased = self.leased
        try:
            done = await import_orders_page.import_page(
                leased.context,
                leased.store_id,
                page.orders,
                page.unreadable,
                ended=page.ended,
                reader=leased,
            )
        except Exception as error:
            if is_for_all(error) or not page.orders:
                raise
            return await self._one_by_one(page)
        leased.totals.imported += len(done.imported)
        leased.totals.unreadable += done.unreadable
        new = set(done.imported)
        ordered = {each.purchase_order_id: each.ordered_at for each in page.orders}
        await self.expect(
            [ExpectedEvent(number, at) for number in new if (at := ordered.get(number)) is not None]
        )
        return dict(done.differing)

    async def _one_by_one(self, page: OrderPage) -> dict[UUID, str]:
        leased, differing = self.leased, await self._written(replace(page, orders=()))

        async def write(order: OrderSnapshot) -> bool:
            done = await import_orders_page.import_page(
                leased.context, leased.store_id, [order], (), reader=leased
            )
            leased.totals.imported += len(done.imported)
            differing.update(done.differing)
            return True

        for order in page.orders:
            await leased.tried(order.purchase_order_id, write(order))
        return differing


class ReleasedOrders(OrderList):
    """Orders that wait for their acknowledgement, however old."""

    which, endpoint, by_window = ImportList.RELEASED, Endpoint.RELEASED, False

    async def _ask(self, cursor: ImportCursor) -> OrderPage:
        since = self.leased.run.began_at - order_lists.OLDEST
        walmart, size = self.leased.context.walmart, self.size(cursor)
        # mutation: all-pages-of-unacknowledged-orders
        return await walmart.list_released(self.account, since, cursor.cursor, size=size)


class ChangedOrders(OrderList):
    """Changed orders that the seller ships."""

    which, endpoint, by_walmart = ImportList.CHANGED, Endpoint.LIST, False

    async def _ask(self, cursor: ImportCursor) -> OrderPage:
        now = self.leased.run.began_at
        window = ChangeWindow.up_to(cursor.until or now, cursor.since or now)
        return await self.leased.context.walmart.list_orders(
            self.account,
            window,
            cursor.cursor,
            fulfilled_by_walmart=self.by_walmart,
            size=self.size(cursor),
        )


class WalmartFulfilledOrders(ChangedOrders):
    """Changed orders that Walmart ships."""

    which, by_walmart = ImportList.BY_WALMART, True


class ChangedReturns(ListReader[ReturnPage]):
    """Changed returns. An unknown order of a return is imported first."""

    which, endpoint, first = ImportList.RETURNS, Endpoint.RETURNS, FIRST_RETURNS

    @property
    def usual_size(self) -> int:
        """Entries of a page, as Walmart sends it."""
        return walmart_returns.PAGE

    def _before(self, run: ImportRun) -> datetime | None:
        return run.returns_until - OVERLAP if run.returns_until else None

    async def _ask(self, cursor: ImportCursor) -> ReturnPage:
        now = self.leased.run.began_at
        part = cursor.until if cursor.until != cursor.begun_at else None
        return await self.leased.context.walmart.returns.changed(
            self.account, cursor.since or now, cursor.cursor, until=part, size=self.size(cursor)
        )

    async def _write(self, page: ReturnPage) -> dict[UUID, str]:
        totals = self.leased.totals
        totals.unreadable += len(page.unreadable)
        totals.returns += await self._saved(page.returns)
        await import_returns_page.save_page(
            self.leased.context, self.account, (), page.unreadable, reader=self.leased
        )
        return {}

    async def _saved(self, returns: Sequence[Return]) -> int:
        """Store returns together, or one by one where one of them cannot be stored."""
        leased = self.leased
        try:
            return await import_returns_page.save_page(
                leased.context, self.account, returns, reader=leased, import_order=self._sync
            )
        except Exception as error:
            if is_for_all(error) or isinstance(error, errors.WalmartError):
                raise
            if len(returns) == 1:
                await self._unwritable(returns[0].return_order_id, error)
                return 0
        return sum([await self._saved([each]) for each in returns])

    async def _unwritable(self, number: str, error: Exception) -> None:
        """Store the number of a return that cannot be stored, and the reason."""
        leased = self.leased
        _log.error(
            "return_not_written", store_id=leased.store_id, return_order_id=number, exc_info=error
        )
        leased.totals.unreadable += 1
        why = {number: f"Waybill could not write it down ({type(error).__name__})"}
        await import_returns_page.save_page(leased.context, self.account, (), why, reader=leased)

    async def _sync(self, number: str) -> None:
        await self.leased.tried(number, _sync(self.leased, self.account, number))


class PostponedOrders:
    """Orders that could not be read before, and are due again."""

    def __init__(self, leased: LeasedReader, account: SellerCredentials) -> None:
        self.leased, self.account = leased, account

    async def step(self) -> bool:
        """Read some orders. False means that none is due. Raises as `ListReader.step`."""
        leased = self.leased
        async with leased.context.transaction() as connection:
            numbers = await retries.due(connection, leased.store_id, FEW)
        for number in numbers:
            if await leased.tried(number, _sync(leased, self.account, number)):
                async with leased.context.transaction() as connection:
                    await leased.check(connection)
                    await retries.done(connection, leased.store_id, number)
        return bool(numbers)

    async def stopped(self, why: str, *, by_page: bool = False) -> None:
        """Store nothing: each order has its own retry."""


async def _sync(leased: LeasedReader, account: SellerCredentials, number: str) -> bool:
    """Sync an order by its number. An order that Walmart does not know is done."""
    try:
        seen = await sync_order.sync_order(leased.context, account, number, reader=leased)
    except errors.NotFound:
        return True
    leased.totals.imported += seen.imported
    leased.totals.changed += seen.changed and seen.settled
    return seen.settled
