"""Everything a process works with, opened in one place and closed in reverse."""

import asyncio
import os
import random
import secrets
import socket
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from app.commerce.client import CommerceClient
from app.domain import ids
from app.domain.outbox.rate_limits import Breaker, Endpoint
from app.domain.outbox.retry_policy import RetryPolicy
from app.http_client.transport import Http, open_http
from app.http_client.webhook_sender import WebhookSender
from app.metrics import Metrics
from app.settings import EMBEDDED, Settings
from app.storage.orders.ship_batcher import ShipBatcher
from app.storage.outbox.notify import DueHint, NotifyListener, NotifyPublisher, WakeSignal
from app.storage.postgres.database import Database, open_database
from app.storage.postgres.embedded import EmbeddedPostgres
from app.storage.stores.secrets import SecretCipher
from app.usecases.context import AppContext
from app.version import VERSION
from app.walmart.client import WalmartClient
from app.worker.heartbeat import Heartbeat
from app.worker.poller import Poller, PollerSettings

# Of a lease, what a stopping poller gives to deliveries in flight.
DRAIN_SHARE = 0.8
# A broken lane rests for some first waits, and never so long that Walmart's return goes unnoticed.
_BREAKER_SHARE = 5
_LONGEST_REST = 60.0
# Seconds for one message to a store's people.
_MESSAGE_TIMEOUT = 10.0


@dataclass(frozen=True, slots=True)
class Parts:
    """The opened parts of one process."""

    settings: Settings
    url: str
    database: Database
    http: Http
    context: AppContext
    metrics: Metrics
    wake_signal: WakeSignal
    webhook_sender: WebhookSender


def new_loop() -> asyncio.AbstractEventLoop:
    """The loop that every process of ours runs on: uvloop's, where there is one."""
    try:
        import uvloop  # noqa: PLC0415 - not to be had on every platform
    except ImportError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()


def _now() -> datetime:
    return datetime.now(UTC)


def _new_id(store_id: int) -> UUID:
    return ids.new_id(store_id, int(_now().timestamp() * 1000), secrets.randbits(64))


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[Parts]:
    """Open the database, Walmart's client and the announcer. Raises BadSettings."""
    keys = settings.required_keys()
    async with _database_url(settings) as url:
        database = open_database(
            url,
            pool_size=settings.database_pool_size,
            pooler=settings.database_pooler == "transaction",
        )
        connections = settings.poller_concurrency + settings.database_pool_size
        http = open_http(timeout=settings.walmart_timeout, max_connections=connections)
        wake_signal = WakeSignal()
        # Whose addresses come from stores' owners.
        outside = open_http(
            timeout=settings.walmart_timeout, max_connections=connections, guarded=True
        )
        async with http, outside, NotifyPublisher(direct_url(settings, url)) as publisher:
            context = AppContext(
                database=database,
                accepting=ShipBatcher(database.grouped),
                cipher=SecretCipher(keys),
                walmart=_client(settings, http),
                now=_now,
                entropy=lambda: secrets.randbits(64),
                wake=_Wake(wake_signal, publisher),
                commerce=CommerceClient(outside, timeout=settings.walmart_timeout, now=_now),
                quiet_period=timedelta(seconds=settings.quiet_period),
            )
            metrics = Metrics(database, VERSION, started_at=_now())
            webhook_sender = WebhookSender(outside, timeout=_MESSAGE_TIMEOUT, now=_now)
            try:
                yield Parts(
                    settings, url, database, http, context, metrics, wake_signal, webhook_sender
                )
            finally:
                await database.close()


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
    """Tells the poller of this process at once, and those of others by the database."""

    wake_signal: WakeSignal
    publisher: NotifyPublisher

    def __call__(self, *told: DueHint) -> None:
        self.wake_signal.tell(*told)
        self.publisher.wake(*told)


def direct_url(settings: Settings, url: str) -> str:
    """Where NOTIFY goes, and LISTEN if it can: the direct address, where there is one."""
    direct = settings.database_direct_url
    return direct.get_secret_value() if direct is not None else url


def can_listen(settings: Settings) -> bool:
    """Whether LISTEN works: a transaction pooler keeps no session that could hear."""
    return settings.database_pooler == "none" or settings.database_direct_url is not None


def _client(settings: Settings, http: Http) -> WalmartClient:
    return WalmartClient(
        http, base_url=settings.walmart_base_url, timeout=settings.walmart_timeout, now=_now
    )


@asynccontextmanager
async def polling(
    parts: Parts, *, ended: Callable[[], object], heartbeat: Heartbeat | None = None
) -> AsyncIterator[None]:
    """Let a poller work beside whatever else the process does; drain it at the end.

    ended is called when it has ended, by itself too: why is raised at the end of the block.
    """
    stop = asyncio.Event()
    begin = asyncio.Event()
    async with AsyncExitStack() as stack:
        if can_listen(parts.settings):
            url = direct_url(parts.settings, parts.url)
            listener = NotifyListener(url, parts.wake_signal, of_poller=True)
            begin = (await stack.enter_async_context(listener)).shown
        else:
            begin.set()
        running = asyncio.create_task(_run(poller(parts, heartbeat), begin, stop), name="poller")
        running.add_done_callback(lambda _: ended())
        try:
            yield
        finally:
            stop.set()
            await running


def breaker(settings: Settings) -> Breaker:
    """How lanes rest when Walmart gives no proper answer."""
    return Breaker(
        base=settings.retry_base * _BREAKER_SHARE, cap=min(settings.retry_cap, _LONGEST_REST)
    )


async def _run(poller: Poller, begin: asyncio.Event, stop: asyncio.Event) -> None:
    """Let a poller work once it may; it waits while a database is recovered (presence.py)."""
    waits = [asyncio.create_task(each.wait()) for each in (begin, stop)]
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for each in waits:
            each.cancel()
    await poller.run(stop)


def poller(parts: Parts, heartbeat: Heartbeat | None = None) -> Poller:
    """Make a poller out of the parts of a process."""
    settings = parts.settings
    return Poller(
        database=parts.database,
        client=parts.context.walmart,
        commerce=parts.context.commerce,
        cipher=parts.context.cipher,
        settings=PollerSettings(
            name=f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(2)}",
            concurrency=settings.poller_concurrency,
            lease=settings.lease,
            timeout=settings.walmart_timeout,
            poll_interval=settings.poll_interval,
            drain=settings.lease * DRAIN_SHARE,
            policy=RetryPolicy(
                base=settings.retry_base,
                cap=settings.retry_cap,
                give_up_after=settings.give_up_after,
                quiet_period=settings.quiet_period,
            ),
            ship_by_warning=settings.ship_by_warning,
            reconcile_every=settings.reconcile_interval,
            import_every=settings.import_interval,
            public_url=settings.public_url or "",
            caps={Endpoint(name): rate for name, rate in (settings.walmart_rates or {}).items()},
            retain_updates=settings.retain_updates,
            retain_attempts=settings.retain_attempts,
            retain_keys=settings.retain_idempotency_keys,
            breaker=breaker(settings),
        ),
        wake_signal=parts.wake_signal,
        # Jitter spreads retries; nothing secret comes of it.
        random=random.random,
        new_id=_new_id,
        monotonic=time.monotonic,
        context=parts.context,
        webhook_sender=parts.webhook_sender,
        heartbeat=heartbeat or Heartbeat(time.monotonic),
    )
