"""Reads what Walmart has that is not stored here, after a restored backup (`recover.py`)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from app.domain.orders import drift, unrequested
from app.domain.orders.drift import Cause
from app.domain.orders.order import Order
from app.domain.orders.returns import Return
from app.domain.orders.snapshot import OrderSnapshot
from app.domain.outbox.rate_limits import Endpoint
from app.domain.seller_credentials import SellerCredentials
from app.storage import rate_limits
from app.storage.imports import reconciliations
from app.storage.orders import repository
from app.storage.outbox import updates
from app.storage.recording import recovery, settlement
from app.storage.recording.settlement import SettlementInput
from app.usecases.context import AppContext
from app.usecases.imports import import_orders_page, import_returns_page, paginate, sync_order
from app.usecases.imports.recover_report import RecoverFinding, RecoverReport
from app.usecases.orders import record_drift
from app.usecases.walmart_reader import WalmartReader
from app.walmart import errors
from app.walmart.client import ChangeWindow, OrderPage
from app.walmart.order_lists import OLDEST, CursorGuard
from app.walmart.returns import ReturnPage


async def read(
    context: AppContext, since: datetime, report: RecoverReport, reader: WalmartReader
) -> None:
    """Read what changed at Walmart since then, and each of our orders that is not final.

    Raises WalmartError, OrderError, and what reader raises.
    """
    run = _Reader(context, await context.account(report.store_id), reader, report)
    async with context.transaction() as connection:
        began = await rate_limits.now(connection)
    await run.read_changed(began, since)
    # mutation: restore-reads-open-orders
    await run.read_open(began)
    await run.read_returns(since)
    context.wake()


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads one store. Each page and each order is stored before the next is read."""

    context: AppContext
    account: SellerCredentials
    reader: WalmartReader
    report: RecoverReport

    async def read_changed(self, began: datetime, since: datetime) -> None:
        """Go through Walmart's list: import unknown orders, read known ones."""

        async def ask(window: ChangeWindow, cursor: str | None) -> OrderPage:
            async def call() -> OrderPage:
                return await self.context.walmart.list_orders(self.account, window, cursor)

            return await self.reader.ask(Endpoint.LIST, call)

        window = ChangeWindow.up_to(began, max(since, began - OLDEST))
        async for page in paginate.pages(ask, window):
            shown = {each.purchase_order_id: each for each in page.orders}
            new = await import_orders_page.import_page(
                self.context,
                self.account.store_id,
                shown.values(),
                page.unreadable,
                ended=page.ended,
                reader=self.reader,
            )
            self.report.imported += len(new.imported)
            for number in filter(None, page.unreadable):
                self.report.unread[number] = str(import_orders_page.UNREADABLE["message"])
            async with self.context.transaction() as connection:
                ids = await reconciliations.known(connection, self.account.store_id, [*shown])
                known = await repository.load_many(connection, self.account.store_id, ids.values())
            for number, order_id in ids.items():
                if number in new.imported:
                    self._report(known[order_id], shown[number])
                else:
                    await self._read(known[order_id])

    async def read_open(self, began: datetime) -> None:
        """Read the orders that the list left out and that are not final, or have an open update."""
        store_id, after = self.account.store_id, None
        while True:
            async with self.context.transaction() as connection:
                ids = await recovery.to_read(connection, store_id, began, after)
            if not ids:
                return
            for order_id in ids:
                async with self.context.transaction() as connection:
                    order = (await repository.load_many(connection, store_id, [order_id]))[order_id]
                await self._read(order)
            after = ids[-1]

    async def read_returns(self, since: datetime) -> None:
        """Store the returns that changed."""
        cursor: str | None = None
        trail = CursorGuard()
        while True:
            asked = cursor

            async def call(asked: str | None = asked) -> ReturnPage:
                return await self.context.walmart.returns.changed(self.account, since, asked)

            page = await self.reader.ask(Endpoint.RETURNS, call)
            await import_returns_page.save_page(
                self.context,
                self.account,
                page.returns,
                page.unreadable,
                reader=self.reader,
                import_order=self._import,
            )
            self.report.returns += len(page.returns)
            await self._report_refunds(page.returns)
            cursor = page.cursor
            if cursor is None:
                return
            trail.follow(cursor, page.call)

    async def _read(self, basis: Order) -> None:
        """Read an order; one that cannot be read does not stop the others. Raises WalmartError."""
        self.report.orders += 1
        number = basis.purchase_order_id
        # mutation: unknown-orders-in-recovery
        try:
            async with self.context.transaction() as connection:
                read_at = await rate_limits.now(connection)
            answer = await self.reader.read_order(self.context, self.account, number)
        except errors.NotFound:
            await self._unknown(basis)
            return
        except errors.WalmartError as error:
            self._unread(number, error)
            return
        if answer.order is None:
            self.report.unread[number] = str(import_orders_page.UNREADABLE["message"])
            return
        self._report(await self._settle(basis, answer.order, read_at), answer.order)

    async def _unknown(self, order: Order) -> None:
        """Report an order that Walmart does not know; the run goes on."""
        self.report.unknown.append(order.purchase_order_id)
        missing = [drift.of_order(Cause.ORDER_UNKNOWN_AT_WALMART)]
        async with self.context.transaction() as connection:
            await record_drift.record(connection, self.context, order, missing, mended=False)

    async def _import(self, number: str) -> None:
        """Import an order of a return that is not known yet."""
        try:
            await sync_order.sync_order(self.context, self.account, number, reader=self.reader)
        except errors.NotFound:
            # The return is stored without its order.
            return
        except errors.WalmartError as error:
            self._unread(number, error)

    def _unread(self, number: str, error: errors.WalmartError) -> None:
        """Note why an order could not be read. Raises the error if it concerns every order."""
        self.report.unread[number] = str(error)
        if errors.is_about_all(error) or len(self.report.unread) > paginate.MOST_UNREAD:
            raise error

    async def _settle(self, basis: Order, snapshot: OrderSnapshot, read_at: datetime) -> Order:
        """Settle an order with its read. An order that changed meanwhile is read by a poller."""
        context = self.context
        async with context.transaction() as connection:
            order = await repository.lock(connection, basis.id)
            if order.sending or order.unreadable or not settlement.still_holds(basis, order):
                return order
            compared = drift.compare(order, snapshot, read_at, context.quiet_period)
            observed = SettlementInput(order, snapshot, read_at)
            turns = await settlement.settle(connection, observed, context.new_id)
            await updates.activate_next(connection, turns)
            found = [each for each in compared if drift.is_drift(each)]
            await record_drift.record(connection, context, order, found, mended=True)
        return order

    def _report(self, order: Order, snapshot: OrderSnapshot) -> None:
        number = order.purchase_order_id
        self.report.findings += [
            RecoverFinding(number, each) for each in unrequested.of_order(order, snapshot)
        ]

    async def _report_refunds(self, shown: Sequence[Return]) -> None:
        numbers = [each.return_order_id for each in shown]
        async with self.context.transaction() as connection:
            asked = await recovery.refunds_of(connection, self.account.store_id, numbers)
        for each in shown:
            number = each.return_order_id
            self.report.findings += [
                RecoverFinding(each.purchase_order_id, units, number)
                for units in unrequested.of_return(each, asked.get(number, {}))
            ]
