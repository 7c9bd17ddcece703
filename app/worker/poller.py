"""The poller: claim what is due, deliver it with bounded concurrency, record, wait or stop.

Any number of pollers work on one database and share nothing else.
"""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from app.commerce.client import CommerceClient
from app.domain.outbox.rate_limits import Breaker, Endpoint
from app.domain.outbox.retry_policy import Policy
from app.http_client.webhook_sender import Messenger
from app.storage.outbox.notify import Heard
from app.storage.outbox.take import Terms
from app.storage.postgres.database import Database
from app.storage.stores.secrets import Vault
from app.usecases.context import Desk
from app.walmart.client import WalmartClient
from app.worker import executor
from app.worker.claimer import Claiming
from app.worker.completer import Recorder
from app.worker.dispatcher import Dispatch
from app.worker.executor import Deliveries
from app.worker.heartbeat import Pulse
from app.worker.importer.importer import Importer
from app.worker.importer.webhook_events import Announcements
from app.worker.maintenance.doubts import Doubts
from app.worker.maintenance.error_notifier import Telling
from app.worker.maintenance.scheduler import Upkeep


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

    heard: told by whoever announces an update (storage/outbox/notify.py). random is uniform in
    [0, 1); new_id makes an id for a row of a store.
    """

    database: Database
    client: WalmartClient
    commerce: CommerceClient
    vault: Vault
    settings: PollerSettings
    heard: Heard
    random: Callable[[], float]
    new_id: Callable[[int], UUID]
    monotonic: Callable[[], float]
    # For reconciling, which reads and writes as a use case does.
    desk: Desk | None = None
    # Tells stores' people of errors.
    messenger: Messenger | None = None
    # What tells a liveness probe that the loop turns.
    pulse: Pulse = field(default_factory=lambda: Pulse(time.monotonic))

    async def run(self, stop: asyncio.Event) -> None:
        """Work until stop is set, then finish what is in flight and write it down."""
        recorder = self._recorder()
        under_way = self._deliveries(recorder)
        helpers = [
            asyncio.create_task(recorder.run(), name="recorder"),
            asyncio.create_task(self._upkeep().run(), name="upkeep"),
        ]
        dispatch = self._dispatch(under_way, helpers)
        recorder.due, under_way.freed = dispatch.written, dispatch.freed
        recorder.waited_for = lambda waiting: waiting >= len(under_way) and dispatch.held_up
        try:
            await dispatch.run(stop)
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
            terms=executor.Terms(settings.name, settings.lease, settings.timeout, settings.policy),
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
            wake=self.heard.tell,
            retain_updates=self.settings.retain_updates,
            retain_attempts=self.settings.retain_attempts,
            retain_keys=self.settings.retain_keys,
            quiet=self.settings.policy.quiet_period,
            announcements=Announcements(self.desk, self.settings.breaker) if self.desk else None,
            doubts=Doubts(self.desk, self.settings.breaker) if self.desk else None,
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

    def _dispatch(self, under_way: Deliveries, helpers: Sequence[asyncio.Task[None]]) -> Dispatch:
        def check() -> None:
            self.pulse.beat()
            _raise_if_ended(helpers)

        return Dispatch(
            database=self.database,
            claiming=self._claiming(),
            under_way=under_way,
            heard=self.heard,
            concurrency=self.settings.concurrency,
            poll_interval=self.settings.poll_interval,
            monotonic=self.monotonic,
            check=check,
        )

    def _claiming(self) -> Claiming:
        settings = self.settings
        return Claiming(
            database=self.database,
            vault=self.vault,
            terms=Terms(
                settings.name,
                settings.lease,
                settings.timeout,
                settings.caps,
                settings.policy.quiet_period,
            ),
            breaker=settings.breaker,
            new_id=self.new_id,
            monotonic=self.monotonic,
        )


def _raise_if_ended(helpers: Sequence[asyncio.Task[None]]) -> None:
    """Without its recorder a poller only fills up: better that it ends, and is started anew."""
    for helper in helpers:
        if helper.done():
            helper.result()
