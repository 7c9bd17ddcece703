"""The frame of every page in a real browser: signing in, the drawer, the person's time zone."""

import pytest
from playwright.async_api import expect

from tests.browser.conftest import OpenTab, Watch
from tests.harness.world import World
from tests.integration.web.conftest import ADMIN_KEY


async def test_a_person_signs_in_by_a_key_and_out_again(visitors: OpenTab, watch: Watch) -> None:
    watch.expected = ["401"]
    page = await visitors()
    await page.goto("/returns")
    await page.get_by_label("Key").fill(ADMIN_KEY)
    await page.get_by_role("button", name="Sign in").click()
    await page.wait_for_url("**/returns")
    await expect(page.get_by_role("heading", name="Returns")).to_be_visible()
    await page.get_by_label("admin: account").click()
    await page.get_by_role("button", name="Sign out").click()
    await page.wait_for_url("**/sign-in")
    await page.goto("/returns")
    await expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


@pytest.mark.parametrize("width", [390, 1440])
async def test_no_page_scrolls_sideways_and_every_icon_is_drawn(
    world: World, signed_in: OpenTab, watch: Watch, width: int
) -> None:
    watch.expected = ["404"]
    await world.a_store(name="Main store of a company with a long name")
    await world.a_store()
    page = await signed_in("admin", viewport={"width": width, "height": 800})
    for address in ("/orders", "/returns", "/attention", "/health", "/stores", "/nothing"):
        await page.goto(address)
        assert await page.evaluate("document.documentElement.scrollWidth") <= width
    sizes = (
        "[...document.querySelectorAll('main svg.icon, .search svg')].map(i => i.getBBox().width)"
    )
    await page.goto("/orders")
    assert min(await page.evaluate(sizes)) > 0


async def test_the_second_page_has_the_time_zone_of_the_browser(signed_in: OpenTab) -> None:
    page = await signed_in()
    await page.goto("/orders")
    await expect(page.locator("body")).to_have_attribute("data-zone", "America/Los_Angeles")
