"""The API in this process, over a real database and a simulated Walmart."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import respx
from fastapi import FastAPI

from app.commerce.adobe_keys import KEY_HOST, AdobeKeys
from app.web.app import create_app
from tests.harness.world import World
from tests.integration.web.adobe import ADOBE, KEY_PATH, Clock, pem
from tests.tls import TLS

ADMIN_KEY = "wb_admin-key-of-the-tests"


class Counted:
    """Metrics that only record the requested routes."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, str, int]] = []

    def request(self, method: str, route: str, status: int, seconds: float) -> None:
        del seconds
        self.requests.append((method, route, status))

    async def refresh(self) -> None:
        return

    def render(self) -> tuple[bytes, str]:
        return b"waybill_up 1\n", "text/plain; version=0.0.4"


async def _ready() -> str | None:
    return None


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def app(world: World, clock: Clock) -> AsyncIterator[FastAPI]:
    keys = AdobeKeys(httpx.AsyncClient(verify=TLS), clock)
    yield app_of(world, keys)
    await keys.close()


def app_of(world: World, keys: AdobeKeys, **settings: Any) -> FastAPI:
    """The API with Adobe's keys, which the caller closes."""
    return create_app(
        context=world.context,
        admin_key=ADMIN_KEY,
        metrics=Counted(),
        ready=_ready,
        version="0",
        adobe_keys=keys,
        **settings,
    )


def client_of(app: FastAPI, key: str | None = ADMIN_KEY, **changes: Any) -> httpx.AsyncClient:
    """A client that sends a key; an error of the app is an answer, not an exception."""
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    headers = {} if key is None else {"Authorization": f"Bearer {key}"}
    return httpx.AsyncClient(
        transport=transport, base_url="http://waybill.test", headers=headers, **changes
    )


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(app) as opened:
        yield opened


@pytest.fixture
async def outside(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """A client without a Waybill key."""
    async with client_of(app, key=None) as opened:
        yield opened


@pytest.fixture
def adobe() -> Any:
    """Adobe's host with its public key; any other request to it is a 404."""
    with respx.mock(assert_all_called=False) as mocked:
        mocked.get(f"{KEY_HOST}{KEY_PATH}").respond(text=pem(ADOBE))
        mocked.route(host="waybill.test").pass_through()
        mocked.route(host="127.0.0.1").pass_through()
        yield mocked
