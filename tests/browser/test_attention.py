"""One fix for thirty orders, in a real browser with a real poller and the simulated Walmart."""

import asyncio

import pytest
from fastapi import FastAPI
from playwright.async_api import expect

from tests.browser.conftest import OpenTab
from tests.harness.waiting import limited
from tests.harness.world import World
from tests.integration.web.conftest import client_of
from tests.integration.web.test_attention import refused_in_commerce

ORDERS = 30


@pytest.mark.usefixtures("adobe")
async def test_a_cause_with_thirty_orders_is_fixed_once_and_all_reach_walmart(
    world: World, page_app: FastAPI, signed_in: OpenTab
) -> None:
    async with client_of(page_app) as client, client_of(page_app, key=None) as outside:
        orders = await refused_in_commerce(world, client, outside, range(ORDERS))
    page = await signed_in("write")
    await page.goto("/attention")
    await expect(
        page.get_by_role("heading", name=f"{ORDERS} shipments: Acme needs a tracking address")
    ).to_be_visible()
    async with world.polling(), limited():
        await page.get_by_role("link", name=f"Give the address, send {ORDERS}").click()
        field = page.get_by_label("Address where the buyer follows a package")
        await field.fill("https://acme.example/t/{tracking_number}")
        await page.get_by_role("button", name=f"Give the address, send {ORDERS}").click()
        await expect(page.get_by_text(f"{ORDERS} go out now.")).to_be_visible()
        await expect(page.get_by_role("heading", name="Nothing needs action")).to_be_visible()
        for order in orders:
            while (await world.order(order.id)).status != "shipped":
                await asyncio.sleep(0.05)
    ledger = [each for each in await world.ledger() if each["operation"] == "shipping"]
    assert len(ledger) == ORDERS
    assert len({each["tracking_number"] for each in ledger}) == ORDERS


async def test_without_a_problem_the_page_says_so_on_a_phone_too(
    world: World, signed_in: OpenTab
) -> None:
    await world.a_store()
    page = await signed_in("read", viewport={"width": 390, "height": 800})
    await page.goto("/attention")
    await expect(page.get_by_role("heading", name="Nothing needs action")).to_be_visible()
    await expect(page).to_have_title("Needs attention · Waybill")
    assert await page.evaluate("document.documentElement.scrollWidth") <= 390
