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
from app.domain.outbox.retry_policy import RetryPolicy
from app.http_client.webhook_sender import WebhookSender
from app.storage.outbox.notify import WakeSignal
from app.storage.outbox.take import ClaimSettings
from app.storage.postgres.database import Database
from app.storage.stores.secrets import SecretCipher
from app.usecases.context import AppContext
from app.walmart.client import WalmartClient
from app.worker import executor
from app.worker.claimer import Claimer
from app.worker.completer import Completer
from app.worker.dispatcher import Dispatcher
from app.worker.executor import Executor
from app.worker.heartbeat import Heartbeat
from app.worker.importer.importer import Importer
from app.worker.importer.webhook_events import WebhookEventReader
from app.worker.maintenance.doubts import DoubtResolver
from app.worker.maintenance.error_notifier import ErrorNotifier
from app.worker.maintenance.scheduler import MaintenanceScheduler


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
    policy: RetryPolicy = field(default_factory=RetryPolicy)
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
    cipher: SecretCipher
    settings: PollerSettings
    wake_signal: WakeSignal
    random: Callable[[], float]
    new_id: Callable[[int], UUID]
    monotonic: Callable[[], float]
    # For reconciling, which reads and writes as a use case does.
    context: AppContext | None = None
    # Tells stores' people of errors.
    webhook_sender: WebhookSender | None = None
    # What tells a liveness probe that the loop turns.
    heartbeat: Heartbeat = field(default_factory=lambda: Heartbeat(time.monotonic))

    async def run(self, stop: asyncio.Event) -> None:
        """Work until stop is set, then finish what is in flight and write it down."""
        completer = self._recorder()
        under_way = self._deliveries(completer)
        helpers = [
            asyncio.create_task(completer.run(), name="recorder"),
            asyncio.create_task(self._maintenance().run(), name="upkeep"),
        ]
        dispatcher = self._dispatch(under_way, helpers)
        completer.due, under_way.freed = dispatcher.written, dispatcher.freed
        completer.waited_for = lambda waiting: waiting >= len(under_way) and dispatcher.held_up
        try:
            await dispatcher.run(stop)
        finally:
            await under_way.drain(self.settings.drain)
            for helper in helpers:
                helper.cancel()
            await asyncio.gather(*helpers, return_exceptions=True)

    def _recorder(self) -> Completer:
        return Completer(
            database=self.database,
            new_id=self.new_id,
            monotonic=self.monotonic,
            give_up_after=self.settings.lease,
            breaker=self.settings.breaker,
        )

    def _deliveries(self, completer: Completer) -> Executor:
        settings = self.settings
        return Executor(
            database=self.database,
            client=self.client,
            commerce=self.commerce,
            completer=completer,
            terms=executor.DeliverySettings(
                settings.name, settings.lease, settings.timeout, settings.policy
            ),
            random=self.random,
            new_id=self.new_id,
            monotonic=self.monotonic,
        )

    def _maintenance(self) -> MaintenanceScheduler:
        return MaintenanceScheduler(
            database=self.database,
            interval=self.settings.poll_interval,
            ship_by_warning=self.settings.ship_by_warning,
            reconcile_every=self.settings.reconcile_every,
            context=self.context,
            importer=self._importer(),
            random=self.random,
            new_id=self.new_id,
            wake=self.wake_signal.tell,
            retain_updates=self.settings.retain_updates,
            retain_attempts=self.settings.retain_attempts,
            retain_keys=self.settings.retain_keys,
            quiet=self.settings.policy.quiet_period,
            announcements=WebhookEventReader(self.context, self.settings.breaker)
            if self.context
            else None,
            doubts=DoubtResolver(self.context, self.settings.breaker) if self.context else None,
            notifier=self._telling(),
        )

    def _telling(self) -> ErrorNotifier | None:
        if self.context is None or self.webhook_sender is None:
            return None
        return ErrorNotifier(self.context, self.webhook_sender, self.settings.public_url)

    def _importer(self) -> Importer | None:
        if self.context is None:
            return None
        return Importer(self.context, self.settings.breaker, self.settings.import_every)

    def _dispatch(self, under_way: Executor, helpers: Sequence[asyncio.Task[None]]) -> Dispatcher:
        def check() -> None:
            self.heartbeat.beat()
            _raise_if_ended(helpers)

        return Dispatcher(
            database=self.database,
            claimer=self._claiming(),
            under_way=under_way,
            wake_signal=self.wake_signal,
            concurrency=self.settings.concurrency,
            poll_interval=self.settings.poll_interval,
            monotonic=self.monotonic,
            check=check,
        )

    def _claiming(self) -> Claimer:
        settings = self.settings
        return Claimer(
            database=self.database,
            cipher=self.cipher,
            terms=ClaimSettings(
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
