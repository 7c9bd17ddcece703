"""Reads a list of Walmart's page by page, and stores each page before it asks for the next.

A list is read in steps, so that several lists take turns, and a pause, a crash or the end of a
run loses one page at most. The cursor is stored (`app/storage/imports/cursors.py`).
"""

import functools
from abc import ABC, abstractmethod
from collections import deque
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Generic, TypeVar
from uuid import UUID

from app.domain.imports.cursor import OVERLAP, ImportCursor, ImportList
from app.domain.orders.drift import Cause
from app.domain.outbox.rate_limits import Endpoint
from app.domain.seller_credentials import SellerCredentials
from app.http_client.call import ANSWER_TOO_LARGE
from app.storage.imports import cursors, webhook_inbox
from app.storage.imports.leases import ImportRun
from app.storage.imports.webhook_inbox import ExpectedEvent
from app.usecases.imports import mend_order
from app.usecases.imports.reconcile_report import ReconcileReport
from app.walmart import errors, order_lists
from app.walmart.client import OrderPage
from app.walmart.order_lists import CursorGuard
from app.walmart.returns import ReturnPage
from app.worker.importer.leased_reader import LeasedReader

# Differing orders that one step reads.
FEW = 10
# The first run of a store reads the changes of this time; older orders are imported one by one.
FIRST = timedelta(days=14)
PageT = TypeVar("PageT", OrderPage, ReturnPage)


class ListReader(ABC, Generic[PageT]):
    """A list of one store, as far as it is read."""

    which: ImportList
    endpoint: Endpoint
    first = FIRST
    """How far back the first run reads."""
    by_window = True
    """Whether the list is asked for by the time of change. False means the whole list."""

    def __init__(self, leased: LeasedReader, account: SellerCredentials) -> None:
        self.leased, self.account = leased, account
        self._cursor: ImportCursor | None = None
        self._guard = CursorGuard()
        self._page: PageT | None = None
        # Orders of the page that differ from ours and are read one by one: our ids, their numbers.
        self._differing: deque[tuple[UUID, str]] = deque()

    @property
    @abstractmethod
    def usual_size(self) -> int:
        """Entries of a page, as Walmart sends it."""

    @abstractmethod
    async def _ask(self, cursor: ImportCursor) -> PageT:
        """Ask Walmart for the page at a cursor."""

    @abstractmethod
    async def _write(self, page: PageT) -> dict[UUID, str]:
        """Store a page; returns the orders that have to be read one by one."""

    async def step(self) -> bool:
        """Make a step. False means that the list is read to its end.

        Raises LanePaused, LeaseLost, and a WalmartError that every call would meet now.
        """
        cursor = self._cursor or await self._begin()
        if self._page is None:
            page = await self._fetch(cursor)
            if page is None:
                return True
            self._differing.extend((await self._write(page)).items())
            self._page = page
        for _ in range(min(FEW, len(self._differing))):
            order_id, number = self._differing[0]
            await self.leased.tried(number, self._repair(order_id, number, cursor))
            self._differing.popleft()
        return bool(self._differing) or await self._advance(cursor, self._page)

    def size(self, cursor: ImportCursor) -> int | None:
        """Entries to ask for in a page. None means the most that Walmart allows."""
        return cursor.page_size or self.leased.page_size

    async def stopped(self, why: str, *, by_page: bool = False) -> None:
        """Store why the list stopped. by_page: the page is the reason, so ask for a smaller one."""
        cursor = self._cursor
        if cursor is not None:
            await self._save(
                cursor.after_failure(why) if by_page else replace(cursor, stopped=why[:500])
            )

    async def _begin(self) -> ImportCursor:
        run = self.leased.run
        async with self.leased.context.transaction() as connection:
            found = await cursors.load(connection, run.store_id, self.which)
        cursor = found or ImportCursor(read_until=self._before(run))
        self._cursor = cursor.with_window(run.began_at, self.first)
        self._guard = CursorGuard(self._cursor.pages)
        return self._cursor

    def _before(self, run: ImportRun) -> datetime | None:
        """Time up to which the versions without cursors have read."""
        return run.read_until - OVERLAP if run.read_until else None

    async def _fetch(self, cursor: ImportCursor) -> PageT | None:
        """Ask for the page at a cursor. None means that the cursor changed: the next step asks."""
        try:
            page = await self.leased.ask(self.endpoint, functools.partial(self._ask, cursor))
        except errors.WalmartError as error:
            smaller = self._smaller(cursor, error)
            if smaller is None:
                await self._failed(cursor, error)
                raise
            await self._save(smaller)
            return None
        total = page.total if isinstance(page, OrderPage) and self.by_window else None
        halved = cursor.halved() if cursor.cursor is None else None
        if halved is not None and (total or 0) > order_lists.MOST_LISTED:
            await self._save(halved)
            return None
        return page

    def _smaller(self, cursor: ImportCursor, error: errors.WalmartError) -> ImportCursor | None:
        size = self.size(cursor) or self.usual_size
        too_large = error.call is not None and error.call.failure == ANSWER_TOO_LARGE
        return cursor.with_smaller_pages(size) if too_large and size > 1 else None

    async def _failed(self, cursor: ImportCursor, error: errors.WalmartError) -> None:
        """Store that a page failed, unless every call would meet the same error."""
        if errors.is_about_all(error) or isinstance(error, errors.Misconfigured):
            return
        await self._save(cursor.after_failure(str(error)))

    async def _advance(self, cursor: ImportCursor, page: PageT) -> bool:
        """Move the cursor past a page; returns whether there is more to read."""
        self._page = None
        # mutation: import-window-end
        if page.cursor is None:
            ended = cursor.after_last_page()
            following = ended.next_window(self.leased.run.began_at) if self.by_window else None
            await self._save(following or ended)
            return following is not None
        try:
            self._guard.follow(page.cursor, page.call)
        except errors.CallUnclear as error:
            await self._save(cursor.after_failure(str(error)).restarted())
            raise
        await self._save(cursor.after_page(page.cursor))
        return True

    async def _save(self, cursor: ImportCursor) -> None:
        async with self.leased.context.transaction() as connection:
            await self.leased.check(connection)
            await cursors.save(connection, self.leased.store_id, self.which, cursor)
        self._cursor = cursor
        if cursor.cursor is None:
            self._guard = CursorGuard()

    async def _repair(self, order_id: UUID, number: str, cursor: ImportCursor) -> bool:
        leased = self.leased
        report = ReconcileReport(leased.store_id)
        settled = await mend_order.mend(
            leased.context, self.account, order_id, report, reader=leased
        )
        leased.totals.changed += settled
        if any(each.drift.cause is Cause.CANCEL_REQUESTED for each in report.findings):
            await self.expect([ExpectedEvent(number, leased.run.began_at, cursor.since)])
        return settled

    async def expect(self, changes: list[ExpectedEvent]) -> None:
        """Store which changes a webhook should announce too."""
        async with self.leased.context.transaction() as connection:
            await webhook_inbox.expect(connection, self.leased.store_id, changes)
