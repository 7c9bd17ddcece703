"""The poller: claim what is due, deliver it with bounded concurrency, record, wait or stop.

Any number of pollers work on one database and share nothing else. A claim is never larger
than the free slots, so that every lease begins with its delivery.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

import structlog

from app.commerce.client import CommerceClient
from app.commerce.shop import Shop
from app.intake.desk import Desk, shop
from app.orders.errors import NotAvailable
from app.orders.lane import COMMERCE_CALLS, Breaker, Endpoint, News
from app.orders.outcome import Pause
from app.orders.returns import RefundItem, Return
from app.orders.update import TOLD_COMMERCE, Kind
from app.storage import claims, lanes, orders, returns, stock, stores
from app.storage.claims import Group, Place
from app.storage.database import Database
from app.storage.updates import Claimed
from app.storage.vault import CannotDecrypt, Vault
from app.sync import deliveries
from app.sync.backoff import Policy
from app.sync.deliveries import Deliveries, Subject
from app.sync.importer import Importer
from app.sync.pulse import Pulse
from app.sync.recorder import Recorder
from app.sync.upkeep import Upkeep
from app.walmart.account import Account
from app.walmart.client import WalmartClient

# Stores share the slots; none has more than this, or two fifths of them, under way at once.
FAIR_SHARE = 20
# One slot in so many is kept for stores that have fewer than FEW under way.
RESERVE = 4
FEW = 2
# Commerces that hang, of all stores together, never take more than one slot in so many.
COMMERCE_SHARE = 4
UNREADABLE_PAUSE = timedelta(seconds=60)
_AFTER_TROUBLE = 1.0
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


@dataclass(frozen=True, slots=True)
class _Rare:
    """Of some claimed updates: those that a newer one replaced, returns, the store's Commerce."""

    stale: frozenset[UUID] = frozenset()
    returned: Mapping[UUID, tuple[Return, tuple[RefundItem, ...]]] = field(default_factory=dict)
    shop: Shop | None = None


_RARE = TOLD_COMMERCE | {Kind.INVENTORY, Kind.REFUND}


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
    # What tells a liveness probe that the loop turns.
    pulse: Pulse = field(default_factory=lambda: Pulse(time.monotonic))
    _round: int = 0

    async def run(self, stop: asyncio.Event) -> None:
        """Work until stop is set, then finish what is in flight and write it down."""
        recorder = self._recorder()
        under_way = self._deliveries(recorder)
        helpers = [
            asyncio.create_task(recorder.run(), name="recorder"),
            asyncio.create_task(self._upkeep().run(), name="upkeep"),
        ]
        try:
            while not stop.is_set():
                self.pulse.beat()
                _raise_if_ended(helpers)
                self.heard.clear()
                wait = await self._look(under_way)
                await self._wait(stop, wait)
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
            flushed=self.heard.set,
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
        )

    def _importer(self) -> Importer | None:
        if self.desk is None:
            return None
        return Importer(self.desk, self.settings.breaker, self.settings.import_every)

    async def _look(self, under_way: Deliveries) -> float:
        """Claim what the free slots allow; answers how long to wait before the next look."""
        free = self.settings.concurrency - len(under_way)
        if free <= 0:
            return self.settings.poll_interval
        try:
            return await self._claim(free, under_way)
        except NotAvailable as error:
            _log.warning("claiming_failed", error=str(error))
        except Exception:  # noqa: BLE001 - logged; the loop must live on
            # One bad round must not end the process that everything else waits for.
            _log.exception("claiming_failed")
        return _AFTER_TROUBLE

    async def _claim(self, free: int, under_way: Deliveries) -> float:
        found = await claims.due(self.database.direct)
        waits = [group.due_in for group in found if group.due_in > 0]
        ready: dict[Place, list[Group]] = defaultdict(list)
        for group in sorted(found, key=lambda each: each.due_in):
            if group.due_in <= 0:
                ready[group.place].append(group)
        for place in self._in_turn(sorted(ready)):
            if free <= 0:
                break
            self.pulse.beat()
            share = self._share(place, free, under_way, others=len(ready) > 1)
            if share <= 0:
                continue
            taken, again_in = await self._claim_or_pause(ready[place], share, under_way)
            free -= taken
            if taken == share:
                # It may have more, which waits only for a slot.
                waits.append(0.0)
            elif again_in is not None:
                waits.append(again_in)
        if free <= 0:
            return self.settings.poll_interval
        return min([*waits, self.settings.poll_interval])

    def _share(self, place: Place, free: int, under_way: Deliveries, *, others: bool) -> int:
        """How many slots a store may take: never all, whatever it has due and however it hangs."""
        busy = under_way.busy[place]
        if place[1]:
            of_all = max(1, self.settings.concurrency // COMMERCE_SHARE)
            return min(COMMERCE_CALLS - busy, of_all - under_way.telling_commerce, free)
        fair = max(1, min(FAIR_SHARE, self.settings.concurrency * 2 // 5))
        left = max(1, free // 2) if others else free
        # Several that hang at once would fill all slots between them: the last ones are for
        # stores that have next to nothing under way.
        kept = self.settings.concurrency // RESERVE
        unreserved = max(free - kept, FEW - busy)
        return min(fair - busy, left, unreserved)

    def _in_turn(self, ready: Sequence[Place]) -> Sequence[Place]:
        """Begin with another store each round, so that none is always last."""
        self._round += 1
        first = self._round % len(ready) if ready else 0
        return [*ready[first:], *ready[:first]]

    async def _claim_or_pause(
        self, groups: Sequence[Group], share: int, under_way: Deliveries
    ) -> tuple[int, float | None]:
        """A store whose secret nobody can read waits by itself; the others go on."""
        try:
            return await self._claim_from(groups, share, under_way)
        except CannotDecrypt as error:
            await self._pause(groups[0].store_id, error)
            return 0, None

    async def _pause(self, store_id: int, error: CannotDecrypt) -> None:
        pause = Pause(Endpoint.ALL, "secret_unreadable", UNREADABLE_PAUSE)
        async with self.database.begin() as connection:
            at = await lanes.now(connection)
            news = News(store_id, Endpoint.ALL, at, at, answered=False, pause=pause)
            if await lanes.record(connection, [news], self.settings.breaker):
                _log.error("lane_stopped", store_id=store_id, endpoint="*", reason=str(error))

    async def _claim_from(
        self, groups: Sequence[Group], share: int, under_way: Deliveries
    ) -> tuple[int, float | None]:
        store_id = groups[0].store_id
        settings = self.settings
        terms = claims.Terms(settings.name, settings.lease, settings.timeout, settings.caps)
        async with self.database.direct.transaction() as session:
            claim = await claims.claim(
                session, groups, limit=share, token=self.new_id(store_id), terms=terms
            )
            # Read after the database's clock, so that our idea of its time is never ahead.
            at = self.monotonic()
            if not claim.updates:
                return 0, claim.again_in
            opened = await stores.claimed_credentials(session, store_id, self.vault)
            named = [each.order_id for each in claim.updates if each.order_id is not None]
            known = await orders.load_claimed(session, store_id, named)
        account = Account(store_id, opened.client_id, opened.client_secret, opened.market)
        rare = await self._rare(store_id, [u for u in claim.updates if u.kind in _RARE])
        going = [update for update in claim.updates if update.id not in rare.stale]
        for update in going:
            order = known[update.order_id] if update.order_id else None
            about = Subject(account, order, rare.returned.get(update.id), rare.shop)
            under_way.start(update, about, at)
        return len(going), claim.again_in

    async def _rare(self, store_id: int, claimed: Sequence[Claimed]) -> _Rare:
        """What only some kinds of updates need."""
        if not claimed:
            return _Rare()
        levels = [update for update in claimed if update.kind is Kind.INVENTORY]
        refunds = [update.id for update in claimed if update.kind is Kind.REFUND]
        commerce = any(u.kind in TOLD_COMMERCE or stock.asks_commerce(u) for u in claimed)
        async with self.database.begin() as connection:
            stale = await stock.drop_stale(connection, store_id, levels)
            found = await returns.of_refunds(connection, store_id, refunds) if refunds else {}
            access = (
                await stores.commerce_access(connection, store_id, self.vault) if commerce else None
            )
        returned = {each: (known.returned, items) for each, (known, items) in found.items()}
        return _Rare(stale, returned, shop(access))

    async def _wait(self, stop: asyncio.Event, wait: float) -> None:
        if wait <= 0:
            await asyncio.sleep(0)
            return
        waiting = [asyncio.ensure_future(self.heard.wait()), asyncio.ensure_future(stop.wait())]
        await asyncio.wait(waiting, timeout=wait, return_when=asyncio.FIRST_COMPLETED)
        for each in waiting:
            each.cancel()


def _raise_if_ended(helpers: Sequence[asyncio.Task[None]]) -> None:
    """Without its recorder a poller only fills up: better that it ends, and is started anew."""
    for helper in helpers:
        if helper.done():
            helper.result()
