"""A real browser on the real page: Chromium, PostgreSQL, the simulator, all in this machine.

One Chromium serves all tests of a process: starting one costs as much as many a test. Each has
contexts of its own.

`signed_in("write")` opens a tab of a person with that scope. A tab that shows a console message, asks
another host, or gets an answer without the page's policy fails its test at the end.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from playwright.async_api import (
    Browser,
    BrowserContext,
    Page,
    Response,
    expect,
)

from app.commerce.adobe_keys import AdobeKeys
from app.storage.queries.views import StoreView
from tests.harness import chromium
from tests.harness.server import serving
from tests.harness.signing_in import Person, token_for
from tests.harness.waiting import LIMIT
from tests.harness.world import World
from tests.integration.web.adobe import Clock
from tests.integration.web.conftest import adobe, app_of  # noqa: F401 - a fixture
from tests.tls import TLS

# Playwright's own limit of an expectation is too short for a busy machine.
expect.set_options(timeout=LIMIT * 1000)
POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'"
OpenTab = Callable[..., Awaitable[Page]]


@pytest.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    async with chromium.opened() as started:
        yield started


@pytest.fixture
async def page_app(world: World) -> AsyncIterator[FastAPI]:
    """The app that the browser visits."""
    keys = AdobeKeys(httpx.AsyncClient(verify=TLS), Clock())
    yield app_of(world, keys)
    await keys.close()


@pytest.fixture
async def site(page_app: FastAPI) -> AsyncIterator[str]:
    """The address of the page."""
    async with serving(page_app) as address:
        yield address


@dataclass
class Watch:
    """What a tab must not do."""

    site: str
    troubles: list[str] = field(default_factory=list)
    expected: list[str] = field(default_factory=list)
    """Parts of console messages that the test causes on purpose, such as a refused form."""

    def add(self, page: Page) -> None:
        """Watch a tab."""
        page.on("console", lambda message: self._seen(f"console: {message.text}"))
        page.on("pageerror", lambda error: self._seen(f"error: {error}"))
        page.on("response", self._answered)
        page.on(
            "request",
            lambda request: (
                None
                if request.url.startswith((self.site, "data:", "about:", "blob:"))
                else self._seen(f"asked {request.url}")
            ),
        )

    def _answered(self, response: Response) -> None:
        headers = response.headers
        html = headers.get("content-type", "").startswith("text/html")
        docs = response.url.startswith(f"{self.site}/docs")
        if html and not docs and not headers.get("content-security-policy", "").startswith(POLICY):
            self._seen(f"no policy: {response.url}")

    def _seen(self, trouble: str) -> None:
        self.troubles.append(trouble)

    def check(self) -> None:
        """Fail for what was seen and not expected."""
        left = [t for t in self.troubles if not any(part in t for part in self.expected)]
        assert left == []


@pytest.fixture
def watch(site: str) -> Watch:
    """Watches the tabs of the test; add to `watch.expected` what the test causes on purpose."""
    return Watch(site)


@pytest.fixture
async def visitors(browser: Browser, site: str, watch: Watch) -> AsyncIterator[OpenTab]:
    """Open tabs of people who are not signed in, with options of the browser's context."""
    async with AsyncExitStack() as stack:

        async def open_tab(**options: Any) -> Page:
            given = {
                "viewport": {"width": 1440, "height": 900},
                "base_url": site,
                "locale": "en-US",
                "timezone_id": "America/Los_Angeles",
                **options,
            }
            context: BrowserContext = await browser.new_context(**given)
            context.set_default_timeout(LIMIT * 1000)
            stack.push_async_callback(context.close)
            context.on("page", watch.add)
            return await context.new_page()

        yield open_tab
    watch.check()


@pytest.fixture
async def signed_in(world: World, visitors: OpenTab, site: str) -> OpenTab:
    """Open tabs of people who are signed in, with a scope and perhaps one store."""

    async def open_tab(
        scope: str = "write", store: StoreView | None = None, *, name: str = "Jane", **options: Any
    ) -> Page:
        page = await visitors(**options)
        token = await token_for(world.context, Person(scope, store, name))
        await page.context.add_cookies([{"name": "waybill", "value": token, "url": site}])
        return page

    return open_tab
