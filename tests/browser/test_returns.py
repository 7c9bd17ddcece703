"""A buyer's return is refunded in whole and in part, in a real browser."""

from playwright.async_api import Page, expect

from tests.browser.conftest import OpenTab
from tests.harness.waiting import limited
from tests.harness.world import World
from tests.integration.test_returns import arrived, refunds, returned


async def units(page: Page, count: int) -> None:
    """Open the drawer of the return and choose its units."""
    await page.get_by_role("table").get_by_role("link", name="Refund").click()
    field = page.get_by_label("SKU-1")
    await expect(field).to_be_visible()
    await field.fill(str(count))


async def test_a_return_is_refunded_in_part_and_then_whole(
    world: World, signed_in: OpenTab
) -> None:
    await returned(world, 3)
    await arrived(world)
    page = await signed_in("write")
    await page.goto("/returns")
    await expect(page.get_by_text("20 h 5")).to_be_visible()
    async with world.polling(), limited():
        await units(page, 1)
        await page.get_by_role("button", name="Refund these units").click()
        await expect(page.get_by_text("The refund is on its way to Walmart.")).to_be_visible()
        # Walmart has the refund a moment before it is recorded.
        while not await page.get_by_text("1 of 3 refunded.").is_visible():
            await page.wait_for_timeout(50)
            await page.reload()
        assert await refunds(world) == [1]
        await units(page, 5)
        await page.get_by_role("button", name="Refund these units").click()
        # The browser itself keeps to what is left.
        await expect(page.get_by_label("SKU-1")).to_be_focused()
        await page.get_by_label("SKU-1").fill("2")
        await page.get_by_role("button", name="Refund these units").click()
        while await refunds(world) != [1, 2]:
            await page.wait_for_timeout(50)
    await page.goto("/returns?status=refunded")
    await expect(page.get_by_text("By Jane (operators).")).to_be_visible()


async def test_returns_fit_on_a_phone(world: World, signed_in: OpenTab) -> None:
    await returned(world, 1, 2)
    await arrived(world)
    page = await signed_in("write", viewport={"width": 390, "height": 800})
    await page.goto("/returns")
    assert await page.evaluate("document.documentElement.scrollWidth") <= 390
    await page.get_by_role("table").get_by_role("link", name="Refund").click()
    await expect(page.get_by_role("heading", name="Refund return")).to_be_visible()
    assert await page.evaluate("document.documentElement.scrollWidth") <= 390
