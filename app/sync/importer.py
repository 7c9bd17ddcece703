"""Orders that Walmart has and we have not, and what changed there: read per store, in turn.

A run reads each of the store's lists on from where the last one came to (`app/sync/lists.py`),
a step of each in turn, so that none waits for the end of another. A short pause of Walmart's is
waited out, a longer one ends the run until it is over, and so does the end of the store's turn:
nothing that was read is read again.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from app.intake.desk import Desk
from app.orders.errors import NotAvailable, OrderError
from app.orders.lane import Breaker
from app.storage import imports, webhooks
from app.storage.imports import Run, Tally
from app.sync.gate import Paused
from app.sync.leased import Leased, LeaseLost
from app.sync.lists import Again, ByWalmart, Changed, Released, Returned
from app.walmart import errors

# Seconds of one turn of a store; then those that wait come first, and it goes on after them.
TURN = 60.0
# Seconds of a pause of Walmart's that a run waits out.
PATIENCE = 10.0


class _Steps(Protocol):
    """What is read step by step."""

    async def step(self) -> bool: ...

    async def stopped(self, why: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Importer:
    """Reads the orders of stores. every: seconds between two runs of a store, 0 for none.

    Seconds: turn: of a run, more or less; patience: of a pause that it waits out; grace: in which
    Walmart has to announce what was found without it. page_size: None for Walmart's most.
    """

    desk: Desk
    breaker: Breaker
    every: float
    turn: float = TURN
    patience: float = PATIENCE
    grace: float = webhooks.GRACE
    page_size: int | None = None

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
        leased = Leased(self.desk, self.breaker, store_id, run, self.page_size)
        tally = leased.tally
        try:
            await self._read(run, leased)
        except NotAvailable:
            raise
        except OrderError as error:
            tally.stopped = str(error)
            if isinstance(error, LeaseLost):
                return tally
        async with self.desk.transaction() as connection:
            tally.missed = await webhooks.missed(connection, store_id, self.grace)
            await imports.end(connection, run, tally)
        return tally

    async def _read(self, run: Run, leased: Leased) -> None:
        account = await self.desk.account(run.store_id)
        orders = [each(leased, account) for each in (Released, Changed, ByWalmart)]
        returns = Returned(leased, account)
        whole = await self._in_turns([*orders, returns, Again(leased, account)], leased.tally)
        leased.tally.whole_orders = all(each in whole for each in orders)
        leased.tally.whole_returns = returns in whole

    async def _in_turns(self, steps: Sequence[_Steps], tally: Tally) -> list[_Steps]:
        """A step of each again and again; answers those that came to their end."""
        clock = asyncio.get_running_loop().time
        end = clock() + self.turn
        going, whole = dict.fromkeys(steps, 0.0), list[_Steps]()
        while going:
            for each in [each for each, at in going.items() if at <= clock()]:
                try:
                    if not await each.step():
                        whole.append(each)
                        del going[each]
                except Paused as paused:
                    left = max(paused.left.total_seconds(), 0.0)
                    if left <= self.patience:
                        going[each] = clock() + left
                        continue
                    tally.resume_in = min(left, tally.resume_in or left)
                    await self._stop(each, going, tally, paused)
                except errors.Throttled:
                    # Its lane says for how long.
                    continue
                except errors.WalmartError as error:
                    await self._stop(each, going, tally, error)
            if going and clock() >= end:
                # Others wait; each of its lists has come on by a step at least.
                tally.resume_in = 0.0
                return whole
            await asyncio.sleep(max(min(going.values(), default=0.0) - clock(), 0.0))
        return whole

    async def _stop(
        self, each: _Steps, going: dict[_Steps, float], tally: Tally, error: Exception
    ) -> None:
        del going[each]
        tally.stopped = tally.stopped or (
            str(error) if isinstance(error, Paused) else f"Walmart cannot be asked on: {error}"
        )
        await each.stopped(str(error))
