"""Waybill with a Walmart beside it, in one process: what integration tests act in.

The database is real, the simulator answers real HTTP on 127.0.0.1, and the pollers are the
ones that are shipped. Only the clocks of retry and quiet period run faster.
"""

import asyncio
import itertools
import secrets
import socket
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import httpx
import sqlalchemy as sa
import uvicorn
from cryptography.fernet import Fernet

from app.bootstrap import worker
from app.bootstrap.process import Parts
from app.commerce.client import CommerceClient
from app.domain.orders.requests import ShipRequest
from app.domain.outbox.claimed_update import Claimed
from app.domain.outbox.rate_limits import Breaker, Endpoint
from app.domain.outbox.retry_policy import RetryPolicy
from app.domain.update import State
from app.http_client.transport import Http, open_http
from app.http_client.webhook_sender import WebhookSender
from app.metrics import Metrics
from app.settings import Settings
from app.simulator.app import create_app as create_simulator
from app.storage import queries
from app.storage.orders.ship_batcher import ShipBatcher
from app.storage.outbox import claims, due
from app.storage.outbox.claims import ClaimRequest
from app.storage.outbox.notify import WakeSignal
from app.storage.outbox.take import ClaimSettings
from app.storage.postgres.database import Database, open_database
from app.storage.queries.views import OrderView, StoreView, UpdateView
from app.storage.stores.secrets import SecretCipher
from app.storage.tables import lanes, updates
from app.usecases.context import AppContext
from app.usecases.imports import import_order
from app.usecases.stores import manage
from app.version import VERSION
from app.walmart.client import WalmartClient
from app.worker.heartbeat import Heartbeat
from app.worker.poller import Poller
from tests.builders import a_ship_request
from tests.tls import TLS

# Of every world: what is claimed is opened without one at hand.
VAULT = SecretCipher([Fernet.generate_key().decode()])
ACTOR = "test"
# Fractions of a second, so that a suite of hours of waiting takes minutes.
BREAKER = Breaker(base=0.1, cap=0.4)
POLICY = RetryPolicy(base=0.02, cap=0.2, give_up_after=3600, quiet_period=0.4)
QUICK = Settings.model_construct(
    poller_concurrency=20,
    lease=20.0,
    poll_interval=0.05,
    reconcile_interval=0,
    import_interval=0,
    retain_updates=0,
    retain_attempts=0,
    retain_idempotency_keys=0,
)
_purchase_orders = itertools.count(1_796_330_120_000)


@dataclass
class World:
    """Everything a test needs to act as Commerce, as Walmart and as an operator."""

    url: str
    database: Database
    context: AppContext
    walmart: httpx.AsyncClient
    walmart_url: str
    wake_signal: WakeSignal
    timeout: float
    http: Http
    metrics: Metrics
    webhook_sender: WebhookSender
    _stores: list[StoreView] = field(default_factory=list)
    _refusals: list[int] = field(default_factory=list)

    @property
    def client(self) -> WalmartClient:
        """Walmart, as pollers and use cases call it."""
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
        po = await self.at_walmart(*quantities, store=store, **changes)
        return await self.imported(po, store)

    async def at_walmart(self, *quantities: int, store: StoreView, **changes: Any) -> str:
        """Let a buyer order units at Walmart; answers the purchase order's number."""
        lines = [
            {"line_number": str(n), "sku": f"SKU-{n}", "quantity": units}
            for n, units in enumerate(quantities or (3,), start=1)
        ]
        po = str(next(_purchase_orders))
        body = {
            "client_id": store.walmart_client_id,
            "purchase_order_id": po,
            "lines": lines,
            "status": "Acknowledged",
            **changes,
        }
        (await self.walmart.post("/simulator/orders", json=body)).raise_for_status()
        return po

    async def imported(self, purchase_order_id: str, store: StoreView) -> OrderView:
        registered = await import_order.import_order(
            self.context, store.id, purchase_order_id, actor=ACTOR
        )
        return registered.order

    async def order(self, order_id: UUID) -> OrderView:
        """The order as people see it now."""
        async with self.database.begin() as connection:
            view = await queries.order(connection, order_id.int & 0xFFFFFFFF, order_id)
        assert view is not None
        return view

    async def update(self, update_id: UUID) -> UpdateView:
        async with self.database.begin() as connection:
            view = await queries.update(connection, update_id.int & 0xFFFFFFFF, update_id)
        assert view is not None
        return view

    async def fault(self, operation: str, kind: str, **changes: Any) -> None:
        """Let Walmart misbehave; once unless told otherwise by times.

        What Walmart refuses, it refuses again: a refusal lasts until deliver_until ends. On a slow
        machine the read that follows it may fail, and then the same is sent once more.
        """
        lasting = kind == "refuse" and "times" not in changes
        body = {"operation": operation, "kind": kind, "times": None if lasting else 1, **changes}
        made = (await self.walmart.post("/simulator/faults", json=body)).raise_for_status()
        if lasting:
            self._refusals.append(made.json()["id"])

    async def shipped_by_hand(self, order: OrderView, units: int, tracking_number: str) -> None:
        """Let a person ship units of line 1 in Seller Center."""
        line = {"line_number": "1", "quantity": units, "tracking_number": tracking_number}
        path = f"/simulator/orders/{order.purchase_order_id}/ship"
        (await self.walmart.post(path, json={"lines": [line]})).raise_for_status()

    async def ledger(self, purchase_order_id: str | None = None) -> list[dict[str, Any]]:
        """Every effect that Walmart applied, in order."""
        query = {"purchase_order_id": purchase_order_id} if purchase_order_id else {}
        answer = await self.walmart.get("/simulator/ledger", params=query)
        entries = answer.raise_for_status().json()
        return list(entries["entries"] if isinstance(entries, Mapping) else entries)

    async def calls(self, operation: str) -> list[dict[str, Any]]:
        """The calls of one operation that Walmart received, in order."""
        answer = (await self.walmart.get("/simulator/calls")).raise_for_status().json()
        entries = answer["calls"] if isinstance(answer, Mapping) else answer
        return [entry for entry in entries if entry["operation"] == operation]

    async def answered_before(self) -> None:
        """Let Walmart have answered every store before, so that not only a few calls go at first."""
        async with self.database.begin() as connection:
            await connection.execute(sa.update(lanes).values(answered=True))

    async def let_doubts_end(self) -> None:
        """Let the moment come from which a read may end each doubt, and all that waits be due."""
        async with self.database.begin() as connection:
            await connection.execute(
                sa.update(updates)
                .where(updates.c.in_doubt_until.is_not(None))
                .values(in_doubt_until=sa.func.now())
            )
            await connection.execute(sa.update(updates).values(due_at=sa.func.now()))

    async def no_doubt_left(self) -> None:
        """Wait until nothing is in doubt any more."""
        statement = sa.select(sa.func.count()).where(updates.c.in_doubt_until.is_not(None))
        async with asyncio.timeout(30):
            while True:
                async with self.database.begin() as connection:
                    if not (await connection.execute(statement)).scalar_one():
                        return
                await asyncio.sleep(0.02)

    def poller(
        self, *, policy: RetryPolicy = POLICY, without: str | None = None, **changes: Any
    ) -> Poller:
        """Compose a poller as a process does, with quick clocks.

        without: the name of a job that it leaves out. changes: parts of the process, and settings,
        by their names.
        """
        parts = {each.name for each in fields(Parts)} & changes.keys()
        settings = QUICK.model_copy(
            update={
                "walmart_timeout": self.timeout,
                "retry_base": policy.base,
                "retry_cap": policy.cap,
                "give_up_after": policy.give_up_after,
                "quiet_period": policy.quiet_period,
                **{name: value for name, value in changes.items() if name not in parts},
            }
        )
        given = Parts(
            settings=settings,
            url=self.url,
            context=self.context,
            metrics=self.metrics,
            wake_signal=self.wake_signal,
            webhook_sender=self.webhook_sender,
            breaker=BREAKER,
            heartbeat=Heartbeat(time.monotonic),
            random=lambda: 0.5,
            monotonic=time.monotonic,
        )
        composed = worker.poller(replace(given, **{name: changes[name] for name in parts}))
        jobs = [each for each in composed.maintenance.jobs if each.name != without]
        return replace(composed, maintenance=replace(composed.maintenance, jobs=jobs), drain=5.0)

    async def deliver_until(
        self, *update_ids: UUID, states: set[State] | None = None, pollers: int = 1, **changes: Any
    ) -> list[UpdateView]:
        """Run pollers until the updates have come to rest, or to one of the states."""
        wanted = {state.value for state in states or {State.CONFIRMED, State.FAILED}}
        async with self.polling(pollers, **changes), asyncio.timeout(30):
            while True:
                found = [await self.update(update_id) for update_id in update_ids]
                if all(update.state in wanted for update in found):
                    break
                await asyncio.sleep(0.02)
        while self._refusals:
            path = f"/simulator/faults/{self._refusals.pop()}"
            (await self.walmart.delete(path)).raise_for_status()
        return found

    @asynccontextmanager
    async def polling(self, pollers: int = 1, **changes: Any) -> AsyncIterator[None]:
        """Let pollers run for a while."""
        stop = asyncio.Event()
        running = [
            asyncio.create_task(self.poller(**changes).run(stop), name="poller")
            for _ in range(pollers)
        ]
        try:
            yield
        finally:
            stop.set()
            await asyncio.gather(*running)


async def claim(
    database: Database,
    store_id: int = 1,
    *,
    limit: int = 20,
    lease: float = 60.0,
    caps: Mapping[Endpoint, float] | None = None,
    sharded: bool = False,
    quiet: float = 120.0,
) -> list[Claimed]:
    """Claim what is due of a store, as a poller does."""
    terms = ClaimSettings("p", lease=lease, timeout=min(30.0, lease), caps=caps or {}, quiet=quiet)
    found = await due.groups(database.by_key, sharded=sharded)
    groups = [each for each in found if each.store_id == store_id and each.due_in <= 0]
    if not groups:
        return []
    while True:
        (taken,) = await claims.claim(
            database.by_key,
            [ClaimRequest(groups, limit)],
            token=uuid4(),
            terms=terms,
            cipher=VAULT,
            sharded=sharded,
        )
        if not taken.elsewhere:
            break
        await asyncio.sleep(0.01)
    return list(taken.updates)


def a_package(tracking_number: str, **changes: Any) -> ShipRequest:
    """A request to ship, under this number."""
    return a_ship_request(tracking_number=tracking_number, **changes)


@asynccontextmanager
async def open_world(
    url: str, *, timeout: float = 1.0, walmart_url: str | None = None
) -> AsyncIterator[World]:
    """Start a simulator, or take another world's, and open everything that works with it."""
    async with AsyncExitStack() as stack:
        if walmart_url is None:
            walmart_url = await stack.enter_async_context(serving(create_simulator()))
        http = await stack.enter_async_context(open_http(timeout=timeout, max_connections=100))
        outside = await stack.enter_async_context(
            open_http(timeout=timeout, max_connections=100, guarded=True)
        )
        walmart = await stack.enter_async_context(
            httpx.AsyncClient(base_url=walmart_url, timeout=10, trust_env=False, verify=TLS)
        )
        database = open_database(url, pool_size=20)
        stack.push_async_callback(database.close)
        wake_signal = WakeSignal()
        client = WalmartClient(
            http, base_url=walmart_url, timeout=timeout, now=lambda: datetime.now(UTC)
        )
        context = AppContext(
            database=database,
            accepting=ShipBatcher(database.grouped),
            cipher=VAULT,
            walmart=client,
            now=lambda: datetime.now(UTC),
            entropy=lambda: secrets.randbits(64),
            wake=wake_signal.tell,
            commerce=CommerceClient(outside, timeout=timeout, now=lambda: datetime.now(UTC)),
        )
        yield World(
            url,
            database,
            context,
            walmart,
            walmart_url,
            wake_signal,
            timeout,
            http,
            Metrics(database, VERSION, started_at=datetime.now(UTC)),
            WebhookSender(outside, timeout=timeout, now=lambda: datetime.now(UTC)),
        )


@asynccontextmanager
async def serving(app: Any) -> AsyncIterator[str]:
    """Serve an ASGI app on a free port of 127.0.0.1 for a while; answers its address."""
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    config = uvicorn.Config(
        app, log_level="error", access_log=False, lifespan="on", timeout_graceful_shutdown=1
    )
    server = uvicorn.Server(config)
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
    running = asyncio.create_task(server._serve([listening]))
    try:
        while not server.started:
            if running.done():
                running.result()
            await asyncio.sleep(0.01)
        host, port = listening.getsockname()
        yield f"http://{host}:{port}"
    finally:
        await _closed(server, running)
        listening.close()


async def _closed(server: uvicorn.Server, running: asyncio.Task[None]) -> None:
    """End a server at once: its own way waits a tenth of a second, twice, in every test."""
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    for each in server.servers:
        each.close()
    for connection in list(server.server_state.connections):
        connection.shutdown()
    asked = list(server.server_state.tasks)
    for task in asked:
        task.cancel()
    await asyncio.gather(*asked, return_exceptions=True)
    await server.lifespan.shutdown()
