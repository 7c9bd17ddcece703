"""From what is due to deliveries: looks, claims of several stores at once, free slots.

A claim is never larger than the slots that are free for its store, so that every lease begins
with its delivery. What an announcement names is claimed without a look.
"""

import asyncio
import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import chain

import structlog

from app.domain.errors import NotAvailable
from app.domain.outbox.due_group import SlotKey
from app.domain.outbox.fair_scheduler import (
    LONGEST_REST,
    RESERVE,
    TOGETHER,
    FairScheduler,
    SlotBudget,
    Turn,
)
from app.domain.outbox.rate_limits import Endpoint
from app.storage.outbox import due
from app.storage.outbox.claims import ClaimRequest
from app.storage.outbox.notify import WakeSignal
from app.storage.postgres.database import Database
from app.worker.claimer import ClaimedBatch, Claimer
from app.worker.executor import Executor

# Claims under way at once, each of other stores; and of those that may take long.
CLAIMS, LONG_CLAIMS = 2, 4
# Seconds until a store is tried again of which somebody else claimed; doubled each time.
_LOST, _LOST_MOST = 0.01, 0.5
# Seconds between two looks while there is other work; a look that takes long is made rarer.
PACE = 0.02
_LOOKING_SHARE = 4
_AFTER_TROUBLE = 1.0
_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Dispatcher:
    """Keeps a poller's slots filled.

    heard: what was announced. Seconds: poll_interval between two looks when nothing is; all
    times are of the monotonic clock.
    """

    database: Database
    claimer: Claimer
    executor: Executor
    wake_signal: WakeSignal
    concurrency: int
    poll_interval: float
    monotonic: Callable[[], float]
    # Of how many stores a claim may be; 0 while nobody knows if their rows share a server.
    _together: int = 0
    _turns: FairScheduler = field(default_factory=FairScheduler)
    _claims: dict[asyncio.Task[None], Sequence[Turn]] = field(default_factory=dict)
    # How often in a row somebody else was quicker to claim of a store, and when it is tried again.
    _lost: Counter[SlotKey] = field(default_factory=Counter)
    _retries: set[asyncio.TimerHandle] = field(default_factory=set)
    # Since the last look: anything may have become due; only by what was written down here; a
    # lane held back some of a store's.
    _anything: bool = False
    _written: bool = False
    _held_back: bool = False
    # Deliveries that have ended.
    _ended: int = 0
    # When something is due, and until when there was a look just now.
    _look_at: float = 0.0
    _paced_until: float = 0.0

    def freed(self) -> None:
        """Say that a delivery has ended."""
        # The answer may have been what a lane waited for.
        self._written |= self._held_back
        self._ended += 1
        self.wake_signal.poke()

    def written(self) -> None:
        """Say that what was written down may have made something due."""
        self._written = True
        self.wake_signal.poke()

    @property
    def held_up(self) -> bool:
        """Whether something is due that nothing but an end of what is under way lets go."""
        return self._held_back or (bool(self._turns) and not self._claims)

    async def run(self, stop: asyncio.Event, check: Callable[[], None]) -> None:
        """Work until stop is set; claims in flight end then, and their deliveries begin.

        check is called each round, and raises where the poller has to end.
        """
        stopped = asyncio.create_task(stop.wait(), name="stop")
        stopped.add_done_callback(lambda _: self.wake_signal.poke())
        try:
            while not stop.is_set():
                check()
                await self._wait(await self._round())
        finally:
            stopped.cancel()
            for retry in self._retries:
                retry.cancel()
            await asyncio.gather(*self._claims, return_exceptions=True)

    async def _round(self) -> float:
        """Claim what the free slots allow; answers how long to wait if nothing happens."""
        told, anything = self.wake_signal.take()
        if anything:
            self._anything = True
            self._turns.anything()
        for store_id, kind in told:
            self._turns.told(store_id, kind)
        if self.monotonic() >= self._may_look_at(busy=self._turns.next(self._slots()) is not None):
            await self._look()
        while turns := self._next():
            self._begin(turns)
        slots = self._slots()
        if slots.free <= 0:
            # Whatever ends says so.
            return self.poll_interval
        until = self._may_look_at(busy=self._turns.next(slots) is not None)
        if not slots.stuck:
            until = min(until, self._stuck_at())
        return max(until - self.monotonic(), 0.0)

    def _next(self) -> list[Turn]:
        """The stores that claim next, if any may."""
        if not self._turns:
            return []
        alone = sum(turns[0].alone for turns in self._claims.values())
        together = len(self._claims) - alone
        return self._turns.batch(
            self._slots(),
            max(self._together, 1),
            together=together < CLAIMS,
            alone=alone < LONG_CLAIMS,
        )

    def _slots(self) -> SlotBudget:
        """Who has slots, those included that claims under way may take."""
        busy = Counter(self.executor.busy)
        for turn in chain.from_iterable(self._claims.values()):
            busy[turn.place] += turn.share
        return SlotBudget.of(self.concurrency, busy, stuck=self.monotonic() >= self._stuck_at())

    def _stuck_at(self) -> float:
        """When half of the slots that all stores may use are held for long."""
        return self.executor.stuck_at((self.concurrency - self.concurrency // RESERVE + 1) // 2)

    def _begin(self, turns: Sequence[Turn]) -> None:
        for turn in turns:
            self._turns.begin(turn)
        claim = asyncio.create_task(self._claim(turns))
        self._claims[claim] = turns

        def ended(claim: asyncio.Task[None]) -> None:
            del self._claims[claim]
            self.wake_signal.poke()

        claim.add_done_callback(ended)

    async def _claim(self, turns: Sequence[Turn]) -> None:
        ended = self._ended
        found: Sequence[ClaimedBatch] = [ClaimedBatch()] * len(turns)
        try:
            wanted = [ClaimRequest(each.groups, each.share) for each in turns]
            found = await self.claimer.claim(wanted, sharded=self._together == 1)
        except Exception as error:  # noqa: BLE001 - logged; the loop must live on
            self._trouble(error)
        taken = list(zip(turns, found, strict=True))
        # What can go is not kept waiting by a store that cannot.
        for turn, of_store in sorted(taken, key=lambda each: each[1].unreadable):
            if of_store.unreadable:
                await self._stop(turn)
            self._took(turn, of_store, ended)

    async def _stop(self, turn: Turn) -> None:
        """Pause a store whose secret nobody can read."""
        try:
            await self.claimer.pause(turn.place[0], Endpoint.ALL)
        except Exception as error:  # noqa: BLE001 - logged; it is found again
            self._trouble(error)

    def _took(self, turn: Turn, taken: ClaimedBatch, ended: int) -> None:
        """Let go what a claim took of a store; ended: how many deliveries had when it began."""
        for update, about in taken.going:
            self.executor.start(update, about, taken.asked_at, taken.at)
        self._held_back |= taken.held_back
        rest_until = None
        if taken.again_in is not None:
            again_at = self.monotonic() + taken.again_in
            self._look_at = min(self._look_at, again_at)
            rest_until = min(again_at, self.monotonic() + LONGEST_REST)
        elif taken.held_back and self._ended != ended:
            # What the lane waits for may have ended before anybody knew that it does.
            self._written = True
        self._turns.end(turn, taken.updates, rest_until=rest_until)
        if taken.elsewhere:
            self._try_again(turn)
        else:
            self._lost.pop(turn.place, None)

    def _try_again(self, turn: Turn) -> None:
        """Have another turn soon; where somebody holds the store for long, less and less often."""
        delay = min(_LOST * 2.0 ** min(self._lost[turn.place], 10), _LOST_MOST)
        self._lost[turn.place] += 1
        loop = asyncio.get_running_loop()
        retry: list[asyncio.TimerHandle] = []

        def again() -> None:
            self._retries.difference_update(retry)
            self._turns.again(turn)
            self.wake_signal.poke()

        retry.append(loop.call_later(delay, again))
        self._retries.update(retry)

    def _may_look_at(self, *, busy: bool) -> float:
        """When to look for what is due.

        At once where anything may be; while there are stores to claim from, or where only results
        were written, not again and again.
        """
        at = self._look_at
        if self._anything:
            at = min(at, self._paced_until if busy else -math.inf)
        if self._written:
            at = min(at, self._paced_until)
        return at

    async def _look(self) -> None:
        self._anything = self._written = self._held_back = False
        # A claim that ends meanwhile may know of something earlier.
        self._look_at = math.inf
        began = self.monotonic()
        try:
            sharded = await self.database.is_sharded()
            found = await due.groups(self.database.by_key, sharded=sharded)
            if not self._together:
                # Own caps are held beside the counts of claims, of one store in one order.
                self._together = 1 if sharded or self.claimer.settings.caps else TOGETHER
        except Exception as error:  # noqa: BLE001 - logged; the loop must live on
            self._trouble(error)
            return
        ended = self.monotonic()
        self._paced_until = ended + max(PACE, (ended - began) * _LOOKING_SHARE)
        later = min(self._turns.found(found, ended), self.poll_interval)
        self._look_at = min(self._look_at, ended + later)

    def _trouble(self, error: Exception) -> None:
        """One bad round must not end the process that everything else waits for."""
        if isinstance(error, NotAvailable):
            _log.warning("claiming_failed", error=str(error))
        else:
            _log.error("claiming_failed", exc_info=error)
        self._look_at = self._paced_until = self.monotonic() + _AFTER_TROUBLE

    async def _wait(self, wait: float) -> None:
        if wait <= 0:
            await asyncio.sleep(0)
            return
        timer = asyncio.get_running_loop().call_later(wait, self.wake_signal.poke)
        await self.wake_signal.wait()
        timer.cancel()
