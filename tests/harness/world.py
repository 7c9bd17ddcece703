"""Waybill and a Walmart in one process, for integration tests.

PostgreSQL is real, the simulator answers real HTTP on 127.0.0.1, and pollers are composed as in
production. Only retry and quiet period are shorter.
"""

import secrets
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx

from app.bootstrap.process import Parts
from app.commerce.client import CommerceClient
from app.http_client import ssrf_guard
from app.http_client.ssrf_guard import Guards
from app.http_client.transport import Http, open_http
from app.http_client.webhook_sender import WebhookSender
from app.simulator.app import create_app as create_simulator
from app.storage.orders.accept_batcher import AcceptBatcher
from app.storage.outbox.notify import WakeSignal
from app.storage.postgres.database import Database
from app.storage.queries.views import OrderView, StoreView
from app.usecases.context import AppContext, WakePollers
from app.usecases.imports import import_order
from app.usecases.stores import manage
from app.walmart.client import WalmartClient
from app.worker.heartbeat import Heartbeat
from tests.harness.databases import open_compiled
from tests.harness.outbox import VAULT
from tests.harness.pollers import BREAKER, SETTINGS, Pollers
from tests.harness.server import serving
from tests.harness.waiting import LIMIT, SLOWNESS
from tests.tls import TLS

ACTOR = "test"
PATIENT = 10.0 * SLOWNESS
"""Seconds for a call to Walmart, which a busy machine may need for it."""
IMPATIENT = SLOWNESS
"""The same where Walmart leaves a call without an answer, and the test waits for that."""


@dataclass(kw_only=True)
class World(Pollers):
    """All that a test needs to act as Commerce, as Walmart and as an operator."""

    url: str
    """Of the database."""
    http: Http
    """Calls Walmart."""
    timeout: float
    """Seconds for a call to Walmart."""
    _stores: list[StoreView] = field(default_factory=list)

    @property
    def client(self) -> WalmartClient:
        """Walmart's API, as pollers and use cases call it."""
        return self.context.walmart

    async def a_store(self, **changes: Any) -> StoreView:
        """Connect a store with a seller account of its own."""
        number = len(self._stores) + 1
        given = {
            "name": f"Store {number}",
            "walmart_client_id": f"seller-{number}",
            "walmart_client_secret": "right",
            **changes,
        }
        store = await manage.create(self.context, manage.NewStore(**given), actor=ACTOR)
        self._stores.append(store)
        return store

    async def an_order(
        self, *quantities: int, store: StoreView | None = None, **changes: Any
    ) -> OrderView:
        """Let a buyer order units at Walmart, and import the order; one line per quantity."""
        store = store or (self._stores[0] if self._stores else await self.a_store())
        number = await self.at_walmart(*quantities, store=store, **changes)
        return await self.imported(number, store)

    async def imported(self, purchase_order_id: str, store: StoreView) -> OrderView:
        """Import an order of Walmart's."""
        registered = await import_order.import_order(
            self.context, store.id, purchase_order_id, actor=ACTOR
        )
        return registered.order


@asynccontextmanager
async def open_world(
    url: str,
    *,
    timeout: float = PATIENT,
    walmart_url: str | None = None,
    database: Database | None = None,
) -> AsyncIterator[World]:
    """Start a simulator, or take another world's, and open everything that works with it.

    database: an open one, which the caller closes.
    """
    async with AsyncExitStack() as stack:
        if database is None:
            database = open_compiled(url)
            stack.push_async_callback(database.close)
        if walmart_url is None:
            walmart_url = await stack.enter_async_context(serving(create_simulator()))
        http = open_http(timeout=timeout, max_connections=100)
        # Receivers of a test listen on this machine.
        guard = ssrf_guard.INTERNAL_ALLOWED
        guarded = open_http(timeout=timeout, max_connections=100, guard=guard)
        walmart = httpx.AsyncClient(
            base_url=walmart_url, timeout=LIMIT, trust_env=False, verify=TLS
        )
        for each in (http, guarded, walmart):
            await stack.enter_async_context(each)
        wake_signal = WakeSignal()
        client = WalmartClient(http, base_url=walmart_url, timeout=timeout, now=_now)
        commerce = CommerceClient(guarded, timeout=timeout, now=_now)
        sender = WebhookSender(guarded, timeout=timeout, now=_now)
        context = _context(database, client, commerce, sender, wake_signal.notify)
        parts = Parts(
            settings=SETTINGS.model_copy(update={"walmart_timeout": timeout}),
            url=url,
            context=context,
            wake_signal=wake_signal,
            webhook_sender=context.webhook_sender,
            breaker=BREAKER,
            heartbeat=Heartbeat(time.monotonic),
            random=lambda: 0.5,
            monotonic=time.monotonic,
        )
        yield World(
            walmart=walmart,
            walmart_url=walmart_url,
            context=context,
            parts=parts,
            url=url,
            http=http,
            timeout=timeout,
        )


def _now() -> datetime:
    return datetime.now(UTC)


def _context(
    database: Database,
    walmart: WalmartClient,
    commerce: CommerceClient,
    sender: WebhookSender,
    wake: WakePollers,
) -> AppContext:
    return AppContext(
        database=database,
        accept_batcher=AcceptBatcher(database),
        cipher=VAULT,
        walmart=walmart,
        now=_now,
        entropy=lambda: secrets.randbits(64),
        wake=wake,
        commerce=commerce,
        webhook_sender=sender,
        guards=Guards(notifications=ssrf_guard.INTERNAL_ALLOWED),
    )
