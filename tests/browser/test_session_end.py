"""A session that ends while a person types: nothing typed is lost, with JavaScript or without."""

import sqlalchemy as sa
from fastapi import FastAPI
from playwright.async_api import Page, expect

from tests.browser.conftest import OpenTab, Watch
from tests.harness.world import World
from tests.integration.web.conftest import ADMIN_KEY

COMMENT = 'Broken: "A" & <b>B</b>'


async def end_sessions(world: World, app: FastAPI) -> None:
    async with world.database.begin() as connection:
        await connection.execute(sa.text("DELETE FROM sessions"))
    # The process remembers a session for five seconds.
    app.state.keys.monotonic = lambda: 1e12


async def fill(page: Page) -> None:
    await page.get_by_label("Out of stock").check()
    await page.get_by_label("Comment").fill(COMMENT)
    await expect(page.get_by_label("Comment")).to_have_value(COMMENT)


async def sign_in_and_send_again(page: Page) -> None:
    await expect(page.get_by_text("what you typed is kept")).to_be_visible()
    await page.get_by_label("Key", exact=True).fill(ADMIN_KEY)
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.get_by_label("Out of stock")).to_be_checked()
    await expect(page.get_by_label("Comment")).to_have_value(COMMENT)
    await page.get_by_role("button", name="Cancel order").click()


async def test_the_sign_in_appears_in_the_drawer_and_then_the_form_as_it_was(
    world: World, page_app: FastAPI, signed_in: OpenTab, watch: Watch
) -> None:
    watch.expected = ["401"]
    order = await world.an_order(2)
    page = await signed_in()
    await page.goto(f"/orders/{order.id}")
    await page.get_by_role("link", name="Cancel order").click()
    await expect(page.get_by_role("dialog")).to_be_visible()
    await fill(page)
    await end_sessions(world, page_app)
    await page.get_by_role("button", name="Cancel order").click()
    await sign_in_and_send_again(page)
    await expect(page.get_by_role("dialog")).to_be_hidden()
    await expect(page.get_by_text("The cancellation is on its way to Walmart.")).to_be_visible()
    assert page.url.partition("?")[0].endswith(f"/orders/{order.id}")


async def test_without_javascript_the_form_comes_back_after_the_sign_in(
    world: World, page_app: FastAPI, signed_in: OpenTab, watch: Watch
) -> None:
    watch.expected = ["401"]
    order = await world.an_order(2)
    page = await signed_in(java_script_enabled=False)
    await page.goto(f"/orders/{order.id}/cancel")
    await fill(page)
    await end_sessions(world, page_app)
    await page.get_by_role("button", name="Cancel order").click()
    await sign_in_and_send_again(page)
    await expect(page.get_by_text("The cancellation is on its way to Walmart.")).to_be_visible()
