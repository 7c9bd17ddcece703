"""Imports new and changed orders and returns of a store.

A run reads each list of the store (`lists.py`) on from its cursor, a step of each in turn, so that
no list waits for the end of another. It waits out a short pause of Walmart's. A longer pause ends
the run until the pause is over, and so does the end of the store's turn; the cursors are kept.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

import structlog

from app.domain.errors import NotAvailable, OrderError
from app.domain.outbox.rate_limits import Breaker
from app.storage.imports import leases, webhook_inbox
from app.storage.imports.leases import ImportRun, ImportTotals
from app.storage.postgres.surveys import survey
from app.usecases.context import AppContext
from app.walmart import errors
from app.worker.importer.leased_reader import LeasedReader, LeaseLost
from app.worker.importer.lists import (
    ChangedOrders,
    ChangedReturns,
    PostponedOrders,
    ReleasedOrders,
    WalmartFulfilledOrders,
)
from app.worker.importer.rate_limited_reader import LanePaused

# Seconds of one run of a store; stores that wait come next, and then this one goes on.
TURN = 60.0
# Seconds of the longest pause that a run waits out.
PATIENCE = 10.0
_log = structlog.get_logger(__name__)


class _ListEnd(Enum):
    """How a list ended in a run: read to its end, or stopped before."""

    WHOLE = "whole"
    STOPPED = "stopped"


class _StepReader(Protocol):
    """A list that is read step by step."""

    async def step(self) -> bool: ...

    async def stopped(self, why: str, *, by_page: bool = False) -> None: ...


@dataclass(frozen=True, slots=True)
class Importer:
    """Imports stores, one run at a time for each. Durations are in seconds."""

    context: AppContext
    breaker: Breaker
    every: float
    """Between two runs of a store; 0 turns imports off."""
    turn: float = TURN
    """Length of a run, more or less."""
    patience: float = PATIENCE
    """The longest pause that a run waits out."""
    grace: float = webhook_inbox.GRACE
    """Time in which Walmart must announce by webhook what an import found."""
    page_size: int | None = None
    """None means the largest that Walmart allows."""

    async def due(self) -> list[int]:
        """Stores that are due: their last run is long enough ago."""
        if not self.every:
            return []
        async with survey(self.context.database) as connection:
            return await leases.due(connection, self.every)

    async def run(self, store_id: int) -> ImportTotals | None:
        """Import a store. None means that another run holds it, or has just ended.

        Raises NotAvailable. An error of Walmart's ends the run, and is in its totals.
        """
        async with self.context.transaction() as connection:
            token = self.context.new_id(store_id)
            run = await leases.begin(connection, store_id, token, self.every)
        if run is None:
            return None
        leased = LeasedReader(self.context, self.breaker, store_id, run, self.page_size)
        totals = leased.totals
        try:
            await self._read(run, leased)
        except LeaseLost as error:
            totals.stopped = str(error)
            return totals
        except NotAvailable:
            raise
        except OrderError as error:
            totals.stopped = str(error)
        async with self.context.transaction() as connection:
            totals.missed = await webhook_inbox.missed(connection, store_id, self.grace)
            await leases.end(connection, run, totals)
        return totals

    async def _read(self, run: ImportRun, leased: LeasedReader) -> None:
        account = await self.context.account(run.store_id)
        orders = [
            each(leased, account)
            for each in (ReleasedOrders, ChangedOrders, WalmartFulfilledOrders)
        ]
        returns = ChangedReturns(leased, account)
        whole = await self._in_turns(
            [*orders, returns, PostponedOrders(leased, account)], leased.totals
        )
        leased.totals.whole_orders = all(each in whole for each in orders)
        leased.totals.whole_returns = returns in whole

    async def _in_turns(
        self, lists: Sequence[_StepReader], totals: ImportTotals
    ) -> list[_StepReader]:
        """Read the lists step by step in turn; returns those that were read to their end."""
        clock = asyncio.get_running_loop().time
        end = clock() + self.turn
        next_at, whole = dict.fromkeys(lists, 0.0), list[_StepReader]()
        while next_at:
            for each in [each for each, at in next_at.items() if at <= clock()]:
                wait = await self._step(each, totals)
                if isinstance(wait, _ListEnd):
                    del next_at[each]
                    whole.extend([each] if wait is _ListEnd.WHOLE else [])
                else:
                    next_at[each] = clock() + wait
            if next_at and clock() >= end:
                # Other stores wait. Each list has made at least one step.
                totals.resume_in = 0.0
                return whole
            await asyncio.sleep(max(min(next_at.values(), default=0.0) - clock(), 0.0))
        return whole

    async def _step(self, each: _StepReader, totals: ImportTotals) -> float | _ListEnd:
        """Make a step; returns the seconds until the next one, or how the list ended."""
        try:
            return 0.0 if await each.step() else _ListEnd.WHOLE
        except LanePaused as paused:
            left = max(paused.left.total_seconds(), 0.0)
            if left <= self.patience:
                return left
            totals.resume_in = min(left, totals.resume_in or left)
            why, by_page = str(paused), False
        except errors.Throttled:
            # The next step reads from the lane how long the pause is.
            return 0.0
        except errors.WalmartError as error:
            why, by_page = f"Waybill stopped reading Walmart: {error}", False
        except (LeaseLost, OrderError):
            raise
        except Exception as error:  # noqa: BLE001 - logged; the other lists go on
            _log.exception("list_not_read")
            why, by_page = f"Internal error in Waybill: {type(error).__name__}.", True
        totals.stopped = totals.stopped or why
        await each.stopped(why, by_page=by_page)
        return _ListEnd.STOPPED
