"""Rate of requests of an API key, and time of a request."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import httpx
import pytest
import sqlalchemy as sa
from fastapi import FastAPI

from app.commerce.adobe_keys import open_keys
from app.web.request_limits import RequestLimits
from tests.harness.world import World
from tests.integration.web.conftest import app_of, client_of
from tests.integration.web.test_wrong_keys import made

LIMITS = RequestLimits(rate=0.001, burst=4)
PACKAGE = {"carrier_code": "ups", "tracking_number": "1ZA"}


@pytest.fixture
async def app(world: World) -> AsyncIterator[FastAPI]:
    keys = open_keys()
    yield app_of(world, keys, limits=LIMITS)
    await keys.close()


async def test_a_key_has_its_burst_then_429_with_the_time_to_wait(
    world: World, app: FastAPI, client: httpx.AsyncClient
) -> None:
    now = [0.0]
    app.state.rates.monotonic = lambda: now[0]
    order = await world.an_order(3)
    path = f"/v1/orders/{order.id}/shipments"
    secret = (await made(client, "second", scope="write"))["secret"]
    # The fast path, FastAPI's with a body, one without; a preview fails and counts too.
    answers = [
        await client.post(path, json={**PACKAGE, "items": [{"line_number": "1", "quantity": 1}]}),
        await client.post(f"{path}?dry_run=true", json=PACKAGE),
        await client.get("/v1/orders"),
    ]
    assert [each.status_code for each in answers] == [202, 200, 200]
    assert {each.headers["ratelimit-policy"] for each in answers} == {'"key";q=4;w=4000'}
    assert [each.headers["ratelimit"] for each in answers] == [
        '"key";r=2;t=2000',
        '"key";r=1;t=3000',
        '"key";r=0;t=4000',
    ]
    for refused in (await client.get("/v1/orders"), await client.post(path, json=PACKAGE)):
        assert (refused.status_code, refused.json()["code"]) == (429, "rate_limited")
        assert refused.headers["content-type"] == "application/problem+json"
        assert refused.headers["retry-after"] == "1000"
        assert refused.headers["ratelimit"] == '"key";r=0;t=1000'
    assert app.state.rates.fewest_left() == 0
    # Another key has its own, a wrong one none, and probes and pages have no limit.
    async with client_of(app, secret) as other, client_of(app, None) as none:
        assert (await other.get("/v1/orders")).headers["ratelimit"] == '"key";r=3;t=1000'
        assert "ratelimit" not in (await none.get("/v1/orders")).headers
        assert (await none.get("/livez")).status_code == 200
    now[0] = 1000.0
    assert app.state.rates.fewest_left() == pytest.approx(1)
    assert (await client.get("/v1/orders")).status_code == 200
    assert (await client.get("/v1/orders")).status_code == 429
    # A limit is no refused access.
    now[0] = 1e9
    listed = (await client.get("/v1/audit", params={"what": "access_refused"})).json()["data"]
    assert {each["after"]["reason"] for each in listed} == {"unauthorized"}
    assert len((await world.order(order.id)).shipments) == 1


async def test_a_request_that_takes_too_long_is_broken_off_and_writes_nothing(
    world: World, app: FastAPI
) -> None:
    order = await world.an_order(3)
    hurried = app_of(world, app.state.adobe_keys, limits=replace(LIMITS, rate=0, timeout=0.3))
    path = f"/v1/orders/{order.id}/shipments"
    async with client_of(hurried) as client:
        async with world.database.begin() as connection:
            await connection.execute(sa.text("SELECT FROM orders FOR UPDATE"))
            answers = await asyncio.gather(
                *(client.post(path, json=PACKAGE) for _ in range(4)),
                *(client.post(f"/v1/orders/{order.id}/refresh") for _ in range(8)),
            )
        for answer in answers:
            assert (answer.status_code, answer.json()["code"]) == (503, "request_timeout")
            assert answer.headers["retry-after"] == "5"
        assert (await world.order(order.id)).shipments == ()
    # Their connections work, or were replaced.
    async with client_of(app_of(world, app.state.adobe_keys)) as client:
        for _ in range(10):
            assert (await client.get(path)).status_code == 200
        assert (await client.post(path, json=PACKAGE)).status_code == 202
