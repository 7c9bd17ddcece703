"""The docs page in a real browser: it works, and loads nothing from another host."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page

from app.web import export
from app.web.export import describing_only
from tests.harness.server import serving

SCREENSHOTS = Path(__file__).resolve().parents[2] / "screenshots"


@pytest.fixture
async def address() -> AsyncIterator[str]:
    async with serving(describing_only()) as url:
        yield url


async def watched(browser: Browser, address: str) -> tuple[Page, list[str]]:
    page = await browser.new_page(viewport={"width": 1200, "height": 1400})
    troubles: list[str] = []
    page.on("console", lambda m: troubles.append(m.text) if m.type == "error" else None)
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.on(
        "request",
        lambda request: (
            None
            if request.url.startswith((address, "data:"))
            else troubles.append(f"asked {request.url}")
        ),
    )
    return page, troubles


async def test_the_docs_page_shows_every_operation_and_loads_nothing_from_other_hosts(
    browser: Browser, address: str
) -> None:
    page, troubles = await watched(browser, address)
    await page.goto(f"{address}/docs")
    await page.wait_for_selector(".opblock")
    count = sum(len(methods) for methods in export.document()["paths"].values())
    assert await page.locator(".opblock").count() == count
    await page.click("#operations-shipments-ship_order .opblock-summary-control")
    opened = page.locator("#operations-shipments-ship_order .opblock-body")
    await opened.wait_for()
    assert "1Z999AA10123456784" in await opened.inner_text()
    SCREENSHOTS.mkdir(exist_ok=True)
    await page.screenshot(path=SCREENSHOTS / "docs.png")
    # A key that is typed in is gone with the page, and one that an earlier version kept as well.
    await page.click("button.authorize")
    await page.fill("#auth-bearer-value, .modal-ux input", "wb_a-key-that-is-typed-in")
    await page.click(".modal-ux button.authorize")
    await page.click(".modal-ux button.btn-done")
    stored = "JSON.stringify([localStorage, sessionStorage, document.cookie])"
    assert "wb_" not in await page.evaluate(stored)
    await page.evaluate("localStorage.setItem('authorized', 'wb_kept')")
    await page.reload()
    assert "wb_" not in await page.evaluate(stored)
    assert troubles == []


async def test_the_page_of_problem_codes_links_to_the_code(browser: Browser, address: str) -> None:
    page, troubles = await watched(browser, address)
    await page.goto(f"{address}/docs/problems#tracking_url_required")
    row = page.locator("tr:target")
    assert "tracking_url_required" in await row.inner_text()
    await page.screenshot(path=SCREENSHOTS / "problems.png")
    assert troubles == []
