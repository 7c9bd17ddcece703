"""Each alert fires by its fault: a world with the fault is scraped, and promtool judges the rules."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
import yaml

from app.commerce.adobe_keys import open_keys
from app.domain.update import State
from app.metrics import registry
from app.metrics.registry import Metrics
from app.storage.orders import ship_by
from app.storage.outbox.notify import NotifyListener, WakeSignal
from app.storage.postgres.database import Database, open_database
from app.usecases.imports import reconcile
from app.usecases.orders import ship
from app.usecases.stores import manage
from app.web.app import create_app
from app.worker.importer.importer import Importer
from tests.builders import a_package, items
from tests.harness import prometheus
from tests.harness.pollers import BREAKER
from tests.harness.prometheus import Samples
from tests.harness.server import serving
from tests.harness.waiting import LIMIT, limited
from tests.harness.world import ACTOR, World
from tests.tls import TLS

KEY = "wb_admin-key-of-the-tests"
# What an hour without a poller lets grow.
WAITING = {"waybill_queue_age_seconds"}


@dataclass
class Scrapes:
    """Scrapes of an API, and the tests of promtool that are made of them."""

    world: World
    url: str = ""
    last: Samples = field(default_factory=dict)
    tests: list[dict[str, object]] = field(default_factory=list)
    fired: set[str] = field(default_factory=set)

    async def get(self, path: str = "/metrics") -> str:
        """An answer of the API; nothing if none is there."""
        headers = {"Authorization": f"Bearer {KEY}"}
        async with httpx.AsyncClient(trust_env=False, timeout=LIMIT, verify=TLS) as client:
            try:
                return (await client.get(self.url + path, headers=headers)).text
            except httpx.ConnectError:
                return ""

    async def until(self, shown: Callable[[Samples], bool] = bool) -> Samples:
        """Scrape until the samples are as wanted."""
        async with limited():
            while not shown(found := prometheus.samples(await self.get())):
                await asyncio.sleep(0.05)
        return found

    async def fault(
        self, *fires: str, during: Samples, grows: Collection[str] = frozenset()
    ) -> None:
        """Note what fires by the samples of a fault, compared with those before."""
        test = prometheus.fault_test(", ".join(fires), self.last, during, fires, grows)
        self.tests.append(test)
        self.fired |= set(fires)
        if during:
            self.last = during


def of(name: str, **labels: str) -> Callable[[Samples], bool]:
    """Whether a metric with such labels is above 0."""
    wanted = [f'{label}="{value}"' for label, value in labels.items()]

    def shown(found: Samples) -> bool:
        return any(
            value > 0
            for series, value in found.items()
            if series.startswith(f"{name}{{") and all(each in series for each in wanted)
        )

    return shown


@asynccontextmanager
async def api(world: World, database: Database | None = None) -> AsyncIterator[str]:
    """An API of the world, or one whose database is another."""
    context = world.context if database is None else replace(world.context, database=database)
    metrics = Metrics(context.database, "1", started_at=datetime.now(UTC))

    async def ready() -> str | None:
        return None

    app = create_app(
        context=context,
        admin_key=KEY,
        metrics=metrics,
        ready=ready,
        version="1",
        adobe_keys=open_keys(),
    )
    async with serving(app) as url:
        yield url


async def shipment(world: World, *units: int, **changes: Any) -> list[UUID]:
    """A shipment of each line of an order of Walmart's, accepted."""
    order = await world.an_order(*units, **changes)
    accepted = []
    for line in range(1, len(units) + 1):
        package = a_package(f"1Z{order.purchase_order_id}{line}", items=items(**{f"l{line}": 1}))
        done = await ship.ship(world.context, order.id, package, actor=ACTOR)
        accepted.append(done.shipment.update.id)
    return accepted


async def healthy(seen: Scrapes, world: World) -> None:
    """One order goes out, one page is read, and a poller is there."""
    await world.deliver_until(*await shipment(world, 1))
    await seen.get("/v1/orders")
    seen.last = await seen.until(of("waybill_pollers"))
    assert of("waybill_deliveries_total", verdict="confirmed")(seen.last)
    seen.tests.append(prometheus.healthy_test(seen.last))


async def no_poller(seen: Scrapes, world: World) -> None:
    """A shipment of an order that must leave soon is accepted while no poller is there."""
    soon = datetime.now(UTC) + timedelta(hours=1)
    (update,) = await shipment(world, 1, ship_by=int(soon.timestamp() * 1000))
    await ship_by.mark(world.database, 14_400, world.context.new_id)
    waiting = of("waybill_queue_age_seconds", kind="shipment")
    during = await seen.until(lambda found: waiting(found) and not of("waybill_pollers")(found))
    await seen.fault(
        "WaybillPollerAbsent",
        "WaybillDeliveriesStalled",
        "WaybillQueueOld",
        "WaybillShipByAtRisk",
        during=during,
        grows=WAITING,
    )
    await world.deliver_until(update)


async def refusals(seen: Scrapes, world: World) -> None:
    """Walmart refuses five shipments, and the address for notifications takes none."""
    store = await world.a_store(
        notifications_url="https://127.0.0.1:9/hook", notifications_secret="a-secret-of-a-merchant"
    )
    await world.fault("shipping", "refuse", field="methodCode")
    updates = await shipment(world, 1, 1, 1, 1, 1, store=store)
    await world.deliver_until(*updates, states={State.FAILED})
    async with world.polling(housekeeping=True):
        during = await seen.until(of("waybill_notifications_failing"))
    await seen.fault("WaybillUpdatesFailing", "WaybillNotificationsFailing", during=during)


async def doubt(seen: Scrapes, world: World) -> None:
    """Walmart does not answer a shipment, nor the reads that would show it."""
    order = await world.an_order(1)
    await world.fault("shipping", "drop")
    await world.fault("read", "error", times=None)
    done = await ship.ship(world.context, order.id, a_package("1ZDOUBT"), actor=ACTOR)
    await world.deliver_until(done.shipment.update.id, states={State.VERIFYING})
    during = await seen.until(of("waybill_doubt_oldest_seconds"))
    await seen.fault("WaybillDoubtOpen", during=during, grows={"waybill_doubt_oldest_seconds"})
    (await world.walmart.delete("/simulator/faults")).raise_for_status()


async def rejected_keys(seen: Scrapes, world: World) -> None:
    """The keys of a store are changed at Walmart."""
    store = await world.a_store()
    order = await world.an_order(1, store=store)
    wrong = manage.StoreChanges(walmart_client_secret="wrong")
    await manage.change(world.context, store.id, wrong, actor=ACTOR)
    done = await ship.ship(world.context, order.id, a_package("1ZKEYS"), actor=ACTOR)
    await world.deliver_until(done.shipment.update.id, states={State.RETRYING})
    during = await seen.until(of("waybill_paused_lanes", reason="credentials_rejected"))
    await seen.fault("WaybillStoreStopped", during=during)


async def differences(seen: Scrapes, world: World) -> None:
    """Walmart has an order that nothing here knows, and its list cannot be read."""
    store = world._stores[0]
    await world.at_walmart(1, store=store)
    since = world.context.now() - timedelta(hours=1)
    await reconcile.reconcile(world.context, store.id.int & 0xFFFFFFFF, since)
    await world.fault("list", "error", times=None)
    await Importer(world.context, BREAKER, every=0.000001, patience=0).run(1)
    during = await seen.until(of("waybill_import_stopped_lists"))
    await seen.fault("WaybillDrift", "WaybillImportsOld", during=during)


async def long_transaction(seen: Scrapes, world: World) -> None:
    """A console holds a transaction."""
    async with world.database.direct.transaction(
        "UPDATE orders SET updated_at = now() WHERE false"
    ):
        during = await seen.until(of("waybill_oldest_transaction_seconds"))
    grows = {"waybill_oldest_transaction_seconds"}
    await seen.fault("WaybillLongTransaction", during=during, grows=grows)


async def full_pool(seen: Scrapes, world: World) -> None:
    """Requests hold all connections, and an import waits for one."""
    async with AsyncExitStack() as stack:
        for _ in range(world.database.pools()["transactions"].size):
            await stack.enter_async_context(world.database.begin())
        waiting = asyncio.create_task(world.an_order(1))
        during = await seen.until(of("waybill_database_pool_waiting", pool="transactions"))
    # On a slow machine it gave up.
    await asyncio.gather(waiting, return_exceptions=True)
    await seen.fault("WaybillPoolExhausted", during=during)


async def database_away(seen: Scrapes, world: World) -> None:
    """The address of the database takes no connections."""
    away, there = open_database("postgresql://x@127.0.0.1:9/x"), seen.url
    async with api(world, away) as seen.url:
        await seen.get("/v1/orders")
        during = prometheus.samples(await seen.get())
    await away.close()
    await seen.fault("WaybillDatabaseAway", "WaybillServerErrors", during=during)
    seen.url = there


FAULTS: tuple[Callable[[Scrapes, World], Awaitable[None]], ...] = (
    refusals,
    doubt,
    rejected_keys,
    differences,
    long_transaction,
    full_pool,
    database_away,
)


async def test_each_alert_fires_by_its_fault_and_none_without(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A scrape while the pool is full waits so long.
    monkeypatch.setattr(registry, "PATIENCE", 1.0)
    seen = Scrapes(world)
    async with api(world) as seen.url:
        async with poller_session(world):
            await healthy(seen, world)
        await no_poller(seen, world)
        async with poller_session(world):
            for fault in FAULTS:
                seen.last = await seen.until(of("waybill_database_up"))
                await fault(seen, world)
    assert await seen.get() == ""
    await seen.fault("WaybillNotScraped", during={})
    rules = yaml.safe_load(prometheus.RULES.read_text())["groups"][0]["rules"]
    assert seen.fired == {rule["alert"] for rule in rules}
    assert prometheus.judge(seen.tests, tmp_path) == ""


def poller_session(world: World) -> AbstractAsyncContextManager[NotifyListener]:
    """The session by which a poller is seen."""
    return NotifyListener(world.url, WakeSignal(), of_poller=True)
