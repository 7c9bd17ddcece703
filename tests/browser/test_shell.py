"""The frame of every page in a real browser: signing in, the drawer, the person's time zone."""

import re

import pytest
from fastapi import FastAPI
from playwright.async_api import expect

from app.cli import demo_control
from app.web.page_settings import PageSettings
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
    await expect(page.get_by_role("heading", name="Returns", exact=True)).to_be_visible()
    await page.get_by_label("admin: account").click()
    await page.get_by_role("button", name="Sign out").click()
    await page.wait_for_url("**/sign-in")
    await page.goto("/returns")
    await expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


@pytest.mark.parametrize("width", [390, 1440])
async def test_no_page_scrolls_sideways_and_every_icon_is_drawn(
    world: World, page_app: FastAPI, signed_in: OpenTab, watch: Watch, width: int
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
    # The strip of the demo fits as well, and its buttons are large enough for a thumb.
    async with demo_control.opened(world.walmart_url) as control:
        page_app.state.page = PageSettings(demo=control)
        await page.goto("/orders")
        assert await page.evaluate("document.documentElement.scrollWidth") <= width
        buttons = await page.get_by_label("Simulator").get_by_role("button").all()
        boxes = [await each.bounding_box() for each in buttons]
        assert len(boxes) == 4
        for box in boxes:
            assert box is not None
            assert box["x"] >= 0
            assert box["x"] + box["width"] <= width
            assert box["height"] >= 24


async def test_the_second_page_has_the_time_zone_of_the_browser(signed_in: OpenTab) -> None:
    page = await signed_in()
    await page.goto("/orders")
    await expect(page.locator("body")).to_have_attribute("data-zone", "America/Los_Angeles")


async def test_keys_work_outside_of_fields_and_can_be_switched_off(signed_in: OpenTab) -> None:
    page = await signed_in()
    await page.goto("/orders")
    await page.keyboard.press("g")
    await page.keyboard.press("a")
    await page.wait_for_url("**/attention")
    await page.keyboard.press("?")
    help_dialog = page.get_by_role("dialog", name="Keyboard")
    await expect(help_dialog).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(help_dialog).to_be_hidden()
    await page.keyboard.press("/")
    field = page.get_by_label("Find an order")
    await expect(field).to_be_focused()
    await page.keyboard.type("g?/o")
    await expect(field).to_have_value("g?/o")
    await expect(help_dialog).to_be_hidden()
    await page.get_by_label("Jane: account").click()
    await page.get_by_role("button", name="Keyboard").click()
    await help_dialog.get_by_label("Use these keys").uncheck()
    await help_dialog.get_by_role("button", name="Close").click()
    await page.reload()
    await page.keyboard.press("?")
    await page.keyboard.press("g")
    await page.keyboard.press("h")
    await expect(page).to_have_url(re.compile("/attention$"))
    await expect(help_dialog).to_be_hidden()


async def test_the_end_of_a_sign_in_is_announced_and_put_off(signed_in: OpenTab) -> None:
    page = await signed_in()
    await page.goto("/orders")
    soon = "document.body.dataset.ends = new Date(Date.now() + 100_000).toISOString()"
    await page.evaluate(soon)
    warning = page.get_by_role("alert")
    await expect(warning).to_contain_text("Your sign-in ends in 2 minutes.")
    await page.get_by_role("button", name="Stay signed in").click()
    await expect(warning).to_be_hidden()
    left = "(Date.parse(document.body.dataset.ends) - Date.now()) / 3600_000"
    assert 11 < await page.evaluate(left) <= 12


async def test_the_language_is_the_browsers_until_another_is_chosen(signed_in: OpenTab) -> None:
    page = await signed_in(locale="fr-CA")
    await page.goto("/returns?q=1")
    await expect(page.get_by_role("heading", level=1)).to_have_text("Retours")
    await page.get_by_label("Jane : compte").click()
    await page.get_by_role("button", name="Español").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Devoluciones")
    assert page.url.endswith("/returns?q=1")
    await expect(page.locator("html")).to_have_attribute("lang", "es-MX")


async def test_a_page_prints_without_its_controls(signed_in: OpenTab) -> None:
    page = await signed_in(color_scheme="dark")
    await page.goto("/orders")
    await page.emulate_media(media="print")
    await expect(page.locator("header.top")).to_be_hidden()
    await expect(page.get_by_role("heading", level=1)).to_be_visible()
