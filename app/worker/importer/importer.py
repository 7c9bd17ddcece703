"""Orders that Walmart has and we have not, and what changed there: read per store, in turn.

A run reads each of the store's lists on from where the last one came to
(`app/worker/importer/lists.py`), a step of each in turn, so that none waits for the end of another.
A short pause of Walmart's is waited out, a longer one ends the run until it is over, and so does
the end of the store's turn: nothing that was read is read again.
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

# Seconds of one turn of a store; then those that wait come first, and it goes on after them.
TURN = 60.0
# Seconds of a pause of Walmart's that a run waits out.
PATIENCE = 10.0
_log = structlog.get_logger(__name__)


class _ListEnd(Enum):
    """How the reading of a list ended in a run."""

    WHOLE = "whole"
    STOPPED = "stopped"


class _StepReader(Protocol):
    """What is read step by step."""

    async def step(self) -> bool: ...

    async def stopped(self, why: str, *, by_page: bool = False) -> None: ...


@dataclass(frozen=True, slots=True)
class Importer:
    """Reads the orders of stores. every: seconds between two runs of a store, 0 for none.

    Seconds: turn: of a run, more or less; patience: of a pause that it waits out; grace: in which
    Walmart has to announce what was found without it. page_size: None for Walmart's most.
    """

    context: AppContext
    breaker: Breaker
    every: float
    turn: float = TURN
    patience: float = PATIENCE
    grace: float = webhook_inbox.GRACE
    page_size: int | None = None

    async def due(self) -> list[int]:
        """Stores whose turn it is."""
        if not self.every:
            return []
        async with self.context.transaction() as connection:
            return await leases.due(connection, self.every)

    async def run(self, store_id: int) -> ImportTotals | None:
        """Read one store; None where somebody else is at it, or just was.

        Raises NotAvailable while the database is away; Walmart's trouble ends the run politely.
        """
        async with self.context.transaction() as connection:
            token = self.context.new_id(store_id)
            run = await leases.begin(connection, store_id, token, self.every)
        if run is None:
            return None
        leased = LeasedReader(self.context, self.breaker, store_id, run, self.page_size)
        tally = leased.tally
        try:
            await self._read(run, leased)
        except LeaseLost as error:
            tally.stopped = str(error)
            return tally
        except NotAvailable:
            raise
        except OrderError as error:
            tally.stopped = str(error)
        async with self.context.transaction() as connection:
            tally.missed = await webhook_inbox.missed(connection, store_id, self.grace)
            await leases.end(connection, run, tally)
        return tally

    async def _read(self, run: ImportRun, leased: LeasedReader) -> None:
        account = await self.context.account(run.store_id)
        orders = [
            each(leased, account)
            for each in (ReleasedOrders, ChangedOrders, WalmartFulfilledOrders)
        ]
        returns = ChangedReturns(leased, account)
        whole = await self._in_turns(
            [*orders, returns, PostponedOrders(leased, account)], leased.tally
        )
        leased.tally.whole_orders = all(each in whole for each in orders)
        leased.tally.whole_returns = returns in whole

    async def _in_turns(
        self, steps: Sequence[_StepReader], tally: ImportTotals
    ) -> list[_StepReader]:
        """A step of each again and again; answers those that came to their end."""
        clock = asyncio.get_running_loop().time
        end = clock() + self.turn
        going, whole = dict.fromkeys(steps, 0.0), list[_StepReader]()
        while going:
            for each in [each for each, at in going.items() if at <= clock()]:
                wait = await self._step(each, tally)
                if isinstance(wait, _ListEnd):
                    del going[each]
                    whole.extend([each] if wait is _ListEnd.WHOLE else [])
                else:
                    going[each] = clock() + wait
            if going and clock() >= end:
                # Others wait; each of its lists has come on by a step at least.
                tally.resume_in = 0.0
                return whole
            await asyncio.sleep(max(min(going.values(), default=0.0) - clock(), 0.0))
        return whole

    async def _step(self, each: _StepReader, tally: ImportTotals) -> float | _ListEnd:
        """A step; answers in how many seconds the next may be made, or how it ended."""
        try:
            return 0.0 if await each.step() else _ListEnd.WHOLE
        except LanePaused as paused:
            left = max(paused.left.total_seconds(), 0.0)
            if left <= self.patience:
                return left
            tally.resume_in = min(left, tally.resume_in or left)
            why, by_page = str(paused), False
        except errors.Throttled:
            # Its lane says for how long.
            return 0.0
        except errors.WalmartError as error:
            why, by_page = f"Walmart cannot be asked on: {error}", False
        except (LeaseLost, OrderError):
            raise
        except Exception as error:  # noqa: BLE001 - logged; other lists go on
            _log.exception("list_not_read")
            why, by_page = f"Waybill met a fault of its own: {type(error).__name__}.", True
        tally.stopped = tally.stopped or why
        await each.stopped(why, by_page=by_page)
        return _ListEnd.STOPPED
