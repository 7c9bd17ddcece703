"""Requests for an order locked by another transaction wait outside the pool."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from uuid import UUID

import httpx
import pytest
import sqlalchemy as sa
from fastapi import FastAPI
from fastapi.routing import APIRoute

from app.storage.postgres import retry
from app.storage.postgres.database import open_database
from app.usecases.orders import ship
from app.web import health
from app.web.app import OPERATIONS
from app.web.route import Operation
from tests.builders import a_package
from tests.harness.waiting import limited
from tests.harness.world import ACTOR, World

# More than the pool of a world has connections.
MANY = 40
CANCELED = {"reason": "out_of_stock"}


@asynccontextmanager
async def held(world: World, order_id: UUID) -> AsyncIterator[None]:
    """Another transaction that locks an order's row, as in an open psql."""
    outside = open_database(world.url, pool_size=1)
    async with outside.begin() as connection:
        hold = sa.text("SELECT FROM orders WHERE id = :id FOR UPDATE")
        await connection.execute(hold, {"id": order_id})
        yield
    await outside.close()


async def test_requests_for_a_locked_order_leave_connections_to_others(
    world: World, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retry, "PATIENCE", 3600.0)
    order, other = await world.an_order(1), await world.an_order(1)
    async with held(world, order.id), limited():
        waiting = [
            asyncio.create_task(
                client.patch(f"/v1/orders/{order.id}", json={"commerce_order_number": "1"})
            )
            for _ in range(MANY)
        ]
        await asyncio.sleep(0.2)
        answer = await client.patch(f"/v1/orders/{other.id}", json={"commerce_order_number": "2"})
        assert answer.status_code == 200
        assert not any(task.done() for task in waiting)
    assert {(await task).status_code for task in waiting} == {200}


@pytest.mark.parametrize("way", ["post", "patch", "bulk", "retry"])
async def test_a_request_for_a_locked_order_is_carried_out_once_it_is_free(
    world: World, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    monkeypatch.setattr(retry, "PATIENCE", 3600.0)
    order = await world.an_order(1)
    shipped = await ship.ship(world.context, order.id, a_package("1ZA"), actor=ACTOR)
    failed = sa.text("UPDATE updates SET state = 'failed', active = false WHERE id = :id")
    async with world.database.begin() as connection:
        await connection.execute(failed, {"id": shipped.shipment.update.id})
    one, several = f"/v1/orders/{order.id}", "/v1/cancellations/bulk"
    canceled = f"order,reason\n{order.purchase_order_id},out_of_stock\n"
    asked: dict[str, Callable[[], Awaitable[httpx.Response]]] = {
        "post": lambda: client.post(f"{one}/cancellation", json=CANCELED),
        "patch": lambda: client.patch(
            f"{one}/shipments/{shipped.shipment.id}/tracking", json={"tracking_number": "1ZB"}
        ),
        "bulk": lambda: client.post(
            several,
            params={"store_id": str(order.store_id)},
            content=canceled,
            headers={"content-type": "text/csv"},
        ),
        "retry": lambda: client.post("/v1/updates/retry", json={"order_id": str(order.id)}),
    }
    async with held(world, order.id), limited():
        waiting = asyncio.ensure_future(asked[way]())
        # Long enough that a wait in PostgreSQL would have ended.
        await asyncio.sleep(0.5)
        assert not waiting.done()
    answer = await waiting
    assert answer.status_code != 503
    assert "order_busy" not in answer.text


async def test_an_order_that_stays_locked_is_reported_as_busy(
    world: World, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retry, "PATIENCE", 0.0)
    order = await world.an_order(1)
    async with held(world, order.id):
        answer = await client.post(
            f"/v1/orders/{order.id}/cancellation",
            json=CANCELED,
            headers={"Idempotency-Key": "the-same"},
        )
    assert (answer.status_code, answer.json()["code"]) == (503, "order_busy")
    assert int(answer.headers["Retry-After"]) >= 1
    again_sent = await client.post(
        f"/v1/orders/{order.id}/cancellation",
        json=CANCELED,
        headers={"Idempotency-Key": "the-same"},
    )
    assert again_sent.status_code == 202


def test_every_operation_of_the_database_is_repeatable(app: FastAPI) -> None:
    operations = [route for router in OPERATIONS for route in router.routes]
    assert all(isinstance(route, Operation) for route in operations)
    probes = [*health.router.routes, *health.metrics_router.routes]
    others = {route.path for route in probes if isinstance(route, APIRoute)}
    shown = [each for each in operations if isinstance(each, Operation) and each.include_in_schema]
    paths = {route.path for route in shown}
    assert paths | others == set(app.openapi()["paths"])
    assert len(operations) > 40
