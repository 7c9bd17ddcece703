"""A clock, a scripted Walmart at the network edge, and a client that talks to it."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from datetime import datetime, timedelta

import httpx
import pytest
import respx

from app.http_client.transport import Http
from app.walmart.client import WalmartClient
from app.walmart.token import TokenCache
from tests.unit.walmart.builders import BASE, NOW


class Clock:
    def __init__(self) -> None:
        self.time = NOW
        self.slept: list[float] = []

    def __call__(self) -> datetime:
        return self.time

    def passes(self, **span: float) -> None:
        self.time += timedelta(**span)

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


async def a_while() -> None:
    """Let every other task run until it waits too, as a real network does."""
    for _ in range(50):
        await asyncio.sleep(0)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def walmart() -> respx.MockRouter:
    router = respx.MockRouter(base_url=BASE, assert_all_called=False)
    answers = ({"access_token": f"token-{n}", "expires_in": 900} for n in itertools.count(1))

    async def answer(_: httpx.Request) -> httpx.Response:
        await a_while()
        return httpx.Response(200, json=next(answers))

    router.post("/v3/token", name="token").mock(side_effect=answer)
    return router


@pytest.fixture
async def client(walmart: respx.MockRouter, clock: Clock) -> AsyncIterator[WalmartClient]:
    scripted = httpx.MockTransport(walmart.async_handler)
    async with Http(scripted, timeout=5) as http:
        yield WalmartClient(
            http,
            base_url=f"{BASE}/",
            timeout=5,
            now=clock,
            tokens=lambda exchange: TokenCache(
                exchange, now=clock, sleep=clock.sleep, jitter=lambda: 1.0
            ),
        )
