"""A list of Walmart's, read page by page: each is written down before the next is asked for.

A reading is done in steps, so that several take turns, and a pause, a crash or the end of a turn
loses a page at most. Where it stands is kept in `app/storage/imports/cursors.py`.
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
from app.http_client.call import ANSWER_TOO_LARGE
from app.storage.imports import cursors, webhook_inbox
from app.storage.imports.leases import ImportRun
from app.storage.imports.webhook_inbox import ExpectedEvent
from app.usecases.imports import reconcile
from app.usecases.imports.reconcile import ReconcileReport
from app.walmart import errors, order_lists
from app.walmart.client import OrderPage
from app.walmart.credentials import SellerCredentials
from app.walmart.order_lists import CursorGuard
from app.walmart.returns import ReturnPage
from app.worker.importer.leased_reader import LeasedReader

# Orders that are read by themselves in one step.
FEW = 10
# The first run of a store reads what changed for so long; older orders are imported one by one.
FIRST = timedelta(days=14)
PageT = TypeVar("PageT", OrderPage, ReturnPage)


class ListReader(ABC, Generic[PageT]):
    """A list under way. first: how far back it is read the first time; usual_size: of a page."""

    which: ImportList
    endpoint: Endpoint
    first = FIRST
    # Whether Walmart is told which changes are wanted; else the list is read as it is.
    by_window = True

    def __init__(self, leased: LeasedReader, account: SellerCredentials) -> None:
        self.leased, self.account = leased, account
        self._place: ImportCursor | None = None
        self._trail = CursorGuard()
        self._page: PageT | None = None
        # Orders of the page that differ, to be read by themselves: our ids and Walmart's numbers.
        self._differing: deque[tuple[UUID, str]] = deque()

    @property
    @abstractmethod
    def usual_size(self) -> int:
        """Entries on a page."""

    @abstractmethod
    async def _ask(self, place: ImportCursor) -> PageT:
        """Ask Walmart for the page at a place."""

    @abstractmethod
    async def _write(self, page: PageT) -> dict[UUID, str]:
        """Write a page down; answers which orders are to be read by themselves."""

    async def step(self) -> bool:
        """Go a step on; False where all is read.

        Raises Paused, LeaseLost, and the WalmartError that every call would meet now.
        """
        place = self._place or await self._begin()
        if self._page is None:
            page = await self._asked(place)
            if page is None:
                return True
            self._differing.extend((await self._write(page)).items())
            self._page = page
        for _ in range(min(FEW, len(self._differing))):
            order_id, number = self._differing[0]
            await self.leased.tried(number, self._mend(order_id, number, place))
            self._differing.popleft()
        return bool(self._differing) or await self._advance(place, self._page)

    def size(self, place: ImportCursor) -> int | None:
        """Of the pages; None for Walmart's most."""
        return place.page_size or self.leased.page_size

    async def stopped(self, why: str, *, by_page: bool = False) -> None:
        """Keep why it could not go on; by_page: for what is on the page, so less is asked for."""
        place = self._place
        if place is not None:
            await self._keep(place.failed(why) if by_page else replace(place, stopped=why[:500]))

    async def _begin(self) -> ImportCursor:
        run = self.leased.run
        async with self.leased.context.transaction() as connection:
            found = await cursors.load(connection, run.store_id, self.which)
        place = found or ImportCursor(read_until=self._before(run))
        self._place = place.opened(run.began_at, self.first)
        self._trail = CursorGuard(self._place.pages)
        return self._place

    def _before(self, run: ImportRun) -> datetime | None:
        """Until where the versions read that kept no places."""
        return run.read_until - OVERLAP if run.read_until else None

    async def _asked(self, place: ImportCursor) -> PageT | None:
        """The page at a place; None where it is to be asked for anew, from another place."""
        try:
            page = await self.leased.ask(self.endpoint, functools.partial(self._ask, place))
        except errors.WalmartError as error:
            smaller = self._smaller(place, error)
            if smaller is None:
                await self._failed(place, error)
                raise
            await self._keep(smaller)
            return None
        total = page.total if isinstance(page, OrderPage) and self.by_window else None
        halved = place.halved() if place.cursor is None else None
        if halved is not None and (total or 0) > order_lists.MOST_LISTED:
            await self._keep(halved)
            return None
        return page

    def _smaller(self, place: ImportCursor, error: errors.WalmartError) -> ImportCursor | None:
        size = self.size(place) or self.usual_size
        too_large = error.call is not None and error.call.failure == ANSWER_TOO_LARGE
        return place.with_smaller_pages(size) if too_large and size > 1 else None

    async def _failed(self, place: ImportCursor, error: errors.WalmartError) -> None:
        """Keep that a page could not be had; what every call meets is not that page's fault."""
        if errors.is_about_all(error) or isinstance(error, errors.Misconfigured):
            return
        await self._keep(place.failed(str(error)))

    async def _advance(self, place: ImportCursor, page: PageT) -> bool:
        """Past the page; answers whether there is more."""
        self._page = None
        if page.cursor is None:
            ended = place.ended()
            following = ended.next(self.leased.run.began_at) if self.by_window else None
            await self._keep(following or ended)
            return following is not None
        try:
            self._trail.follow(page.cursor, page.call)
        except errors.CallUnclear as error:
            await self._keep(place.failed(str(error)).restarted())
            raise
        await self._keep(place.turned(page.cursor))
        return True

    async def _keep(self, place: ImportCursor) -> None:
        async with self.leased.context.transaction() as connection:
            await self.leased.check(connection)
            await cursors.save(connection, self.leased.store_id, self.which, place)
        self._place = place
        if place.cursor is None:
            self._trail = CursorGuard()

    async def _mend(self, order_id: UUID, number: str, place: ImportCursor) -> bool:
        leased = self.leased
        report = ReconcileReport(leased.store_id)
        settled = await reconcile.mend(
            leased.context, self.account, order_id, report, reader=leased
        )
        leased.tally.changed += settled
        if any(each.drift.cause is Cause.CANCEL_REQUESTED for each in report.findings):
            await self.expect([ExpectedEvent(number, leased.run.began_at, place.since)])
        return settled

    async def expect(self, changes: list[ExpectedEvent]) -> None:
        """Keep what a webhook should tell as well."""
        async with self.leased.context.transaction() as connection:
            await webhook_inbox.expect(connection, self.leased.store_id, changes)
