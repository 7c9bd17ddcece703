"""The dispatcher: finds due updates, claims them for free slots, and hands them to the executor.

A claim takes no more updates than the store has free slots, so that a lease begins with its
delivery. An update that a NOTIFY names is claimed without a query for due updates.
"""

import asyncio
import secrets
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import chain

import structlog

from app.domain.errors import NotAvailable
from app.domain.outbox.due_group import SlotKey
from app.domain.outbox.fair_scheduler import (
    CLAIM_STORES,
    MAX_COOLDOWN,
    RESERVE,
    FairScheduler,
    SlotBudget,
    Turn,
)
from app.domain.outbox.rate_limits import Endpoint
from app.storage.outbox import due
from app.storage.outbox.claims import ClaimRequest
from app.storage.outbox.notify import WakeSignal
from app.storage.postgres import surveys
from app.storage.postgres.database import Database
from app.storage.postgres.surveys import SurveyKind
from app.worker.claimer import ClaimedBatch, Claimer
from app.worker.executor import Executor
from app.worker.query_pacer import QueryPacer

# Claims in flight at once, of different stores: quick ones, and those that may take long.
CLAIMS, LONG_CLAIMS = 2, 4
# Seconds until a claim that another poller won is tried again: at first, and at most.
_LOST, _LOST_MOST = 0.01, 0.5
_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Dispatcher:
    """Keeps a poller's slots filled. All times are of the monotonic clock."""

    database: Database
    claimer: Claimer
    executor: Executor
    wake_signal: WakeSignal
    """Due updates that were announced by NOTIFY."""
    concurrency: int
    """Number of slots."""
    pacer: QueryPacer
    monotonic: Callable[[], float]
    _batch_size: int = 0
    """Stores of one claim. 0 means that it is not known yet; then it is one."""
    _scheduler: FairScheduler = field(
        default_factory=lambda: FairScheduler(secrets.randbits(32) or 1)
    )
    _claims: dict[asyncio.Task[None], Sequence[Turn]] = field(default_factory=dict)
    _lost: Counter[SlotKey] = field(default_factory=Counter)
    """Claims of a store in a row that another poller won."""
    _retries: set[asyncio.TimerHandle] = field(default_factory=set)
    """Timers of claims that are tried again."""
    _ended: int = 0
    """Number of deliveries that were recorded."""

    def slot_freed(self) -> None:
        """Note that a slot is free."""
        if self._scheduler:
            self.wake_signal.poke()

    def delivery_recorded(self) -> None:
        """Note that a delivery was recorded."""
        self.pacer.delivery_ended()
        self._ended += 1
        self.wake_signal.poke()

    def may_be_due(self) -> None:
        """Note that a recorded result may have made an update due."""
        self.pacer.recorded = True
        self.wake_signal.poke()

    @property
    def held_up(self) -> bool:
        """Whether due updates wait for a delivery in flight to end."""
        return self.pacer.held_back or (bool(self._scheduler) and not self._claims)

    async def run(self, stop: asyncio.Event, check: Callable[[], None]) -> None:
        """Work until stop is set; claims in flight then end, and their deliveries begin.

        check is called each round. It raises to end the poller.
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
        """Claim for the free slots; returns the seconds to wait if nothing happens."""
        hints, anything = self.wake_signal.take()
        if anything:
            self.pacer.anything = True
            self._scheduler.clear_cooldowns()
        for store_id, kind in hints:
            self._scheduler.announce(store_id, kind)
        if self.monotonic() >= self._query_at(self._slots()):
            await self._find_due()
        while turns := self._next_turns():
            self._begin(turns)
        slots = self._slots()
        if slots.free <= 0:
            # The end of a delivery wakes the loop.
            return self.pacer.poll_interval
        until = self._query_at(slots)
        if not slots.stuck:
            until = min(until, self._stuck_at())
        return max(until - self.monotonic(), 0.0)

    def _next_turns(self) -> list[Turn]:
        """The stores that claim next in one statement, if any may."""
        if not self._scheduler:
            return []
        alone = sum(turns[0].slow for turns in self._claims.values())
        together = len(self._claims) - alone
        return self._scheduler.batch(
            self._slots(),
            max(self._batch_size, 1),
            fast=together < CLAIMS,
            slow=alone < LONG_CLAIMS,
        )

    def _slots(self) -> SlotBudget:
        """Slots in use, including those that claims in flight may fill and late results keep."""
        busy = Counter(self.executor.busy)
        for turn in chain.from_iterable(self._claims.values()):
            busy[turn.key] += turn.share
        return SlotBudget.of(
            self.concurrency,
            busy,
            late=self.executor.late,
            stuck=self.monotonic() >= self._stuck_at(),
        )

    def _stuck_at(self) -> float:
        """When half of the slots that all stores share have been in use for long."""
        return self.executor.stuck_at((self.concurrency - self.concurrency // RESERVE + 1) // 2)

    def _begin(self, turns: Sequence[Turn]) -> None:
        for turn in turns:
            self._scheduler.begin(turn)
        claim = asyncio.create_task(self._claim(turns))
        self._claims[claim] = turns

        def ended(claim: asyncio.Task[None]) -> None:
            del self._claims[claim]
            self.wake_signal.poke()

        claim.add_done_callback(ended)

    async def _claim(self, turns: Sequence[Turn]) -> None:
        ended = self._ended
        batches: Sequence[ClaimedBatch] = [ClaimedBatch()] * len(turns)
        try:
            requests = [ClaimRequest(each.groups, each.share) for each in turns]
            sharded = await self.database.is_sharded()
            batches = await self.claimer.claim(requests, sharded=sharded)
        except Exception as error:  # noqa: BLE001 - logged; the loop goes on
            self._back_off(error)
        claimed = list(zip(turns, batches, strict=True))
        # Stores with an unreadable secret come last: pausing them must not delay the others.
        # mutation: unreadable-secret-in-claim
        for turn, batch in sorted(claimed, key=lambda each: each[1].unreadable):
            if batch.unreadable:
                await self._pause(turn)
            self._deliver(turn, batch, ended)

    async def _pause(self, turn: Turn) -> None:
        """Pause a store with a secret that cannot be decrypted."""
        try:
            await self.claimer.pause(turn.key[0], Endpoint.ALL)
        except Exception as error:  # noqa: BLE001 - logged; the next claim finds the store again
            self._back_off(error)

    def _deliver(self, turn: Turn, batch: ClaimedBatch, ended: int) -> None:
        """Start the deliveries of a claim. ended: deliveries recorded when it began."""
        for update, data in batch.deliveries:
            self.executor.start(update, data)
        self.pacer.held_back |= batch.held_back
        cooldown_until = None
        if batch.again_in is not None:
            again_at = self.monotonic() + batch.again_in
            self.pacer.query_by(again_at)
            cooldown_until = min(again_at, self.monotonic() + MAX_COOLDOWN)
        elif batch.held_back and self._ended != ended:
            # The delivery that the rate limit waits for may have been recorded during the claim.
            self.pacer.recorded = True
        self._scheduler.end(turn, batch.updates, cooldown_until=cooldown_until)
        if batch.elsewhere:
            # mutation: claim-conflict-retry
            self._retry(turn)
        else:
            self._lost.pop(turn.key, None)

    def _retry(self, turn: Turn) -> None:
        """Claim of a store again soon, with exponential backoff while other pollers win."""
        delay = min(_LOST * 2.0 ** min(self._lost[turn.key], 10), _LOST_MOST)
        self._lost[turn.key] += 1
        loop = asyncio.get_running_loop()
        retry: list[asyncio.TimerHandle] = []

        def again() -> None:
            self._retries.difference_update(retry)
            self._scheduler.requeue(turn)
            self.wake_signal.poke()

        retry.append(loop.call_later(delay, again))
        self._retries.update(retry)

    def _query_at(self, slots: SlotBudget) -> float:
        claimable = self.pacer.anything and self._scheduler.next(slots) is not None
        return self.pacer.next_at(claimable=claimable)

    async def _find_due(self) -> None:
        try:
            if not await self._at_turn():
                return
            began = self.pacer.begin()
            sharded = await self.database.is_sharded()
            # mutation: sharded-due-query
            found = await due.groups(self.database.by_key, sharded=sharded)
            if not self._batch_size:
                # Own caps are enforced in claims of one store (storage/outbox/claims.py).
                self._batch_size = 1 if sharded or self.claimer.settings.caps else CLAIM_STORES
        except Exception as error:  # noqa: BLE001 - logged; the loop goes on
            self._back_off(error)
            return
        ended = self.monotonic()
        self.pacer.end(began, ended, self._scheduler.set_due(found, ended))

    async def _at_turn(self) -> bool:
        """Whether all shards may be asked now. False: a turn is taken, and claims go on."""
        if self.pacer.turn_at is None:
            wait = await surveys.reserve(self.database, SurveyKind.DUE)
            self.pacer.turn_at = self.monotonic() + wait
        return self.monotonic() >= self.pacer.turn_at

    def _back_off(self, error: Exception) -> None:
        """Log an error, and query again after a pause: one failed round does not end the poller."""
        if isinstance(error, NotAvailable):
            _log.warning("claiming_failed", error=str(error))
        else:
            _log.error("claiming_failed", exc_info=error)
        self.pacer.back_off()

    async def _wait(self, wait: float) -> None:
        if wait <= 0:
            await asyncio.sleep(0)
            return
        timer = asyncio.get_running_loop().call_later(wait, self.wake_signal.poke)
        await self.wake_signal.wait()
        timer.cancel()
