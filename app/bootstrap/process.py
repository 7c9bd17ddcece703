"""Opens what a process works with, and closes it in reverse order."""

import asyncio
import gc
import os
import random
import secrets
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import structlog

from app.commerce.client import CommerceClient
from app.domain.imports.age_limits import AgeLimits
from app.domain.outbox.rate_limits import Breaker
from app.http_client.ssrf_guard import AddressGuard, Guards
from app.http_client.transport import Http, open_http
from app.http_client.webhook_sender import WebhookSender
from app.settings import EMBEDDED, Settings
from app.storage.orders.accept_batcher import AcceptBatcher
from app.storage.outbox.notify import DueHint, NotifyPublisher, WakeSignal
from app.storage.postgres.database import Database, open_database
from app.storage.postgres.embedded import EmbeddedPostgres
from app.storage.stores.secrets import SecretCipher
from app.usecases.context import AppContext, WakePollers
from app.walmart.client import WalmartClient
from app.worker.heartbeat import PATIENCE, Heartbeat

_log = structlog.get_logger(__name__)
# A circuit breaker cools down for some first retry waits, but not so long that Walmart's recovery
# goes unnoticed.
_BREAKER_WAITS = 5
_LONGEST_COOLDOWN = 60.0
# Seconds for one error notification.
_NOTIFICATION_TIMEOUT = 10.0


@dataclass(frozen=True, slots=True)
class Parts:
    """The opened parts of one process."""

    settings: Settings
    url: str
    """Address of the database; of the started server where it is embedded."""
    context: AppContext
    wake_signal: WakeSignal
    """Wakes the poller of this process."""
    webhook_sender: WebhookSender
    breaker: Breaker
    heartbeat: Heartbeat
    random: Callable[[], float]
    """Uniform in [0, 1)."""
    monotonic: Callable[[], float]

    @property
    def database(self) -> Database:
        """The database of the context."""
        return self.context.database


def new_loop() -> asyncio.AbstractEventLoop:
    """The event loop of all our processes: uvloop's where it is installed."""
    try:
        import uvloop  # noqa: PLC0415 - not available on every platform
    except ImportError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()


def freeze_garbage() -> None:
    """Exclude what exists now from garbage collection, and collect less often.

    Objects made before the first request or delivery live to the end, and requests and deliveries
    leave hardly a cycle. Those few of them that are garbage are not worth a look at all of them.
    """
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)


@asynccontextmanager
async def telemetry(environment: Mapping[str, str] = os.environ) -> AsyncIterator[None]:
    """Record spans and metrics during the block, if OpenTelemetry's own settings ask for it."""
    if environment.get("OTEL_SDK_DISABLED", "").strip().lower() == "true" or not any(
        environment.get(f"OTEL_EXPORTER_OTLP_{signal}ENDPOINT")
        for signal in ("", "TRACES_", "METRICS_")
    ):
        yield
        return
    try:
        from app import telemetry as recorded  # noqa: PLC0415 - needs the extra `waybill[otel]`
    except ImportError:
        _log.warning("telemetry_off", reason="waybill[otel] is not installed")
        yield
        return
    async with recorded.exported(environment):
        yield


def _now() -> datetime:
    return datetime.now(UTC)


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[Parts]:
    """Open the database, the HTTP clients and the NOTIFY publisher. Raises BadSettings."""
    settings.required_keys()
    timeout = settings.walmart_timeout
    connections = settings.poller_concurrency + settings.database_pool_size
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(_database_url(settings))
        walmart = open_http(timeout=timeout, max_connections=connections)
        # Store owners set the addresses that these two call.
        guards = _guards(settings)
        commerce, notified = (
            open_http(timeout=timeout, max_connections=connections, guard=guard)
            for guard in (guards.commerce, guards.notifications)
        )
        publisher = NotifyPublisher(direct_url(settings, url))
        for each in (walmart, commerce, notified, publisher):
            await stack.enter_async_context(each)
        wake_signal = WakeSignal()
        wake = _Wake(wake_signal, publisher)
        context = _context(settings, url, _Https(walmart, commerce, notified), wake)
        stack.push_async_callback(context.database.close)
        yield Parts(
            settings=settings,
            url=url,
            context=context,
            wake_signal=wake_signal,
            webhook_sender=context.webhook_sender,
            breaker=Breaker(
                base=settings.retry_base * _BREAKER_WAITS,
                cap=min(settings.retry_cap, _LONGEST_COOLDOWN),
            ),
            heartbeat=Heartbeat(time.monotonic, patience=settings.poll_interval + PATIENCE),
            # Jitter of retries; not a secret.
            random=random.random,
            monotonic=time.monotonic,
        )


class _Https(NamedTuple):
    """The HTTP client of each system that is called."""

    walmart: Http
    commerce: Http
    notifications: Http


def _days(number: int) -> timedelta | None:
    return timedelta(days=number) if number else None


def _guards(settings: Settings) -> Guards:
    return Guards(
        commerce=AddressGuard.of(settings.commerce_private_networks),
        notifications=AddressGuard.of(settings.notification_private_networks),
    )


def _context(settings: Settings, url: str, https: _Https, wake: WakePollers) -> AppContext:
    timeout = settings.walmart_timeout
    database = open_database(
        url,
        pool_size=settings.database_pool_size,
        pooler=settings.database_pooler == "transaction",
        survey_interval=settings.survey_interval,
    )
    return AppContext(
        database=database,
        accept_batcher=AcceptBatcher(database),
        cipher=SecretCipher(settings.required_keys()),
        walmart=WalmartClient(
            https.walmart, base_url=settings.walmart_base_url, timeout=timeout, now=_now
        ),
        now=_now,
        entropy=lambda: secrets.randbits(64),
        wake=wake,
        commerce=CommerceClient(https.commerce, timeout=timeout, now=_now),
        webhook_sender=WebhookSender(https.notifications, timeout=_NOTIFICATION_TIMEOUT, now=_now),
        guards=_guards(settings),
        age_limits=AgeLimits(_days(settings.retain_orders), _days(settings.retain_returns)),
        quiet_period=timedelta(seconds=settings.quiet_period),
        ship_by_warning=timedelta(seconds=settings.ship_by_warning),
    )


@asynccontextmanager
async def _database_url(settings: Settings) -> AsyncIterator[str]:
    url = settings.required_database_url()
    if url != EMBEDDED:
        yield url
        return
    server = await asyncio.to_thread(EmbeddedPostgres.start, settings.data_dir)
    try:
        yield server.url
    finally:
        await asyncio.to_thread(server.stop)


@dataclass(frozen=True, slots=True)
class _Wake:
    """Wakes the poller of this process directly, and the others by NOTIFY."""

    wake_signal: WakeSignal
    publisher: NotifyPublisher

    def __call__(self, *hints: DueHint) -> None:
        self.wake_signal.notify(*hints)
        self.publisher.wake(*hints)


def direct_url(settings: Settings, url: str) -> str:
    """The address for NOTIFY and LISTEN: past the pooler where a direct address is set."""
    direct = settings.database_direct_url
    return direct.get_secret_value() if direct is not None else url


def can_listen(settings: Settings) -> bool:
    """Whether LISTEN works: a transaction pooler keeps no session for it."""
    return settings.database_pooler == "none" or settings.database_direct_url is not None
