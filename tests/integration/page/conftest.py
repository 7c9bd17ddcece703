"""The page in this process, over a real database and a simulated Walmart.

`signed_in("write")` is the client of a person with that scope; `signed_in("read", store)` of one
who may see one store only.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack

import httpx
import pytest
from fastapi import FastAPI

from app.commerce.adobe_keys import AdobeKeys
from app.storage.queries.views import StoreView
from tests.harness.signing_in import Person, page_client, token_for
from tests.harness.world import World
from tests.integration.web.adobe import Clock
from tests.integration.web.conftest import adobe, app_of  # noqa: F401 - a fixture
from tests.tls import TLS

SignIn = Callable[..., Awaitable[httpx.AsyncClient]]


@pytest.fixture
async def app(world: World) -> AsyncIterator[FastAPI]:
    keys = AdobeKeys(httpx.AsyncClient(verify=TLS), Clock())
    yield app_of(world, keys)
    await keys.close()


@pytest.fixture
async def stranger(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """A browser that is not signed in."""
    async with page_client(app, None) as client:
        yield client


@pytest.fixture
async def signed_in(world: World, app: FastAPI) -> AsyncIterator[SignIn]:
    """Opens sessions, each with a client of its own."""
    async with AsyncExitStack() as stack:

        async def open_one(
            scope: str = "write", store: StoreView | None = None, name: str = "Jane"
        ) -> httpx.AsyncClient:
            token = await token_for(world.context, Person(scope, store, name))
            return await stack.enter_async_context(page_client(app, token))

        yield open_one
