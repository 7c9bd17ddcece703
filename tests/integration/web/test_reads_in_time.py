"""A read ends a doubt only if it began, by the database's clock, after the end of the quiet period."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import httpx
import pytest
from starlette.types import ASGIApp, Receive, Scope, Send

from app.commerce.adobe_keys import AdobeKeys
from app.domain.outbox.doubt import QUIET_PERIOD
from app.domain.outbox.outcome import AlreadyThere
from app.domain.update import Kind, State
from app.simulator.app import create_app as create_simulator
from app.storage.queries.views import OrderView
from app.usecases.imports import reconcile
from app.worker.delivery import deliver, steps
from app.worker.delivery.context import ClaimData, DeliveryContext
from app.worker.delivery.flow import Flow
from app.worker.delivery.lease import Lease
from app.worker.maintenance.doubts import DoubtResolver
from tests.builders import an_id, an_order
from tests.harness.pollers import BREAKER
from tests.harness.server import serving
from tests.harness.world import World, open_world
from tests.integration.web.adobe import Clock
from tests.integration.web.conftest import app_of, client_of
from tests.integration.web.doubtful import dismissed, in_doubt, units

TEN_MINUTES = timedelta(minutes=10)
# Each reads the order and settles it.
READERS = ["dismiss", "refresh", "import", "reconcile", "retry", "poller"]


@dataclass
class Meanwhile:
    """Runs an action between a request for an order to Walmart and its answer."""

    simulator: ASGIApp
    happens: list[Callable[[], Awaitable[object]]] = field(default_factory=list)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"].startswith("/v3/orders/"):
            while scope["method"] == "GET" and self.happens:
                await self.happens.pop()()
        await self.simulator(scope, receive, send)


@pytest.fixture
def meanwhile() -> Meanwhile:
    return Meanwhile(create_simulator())


@pytest.fixture
async def world(fresh_url: str, meanwhile: Meanwhile) -> AsyncIterator[World]:
    async with serving(meanwhile) as walmart, open_world(fresh_url, walmart_url=walmart) as opened:
        yield opened


async def doubt_until(world: World, when: str) -> None:
    """Set the end of every doubt by the database's clock."""
    async with world.database.begin() as connection:
        await connection.exec_driver_sql(
            f"UPDATE updates SET in_doubt_until = {when} WHERE in_doubt_until IS NOT NULL"
        )


async def still_in_doubt(world: World, update: str) -> bool:
    return (await world.update(UUID(update))).in_doubt_until is not None


async def prepared(world: World, client: httpx.AsyncClient, reader: str) -> tuple[OrderView, str]:
    """An order of 3 with a lost shipment of 2 in a doubt that may end, prepared for the reader."""
    order = await world.an_order(3)
    update = (await in_doubt(world, client, order, fault="error"))["update"]["id"]
    if reader == "poller":
        await dismissed(client, update)
    elif reader == "retry":
        async with world.database.begin() as connection:
            await connection.exec_driver_sql(
                "UPDATE updates SET state = 'failed', active = false WHERE kind = 'shipment'"
            )
    elif reader == "reconcile":
        # So that there is drift to repair.
        await world.shipped_by_hand(order, 1, "1ZHAND")
    await world.let_doubts_end()
    return order, update


async def read_by(
    reader: str, world: World, client: httpx.AsyncClient, order: OrderView, update: str
) -> None:
    """Have the order read and settled."""
    match reader:
        case "dismiss":
            await dismissed(client, update)
        case "refresh":
            answer = await client.post(f"/v1/orders/{order.id}/refresh")
            assert answer.json()["refreshed"] is True
        case "import":
            await world.imported(order.purchase_order_id, world._stores[0])
        case "reconcile":
            since = datetime.now(UTC) - timedelta(hours=1)
            report = await reconcile.reconcile(world.context, 1, since)
            assert report is not None
            assert [each.mended for each in report.findings] == [True]
        case "retry":
            answer = await client.post(f"/v1/updates/{update}/retry", json={})
            assert answer.status_code == 202, answer.text
        case "poller":
            await DoubtResolver(world.context, BREAKER).end(1)


@pytest.mark.parametrize("reader", READERS)
async def test_a_read_that_began_before_the_end_of_a_doubt_does_not_end_it(
    world: World, client: httpx.AsyncClient, meanwhile: Meanwhile, reader: str
) -> None:
    order, update = await prepared(world, client, reader)
    # The doubt ends while the order is being read.
    meanwhile.happens.append(lambda: doubt_until(world, "now()"))
    await read_by(reader, world, client, order, update)
    assert not meanwhile.happens
    assert await still_in_doubt(world, update)
    (line,) = await units(client, order)
    assert line["pending"] == 2


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("ahead", [True, False])
async def test_a_wrong_host_clock_neither_ends_nor_extends_a_doubt(
    world: World, reader: str, *, ahead: bool
) -> None:
    off = TEN_MINUTES if ahead else -TEN_MINUTES
    world.context = replace(world.context, now=lambda: datetime.now(UTC) + off)
    keys = AdobeKeys(httpx.AsyncClient(), Clock())
    async with client_of(app_of(world, keys)) as client:
        order, update = await prepared(world, client, reader)
        if ahead:
            await doubt_until(world, "now() + interval '5 minutes'")
        if reader == "poller" and ahead:
            # It does not even read.
            assert await DoubtResolver(world.context, BREAKER).due() == []
        await read_by(reader, world, client, order, update)
        assert await still_in_doubt(world, update) is ahead
    await keys.close()


async def test_a_delivery_dates_a_read_by_its_start(world: World, meanwhile: Meanwhile) -> None:
    store = await world.a_store()
    number = await world.at_walmart(3, store=store)
    began, clock = datetime.now(UTC), SimpleNamespace(now=0.0)
    unused: Any = None
    order = an_order(purchase_order_id=number)
    update: Any = SimpleNamespace(
        id=an_id(),
        kind=Kind.SHIPMENT,
        order_id=order.id,
        claimed_from=State.VERIFYING,
        in_doubt_until=began + timedelta(seconds=5),
    )
    lease = Lease(
        claimed_at=began,
        seconds=60.0,
        timeout=30.0,
        monotonic=lambda: clock.now,
        leased_monotonic=0.0,
        claimed_monotonic=0.0,
        renew=unused,
        stopping=lambda: False,
    )
    data = ClaimData(await world.context.account(1), {order.id: order}, 0.0, 0.0)
    delivery_context = DeliveryContext(update, data, world.client, unused, QUIET_PERIOD, lease)

    async def takes_long() -> None:
        clock.now += 10.0

    meanwhile.happens.append(takes_long)

    def reading() -> Flow:
        read = yield from steps.read_order(delivery_context)
        assert read.at == began
        return AlreadyThere(read.snapshot, in_doubt=not delivery_context.ends_doubt(read.at))

    outcome = await deliver.perform(delivery_context, reading())
    assert isinstance(outcome, AlreadyThere)
    assert outcome.in_doubt
    assert delivery_context.now() == began + timedelta(seconds=10)
    assert delivery_context.evidence.read_at == began
