"""Orders that Walmart has and we have not, and what changed there: read per store, in turn.

Each run reads the orders that wait for their acknowledgement, then all that changed since the
last whole run, with an overlap, seller's and Walmart's own. It goes by the store's lanes as a
delivery does. A run that breaks off leaves the next one to begin where it began itself.
"""

import functools
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

import structlog

from app.intake import importing, listed, reconcile, return_import
from app.intake.desk import Desk
from app.orders.errors import OrderError
from app.orders.lane import Breaker, Endpoint
from app.orders.outcome import Pause
from app.orders.update import Kind
from app.outbound.call import Call
from app.storage import imports, lanes, webhooks
from app.storage.imports import Run, Tally
from app.sync import traffic, verdicts
from app.walmart import errors
from app.walmart.account import Account
from app.walmart.client import OrderPage, Window
from app.walmart.returning import ReturnPage

# The first run of a store reads what changed for so long; older orders are imported one by one.
FIRST = timedelta(days=14)
# Refunds are due within days, and buyers have 90 to ask for one.
FIRST_RETURNS = timedelta(days=90)
# Walmart's clock and ours differ, and its lists lag behind: so much is read again.
OVERLAP = timedelta(minutes=10)
_Page = TypeVar("_Page", OrderPage, ReturnPage)
_log = structlog.get_logger(__name__)


class _Stopped(Exception):
    """The run ends here; the next one begins where this one did."""


@dataclass(frozen=True, slots=True)
class Importer:
    """Reads the orders of stores. every: seconds between two runs of a store, 0 for none."""

    desk: Desk
    breaker: Breaker
    every: float

    async def due(self) -> list[int]:
        """Stores whose turn it is."""
        if not self.every:
            return []
        async with self.desk.transaction() as connection:
            return await imports.due(connection, self.every)

    async def run(self, store_id: int) -> Tally | None:
        """Read one store; None where somebody else is at it, or just was.

        Raises NotAvailable while the database is away; Walmart's trouble ends the run politely.
        """
        async with self.desk.transaction() as connection:
            token = self.desk.new_id(store_id)
            run = await imports.begin(connection, store_id, token, self.every)
        if run is None:
            return None
        tally = Tally()
        try:
            await self._read(run, tally)
        except errors.WalmartError as error:
            tally.stopped = f"Walmart cannot be asked on: {error}"
        except (OrderError, _Stopped) as error:
            tally.stopped = str(error)
        async with self.desk.transaction() as connection:
            if await webhooks.secret(connection, store_id) is not None:
                # A webhook would have brought it before.
                tally.missed = tally.imported + tally.changed
            await imports.end(connection, run, tally)
        return tally

    async def _read(self, run: Run, tally: Tally) -> None:
        account = await self.desk.account(run.store_id)
        window = Window.up_to(run.began_at, (run.read_until or run.began_at - FIRST) - OVERLAP)
        await self._released(run, account, window.ordered_since, tally)
        for wfs in (False, True):
            await self._changed(run, account, window, tally, wfs=wfs)
        await self._returned(run, account, tally)

    async def _released(self, run: Run, account: Account, since: datetime, tally: Tally) -> None:
        """What waits for its acknowledgement, however long ago it was ordered or changed."""
        cursor: str | None = None
        while True:
            page = await self._asked(
                run,
                Endpoint.RELEASED,
                functools.partial(self.desk.walmart.list_released, account, since, cursor),
            )
            await self._written(account, page, tally)
            cursor = page.cursor
            if cursor is None:
                return

    async def _changed(
        self, run: Run, account: Account, window: Window, tally: Tally, *, wfs: bool
    ) -> None:
        async def ask(part: Window, cursor: str | None) -> OrderPage:
            call = functools.partial(
                self.desk.walmart.list_orders, account, part, cursor, fulfilled_by_walmart=wfs
            )
            return await self._asked(run, Endpoint.LIST, call)

        async for page in listed.pages(ask, window):
            await self._written(account, page, tally)

    async def _returned(self, run: Run, account: Account, tally: Tally) -> None:
        """Returns that changed; their orders come first where they are not known."""
        since = (run.returns_until or run.began_at - FIRST_RETURNS) - OVERLAP
        cursor: str | None = None
        while True:
            page = await self._asked(
                run,
                Endpoint.RETURNS,
                functools.partial(
                    self.desk.walmart.returns.changed, account, since, run.began_at, cursor
                ),
            )
            tally.returns += await return_import.save_page(
                self.desk, account, page.returns, page.unreadable
            )
            tally.unreadable += len(page.unreadable)
            cursor = page.cursor
            if cursor is None:
                return

    async def _asked(
        self, run: Run, endpoint: Endpoint, call: Callable[[], Awaitable[_Page]]
    ) -> _Page:
        """Ask for a page where the lane bears it, and write down what Walmart said of the lane."""
        async with self.desk.transaction() as connection:
            if not await imports.renew(connection, run):
                raise _Stopped("Another process took the store over.")
            until = await lanes.endpoint_paused_until(connection, run.store_id, endpoint)
        if until is not None:
            raise _Stopped(f"Walmart takes no such call until {until:%Y-%m-%dT%H:%M:%SZ}.")
        try:
            page = await call()
        except errors.WalmartError as error:
            await self._tell(run.store_id, error)
            raise
        await self._record(run.store_id, [page.call], None)
        return page

    async def _tell(self, store_id: int, error: errors.WalmartError) -> None:
        made = [error.call] if error.call is not None else []
        await self._record(store_id, made, verdicts.pause(Kind.ACKNOWLEDGEMENT, error))

    async def _record(self, store_id: int, made: Sequence[Call], pause: Pause | None) -> None:
        async with self.desk.transaction() as connection:
            at = await lanes.now(connection)
            news = list(traffic.news(store_id, made, pause, at))
            for lane in await lanes.record(connection, news, self.breaker):
                _log.error(
                    "lane_stopped", store_id=store_id, endpoint=lane.endpoint, reason=lane.reason
                )

    async def _written(self, account: Account, page: OrderPage, tally: Tally) -> None:
        store_id = account.store_id
        done = await importing.import_page(self.desk, store_id, page.orders, page.unreadable)
        tally.orders += len(page.orders) + len(page.unreadable)
        tally.imported += len(done.imported)
        tally.unreadable += done.unreadable
        report = reconcile.Report(store_id)
        for order_id in done.differing:
            await reconcile.mend(self.desk, account, order_id, report)
        tally.changed += len(done.differing)
