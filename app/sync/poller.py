"""The poller: claim what is due, deliver it with bounded concurrency, record, wait or stop.

Any number of pollers work on one database and share nothing else. A claim is never larger
than the free slots, so that every lease begins with its delivery.
"""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

import structlog

from app.commerce.client import CommerceClient
from app.intake.desk import Desk
from app.orders.errors import NotAvailable
from app.orders.lane import Breaker, Endpoint
from app.outbound.messenger import Messenger
from app.storage import claims
from app.storage.claims import Terms
from app.storage.database import Database
from app.storage.vault import Vault
from app.sync import deliveries
from app.sync.backoff import Policy
from app.sync.claiming import Claiming
from app.sync.deliveries import Deliveries
from app.sync.importer import Importer
from app.sync.pulse import Pulse
from app.sync.recorder import Recorder
from app.sync.telling import Telling
from app.sync.turns import Turns
from app.sync.upkeep import Upkeep
from app.walmart.client import WalmartClient

_log = structlog.get_logger(__name__)
_AFTER_TROUBLE = 1.0
# Seconds between two looks while there is other work; a look that takes long is made rarer.
_PACE = 0.02
_LOOKING_SHARE = 4
_log = structlog.get_logger(__name__)


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
    # Own caps, in calls a minute of each store.
    caps: Mapping[Endpoint, float] = field(default_factory=dict)
    ship_by_warning: float = 14_400.0
    reconcile_every: float = 0.0
    # Days; 0 keeps for ever.
    import_every: float = 0.0
    retain_updates: int = 0
    retain_attempts: int = 0
    retain_keys: int = 0
    # Where people reach the API, for links in what they are told.
    public_url: str = ""


@dataclass(slots=True)
class Poller:
    """Delivers updates until it is told to stop.

    heard: set by whoever announces an update (storage/wakeup.py). random is uniform in
    [0, 1); new_id makes an id for a row of a store.
    """

    database: Database
    client: WalmartClient
    commerce: CommerceClient
    vault: Vault
    settings: PollerSettings
    heard: asyncio.Event
    random: Callable[[], float]
    new_id: Callable[[int], UUID]
    monotonic: Callable[[], float]
    # For reconciling, which reads and writes as a use case does.
    desk: Desk | None = None
    # Tells stores' people of errors.
    messenger: Messenger | None = None
    # What tells a liveness probe that the loop turns.
    pulse: Pulse = field(default_factory=lambda: Pulse(time.monotonic))
    _turns: Turns = field(default_factory=Turns)
    # Slots are free again, whose results were written down.
    _freed: asyncio.Event = field(default_factory=asyncio.Event)
    # Something was announced, or written down, since the last look.
    _told: bool = False
    _written: bool = False
    # By the monotonic clock: when something is due, and until when there was a look just now.
    _look_at: float = 0.0
    _paced_until: float = 0.0

    async def run(self, stop: asyncio.Event) -> None:
        """Work until stop is set, then finish what is in flight and write it down."""
        recorder = self._recorder()
        under_way, claiming = self._deliveries(recorder), self._claiming()
        helpers = [
            asyncio.create_task(recorder.run(), name="recorder"),
            asyncio.create_task(self._upkeep().run(), name="upkeep"),
        ]
        try:
            while not stop.is_set():
                self.pulse.beat()
                _raise_if_ended(helpers)
                await self._wait(stop, await self._claim(under_way, claiming))
        finally:
            await under_way.drain(self.settings.drain)
            for helper in helpers:
                helper.cancel()
            await asyncio.gather(*helpers, return_exceptions=True)

    def _recorder(self) -> Recorder:
        return Recorder(
            database=self.database,
            new_id=self.new_id,
            monotonic=self.monotonic,
            give_up_after=self.settings.lease,
            breaker=self.settings.breaker,
        )

    def _deliveries(self, recorder: Recorder) -> Deliveries:
        settings = self.settings
        return Deliveries(
            database=self.database,
            client=self.client,
            commerce=self.commerce,
            recorder=recorder,
            terms=deliveries.Terms(
                settings.name, settings.lease, settings.timeout, settings.policy
            ),
            random=self.random,
            new_id=self.new_id,
            monotonic=self.monotonic,
            freed=self._freed.set,
        )

    def _upkeep(self) -> Upkeep:
        return Upkeep(
            database=self.database,
            interval=self.settings.poll_interval,
            ship_by_warning=self.settings.ship_by_warning,
            reconcile_every=self.settings.reconcile_every,
            desk=self.desk,
            importer=self._importer(),
            random=self.random,
            new_id=self.new_id,
            wake=self.heard.set,
            retain_updates=self.settings.retain_updates,
            retain_attempts=self.settings.retain_attempts,
            retain_keys=self.settings.retain_keys,
            telling=self._telling(),
        )

    def _telling(self) -> Telling | None:
        if self.desk is None or self.messenger is None:
            return None
        return Telling(self.desk, self.messenger, self.settings.public_url)

    def _importer(self) -> Importer | None:
        if self.desk is None:
            return None
        return Importer(self.desk, self.settings.breaker, self.settings.import_every)

    def _claiming(self) -> Claiming:
        settings = self.settings
        return Claiming(
            database=self.database,
            vault=self.vault,
            terms=Terms(settings.name, settings.lease, settings.timeout, settings.caps),
            breaker=settings.breaker,
            new_id=self.new_id,
            monotonic=self.monotonic,
        )

    async def _claim(self, under_way: Deliveries, claiming: Claiming) -> float:
        """Claim from one store, if any may take more; answers how long to wait before the next."""
        try:
            return await self._next(under_way, claiming)
        except NotAvailable as error:
            _log.warning("claiming_failed", error=str(error))
        except Exception:  # noqa: BLE001 - logged; the loop must live on
            # One bad round must not end the process that everything else waits for.
            _log.exception("claiming_failed")
        # Whatever it knew may be wrong now.
        self._look_at = self.monotonic() + _AFTER_TROUBLE
        self._turns = Turns()
        return _AFTER_TROUBLE

    async def _next(self, under_way: Deliveries, claiming: Claiming) -> float:
        slots = under_way.slots(self.settings.concurrency)
        if slots.free <= 0:
            # Whoever ends says so.
            return self.settings.poll_interval
        turn = self._turns.next(slots)
        if self.monotonic() >= self._may_look_at(busy=turn is not None):
            await self._look()
            turn = self._turns.next(slots)
        if turn is None:
            until = self._may_look_at(busy=False)
            if not slots.stuck:
                until = min(until, under_way.stuck_at)
            return max(until - self.monotonic(), 0.0)
        taken = await claiming.claim(turn.groups, turn.share)
        for update, about in taken.going:
            under_way.start(update, about, taken.at)
        self._turns.took(turn, taken.updates)
        if taken.again_in is not None:
            self._look_at = min(self._look_at, self.monotonic() + taken.again_in)
        return 0.0

    def _may_look_at(self, *, busy: bool) -> float:
        """When to look for what is due, by the monotonic clock.

        At once where something was announced; while there are stores to claim from, or where only
        results were written, which may have made something due, not again and again.
        """
        at = self._look_at
        if self._told:
            at = min(at, self._paced_until if busy else 0.0)
        if self._written:
            at = min(at, self._paced_until)
        return at

    async def _look(self) -> None:
        self._told = self._written = False
        began = self.monotonic()
        found = await claims.due(self.database.direct)
        ended = self.monotonic()
        self._paced_until = ended + max(_PACE, (ended - began) * _LOOKING_SHARE)
        self._look_at = ended + min(self._turns.found(found), self.settings.poll_interval)

    async def _wait(self, stop: asyncio.Event, wait: float) -> None:
        if wait <= 0:
            await asyncio.sleep(0)
        else:
            events = (self.heard, self._freed, stop)
            waiting = [asyncio.ensure_future(each.wait()) for each in events]
            await asyncio.wait(waiting, timeout=wait, return_when=asyncio.FIRST_COMPLETED)
            for each in waiting:
                each.cancel()
        self._told |= _taken(self.heard)
        self._written |= _taken(self._freed)


def _taken(event: asyncio.Event) -> bool:
    """Whether an event has happened; it may happen anew."""
    happened = event.is_set()
    event.clear()
    return happened


def _raise_if_ended(helpers: Sequence[asyncio.Task[None]]) -> None:
    """Without its recorder a poller only fills up: better that it ends, and is started anew."""
    for helper in helpers:
        if helper.done():
            helper.result()
