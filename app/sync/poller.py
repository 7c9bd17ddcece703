"""The poller: claim what is due, deliver it with bounded concurrency, record, wait or stop.

Any number of pollers work on one database and share nothing else. A claim is never larger
than the free slots, so that every lease begins with its delivery.
"""

import asyncio
import contextlib
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

import structlog

from app.orders.errors import NotAvailable
from app.orders.lane import Breaker, Endpoint, News
from app.orders.order import Order
from app.orders.outcome import Outcome, Pause
from app.storage import claims, deadlines, lanes, orders, rescue, stores, updates
from app.storage.claims import Group, Terms
from app.storage.database import Database
from app.storage.recording import Attempt, Result
from app.storage.updates import Claimed
from app.storage.vault import CannotDecrypt, Vault
from app.sync import backoff, delivery, evidence, traffic
from app.sync.backoff import Policy
from app.sync.errand import Errand
from app.sync.recorder import Recorder
from app.walmart.account import Account
from app.walmart.client import WalmartClient

# Stores share the slots; none has more than this, or two fifths of them, under way at once.
FAIR_SHARE = 20
UNREADABLE_PAUSE = timedelta(seconds=60)
_AFTER_TROUBLE = 1.0
_log = structlog.get_logger(__name__)


class Observer(Protocol):
    """Who wants to know about deliveries: metrics."""

    def delivered(self, kind: str, verdict: str, lag: float) -> None:
        """A delivery ended, lag seconds after its update was accepted."""


class Nobody:
    """An observer that does not care."""

    def delivered(self, kind: str, verdict: str, lag: float) -> None:
        """Take no notice."""


@dataclass(frozen=True, slots=True)
class PollerSettings:
    """How a poller works.

    Seconds: lease of a claim, Walmart's time-out, the safety-net poll; before its ship-by time
    an order is warned of so long. After a stop, deliveries in flight have drain seconds to end.
    """

    name: str
    concurrency: int = 50
    lease: float = 90.0
    timeout: float = 30.0
    poll_interval: float = 5.0
    drain: float = 60.0
    policy: Policy = field(default_factory=Policy)
    breaker: Breaker = field(default_factory=Breaker)
    ship_by_warning: float = 14_400.0


@dataclass(slots=True)
class Poller:
    """Delivers updates until it is told to stop.

    heard: set by whoever announces an update (storage/wakeup.py). random is uniform in
    [0, 1); new_id makes an id for a row of a store.
    """

    database: Database
    client: WalmartClient
    vault: Vault
    settings: PollerSettings
    heard: asyncio.Event
    random: Callable[[], float]
    new_id: Callable[[int], UUID]
    monotonic: Callable[[], float]
    observer: Observer = field(default_factory=Nobody)
    _running: set[asyncio.Task[None]] = field(default_factory=set)
    # Deliveries under way by store; a store without one is not in it.
    _busy: Counter[int] = field(default_factory=Counter)
    _stopping: bool = False
    _round: int = 0

    async def run(self, stop: asyncio.Event) -> None:
        """Work until stop is set, then finish what is in flight and write it down."""
        recorder = Recorder(
            database=self.database,
            new_id=self.new_id,
            monotonic=self.monotonic,
            give_up_after=self.settings.lease,
            flushed=self.heard.set,
            breaker=self.settings.breaker,
        )
        helpers = [
            asyncio.create_task(recorder.run(), name="recorder"),
            asyncio.create_task(self._rescue_for_ever(), name="rescuer"),
            asyncio.create_task(self._watch_deadlines(), name="ship-by clock"),
        ]
        try:
            while not stop.is_set():
                self.heard.clear()
                wait = await self._look(recorder)
                await self._wait(stop, wait)
        finally:
            self._stopping = True
            await self._drain()
            for helper in helpers:
                helper.cancel()
            await asyncio.gather(*helpers, return_exceptions=True)

    async def _look(self, recorder: Recorder) -> float:
        """Claim what the free slots allow; answers how long to wait before the next look."""
        free = self.settings.concurrency - len(self._running)
        if free <= 0:
            return self.settings.poll_interval
        try:
            return await self._claim(free, recorder)
        except NotAvailable as error:
            _log.warning("claiming_failed", error=str(error))
        except Exception:  # noqa: BLE001 - logged; the loop must live on
            # One bad round must not end the process that everything else waits for.
            _log.exception("claiming_failed")
        return _AFTER_TROUBLE

    async def _claim(self, free: int, recorder: Recorder) -> float:
        async with self.database.begin() as connection:
            found = await claims.due(connection)
        waits = [group.due_in for group in found if group.due_in > 0]
        ready: dict[int, list[Group]] = defaultdict(list)
        for group in sorted(found, key=lambda each: each.due_in):
            if group.due_in <= 0:
                ready[group.store_id].append(group)
        for store_id in self._in_turn(sorted(ready)):
            if free <= 0:
                break
            share = self._share(store_id, free, others=len(ready) > 1)
            if share <= 0:
                continue
            taken, again_in = await self._claim_or_pause(ready[store_id], share, recorder)
            free -= taken
            if taken == share:
                # It may have more, which waits only for a slot.
                waits.append(0.0)
            elif again_in is not None:
                waits.append(again_in)
        if free <= 0:
            return self.settings.poll_interval
        return min([*waits, self.settings.poll_interval])

    def _share(self, store_id: int, free: int, *, others: bool) -> int:
        """How many slots a store may take: never all, whatever it has due and however it hangs."""
        fair = max(1, min(FAIR_SHARE, self.settings.concurrency * 2 // 5))
        left = max(1, free // 2) if others else free
        return min(fair - self._busy[store_id], left)

    def _in_turn(self, ready: Sequence[int]) -> Sequence[int]:
        """Begin with another store each round, so that none is always last."""
        self._round += 1
        first = self._round % len(ready) if ready else 0
        return [*ready[first:], *ready[:first]]

    async def _claim_or_pause(
        self, groups: Sequence[Group], share: int, recorder: Recorder
    ) -> tuple[int, float | None]:
        """A store whose secret nobody can read waits by itself; the others go on."""
        try:
            return await self._claim_from(groups, share, recorder)
        except CannotDecrypt as error:
            store_id = groups[0].store_id
            at = await self._now()
            pause = Pause(Endpoint.ALL, "secret_unreadable", UNREADABLE_PAUSE)
            news = News(store_id, Endpoint.ALL, at, at, answered=False, pause=pause)
            async with self.database.begin() as connection:
                stopped = await lanes.record(connection, [news], self.settings.breaker)
            if stopped:
                _log.error("store_paused", store_id=store_id, error=str(error))
            return 0, None

    async def _now(self) -> datetime:
        async with self.database.begin() as connection:
            return await lanes.now(connection)

    async def _claim_from(
        self, groups: Sequence[Group], share: int, recorder: Recorder
    ) -> tuple[int, float | None]:
        store_id = groups[0].store_id
        async with self.database.begin() as connection:
            claim = await claims.claim(
                connection, groups, limit=share, token=self.new_id(store_id), terms=self._terms
            )
            # Read after the database's clock, so that our idea of its time is never ahead.
            at = self.monotonic()
            if not claim.updates:
                return 0, claim.again_in
            opened = await stores.credentials(connection, store_id, self.vault)
            named = [update.order_id for update in claim.updates if update.order_id is not None]
            known = await orders.load_many(connection, store_id, named)
        account = Account(store_id, opened.client_id, opened.client_secret, opened.market)
        for update in claim.updates:
            order = known[update.order_id] if update.order_id else None
            if order is not None:
                self._start(self._errand(update, order, account, at), recorder)
        return len(claim.updates), claim.again_in

    @property
    def _terms(self) -> Terms:
        return Terms(self.settings.name, self.settings.lease, self.settings.timeout)

    def _errand(self, update: Claimed, order: Order, account: Account, at: float) -> Errand:
        return Errand(
            update=update,
            order=order,
            account=account,
            client=self.client,
            policy=self.settings.policy,
            lease=self.settings.lease,
            timeout=self.settings.timeout,
            monotonic=self.monotonic,
            claimed_monotonic=at,
            renew=lambda: self._renew(update),
            stopping=lambda: self._stopping,
        )

    async def _renew(self, update: Claimed) -> bool:
        try:
            async with self.database.begin() as connection:
                return await updates.renew(connection, update, self.settings.lease)
        except NotAvailable:
            return False

    def _start(self, errand: Errand, recorder: Recorder) -> None:
        store_id = errand.update.store_id
        task = asyncio.create_task(self._deliver(errand, recorder))
        self._running.add(task)
        self._busy[store_id] += 1

        def ended(task: asyncio.Task[None]) -> None:
            self._running.discard(task)
            self._busy -= Counter([store_id])

        task.add_done_callback(ended)

    async def _deliver(self, errand: Errand, recorder: Recorder) -> None:
        started = errand.now()
        try:
            outcome = await delivery.deliver(errand)
        except Exception:  # noqa: BLE001 - logged; the loop must live on
            # The lease ends by itself, and the update is read before it is sent again.
            _log.exception("delivery_failed", update_id=str(errand.update.id))
            return
        result = self._judged(errand, outcome, started)
        await recorder.write(result)
        lag = (result.attempt.ended_at - errand.update.created_at).total_seconds()
        self.observer.delivered(errand.update.kind.value, result.attempt.verdict, lag)
        _log.info(
            "delivered",
            update_id=str(errand.update.id),
            kind=errand.update.kind.value,
            verdict=result.attempt.verdict,
            attempt=errand.update.attempts,
            detail=result.attempt.detail,
        )

    def _judged(self, errand: Errand, outcome: Outcome, started: datetime) -> Result:
        ended = errand.now()
        update, policy = errand.update, self.settings.policy
        return Result(
            update=update,
            step=backoff.next_step(update, outcome, policy, now=ended, jitter=self.random()),
            attempt=Attempt(
                id=self.new_id(update.store_id),
                poller=self.settings.name,
                started_at=started,
                ended_at=ended,
                verdict=evidence.verdict(outcome),
                detail=evidence.detail(outcome),
                calls=[evidence.call_json(call) for call in errand.calls],
            ),
            snapshot=evidence.snapshot(outcome),
            news=list(traffic.news(update.store_id, errand.calls, evidence.pause(outcome), ended)),
        )

    async def _rescue_for_ever(self) -> None:
        """Take back what pollers held that stopped answering."""
        while True:
            try:
                if await rescue.take_back(self.database, self.new_id):
                    self.heard.set()
            except NotAvailable as error:
                _log.warning("rescue_failed", error=str(error))
            except Exception:  # noqa: BLE001 - logged; the loop must live on
                _log.exception("rescue_failed")
            await asyncio.sleep(self.settings.poll_interval * (0.5 + self.random()))

    async def _watch_deadlines(self) -> None:
        """Mark orders that must leave soon."""
        while True:
            marked = 0
            try:
                marked = await deadlines.mark(
                    self.database, self.settings.ship_by_warning, self.new_id
                )
            except NotAvailable as error:
                _log.warning("ship_by_clock_waits", error=str(error))
            except Exception:  # noqa: BLE001 - logged; the loop must live on
                _log.exception("ship_by_clock_failed")
            if marked < deadlines.BATCH:
                await asyncio.sleep(self.settings.poll_interval * (1.0 + self.random()))

    async def _wait(self, stop: asyncio.Event, wait: float) -> None:
        if wait <= 0:
            await asyncio.sleep(0)
            return
        waiting = [asyncio.ensure_future(self.heard.wait()), asyncio.ensure_future(stop.wait())]
        await asyncio.wait(waiting, timeout=wait, return_when=asyncio.FIRST_COMPLETED)
        for each in waiting:
            each.cancel()

    async def _drain(self) -> None:
        """Let deliveries in flight end; what does not is found again when its lease ends."""
        if not self._running:
            return
        _, late = await asyncio.wait(self._running, timeout=self.settings.drain)
        for task in late:
            task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(*late, return_exceptions=True)
