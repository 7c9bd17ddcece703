"""From what is due to deliveries: looks, claims of several stores at once, free slots.

A claim is never larger than the slots that are free for its store, so that every lease begins
with its delivery. What an announcement names is claimed without a look.
"""

import asyncio
import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import structlog

from app.orders.errors import NotAvailable
from app.storage import claims
from app.storage.database import Database
from app.storage.wakeup import Heard
from app.sync.claiming import Claiming
from app.sync.deliveries import Deliveries
from app.sync.turns import LONGEST_REST, RESERVE, Slots, Turn, Turns

# Claims under way at once, each of another store and on a connection of its own.
CLAIMS = 4
# Seconds between two looks while there is other work; a look that takes long is made rarer.
PACE = 0.02
_LOOKING_SHARE = 4
_AFTER_TROUBLE = 1.0
_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Dispatch:
    """Keeps a poller's slots filled.

    heard: what was announced. Seconds: poll_interval between two looks when nothing is; all
    times are of the monotonic clock. check is called each round, and raises where the poller has
    to end.
    """

    database: Database
    claiming: Claiming
    under_way: Deliveries
    heard: Heard
    concurrency: int
    poll_interval: float
    monotonic: Callable[[], float]
    check: Callable[[], None]
    # Slots are free again, or a claim has ended.
    _moved: asyncio.Event = field(default_factory=asyncio.Event)
    _turns: Turns = field(default_factory=Turns)
    _claims: dict[asyncio.Task[None], Turn] = field(default_factory=dict)
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
        self._moved.set()

    def written(self) -> None:
        """Say that what was written down may have made something due."""
        self._written = True
        self._moved.set()

    async def run(self, stop: asyncio.Event) -> None:
        """Work until stop is set; claims under way end then, and their deliveries begin."""
        try:
            while not stop.is_set():
                self.check()
                await self._wait(stop, await self._round())
        finally:
            await asyncio.gather(*self._claims, return_exceptions=True)

    async def _round(self) -> float:
        """Claim what the free slots allow; answers how long to wait if nothing happens."""
        told, anything = self.heard.take()
        if anything:
            self._anything = True
            self._turns.anything()
        for store_id, kind in told:
            self._turns.told(store_id, kind)
        if self.monotonic() >= self._may_look_at(busy=self._turns.next(self._slots()) is not None):
            await self._look()
        while len(self._claims) < CLAIMS and (turn := self._turns.next(self._slots())):
            self._begin(turn)
        slots = self._slots()
        if slots.free <= 0 or len(self._claims) >= CLAIMS:
            # Whatever ends says so.
            return self.poll_interval
        until = self._may_look_at(busy=False)
        if not slots.stuck:
            until = min(until, self._stuck_at())
        return max(until - self.monotonic(), 0.0)

    def _slots(self) -> Slots:
        """Who has slots, those included that claims under way may take."""
        busy = Counter(self.under_way.busy)
        for turn in self._claims.values():
            busy[turn.place] += turn.share
        return Slots.of(self.concurrency, busy, stuck=self.monotonic() >= self._stuck_at())

    def _stuck_at(self) -> float:
        """When half of the slots that all stores may use are held for long."""
        return self.under_way.stuck_at((self.concurrency - self.concurrency // RESERVE + 1) // 2)

    def _begin(self, turn: Turn) -> None:
        self._turns.begin(turn)
        claim = asyncio.create_task(self._claim(turn))
        self._claims[claim] = turn

        def ended(claim: asyncio.Task[None]) -> None:
            del self._claims[claim]
            self._moved.set()

        claim.add_done_callback(ended)

    async def _claim(self, turn: Turn) -> None:
        taken, rest_until, ended = 0, None, self._ended
        try:
            claim = await self.claiming.claim(turn.groups, turn.share)
        except Exception as error:  # noqa: BLE001 - logged; the loop must live on
            self._trouble(error)
        else:
            for update, about in claim.going:
                self.under_way.start(update, about, claim.at)
            taken = claim.updates
            self._held_back |= claim.held_back
            if claim.again_in is not None:
                again_at = self.monotonic() + claim.again_in
                self._look_at = min(self._look_at, again_at)
                rest_until = min(again_at, self.monotonic() + LONGEST_REST)
            elif claim.held_back and self._ended != ended:
                # What the lane waits for may have ended before anybody knew that it does.
                self._written = True
        self._turns.end(turn, taken, rest_until=rest_until)

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
            found = await claims.due(self.database.direct)
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

    async def _wait(self, stop: asyncio.Event, wait: float) -> None:
        if wait <= 0:
            await asyncio.sleep(0)
        else:
            events = (self.heard, self._moved, stop)
            waiting = [asyncio.ensure_future(each.wait()) for each in events]
            await asyncio.wait(waiting, timeout=wait, return_when=asyncio.FIRST_COMPLETED)
            for each in waiting:
                each.cancel()
        self._moved.clear()
