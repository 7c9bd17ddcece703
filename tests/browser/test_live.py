"""An open list of orders stays true: rows change in place, and nothing moves under a person."""

import re

from playwright.async_api import Route, expect

from app.usecases.orders import ship
from tests.browser.conftest import OpenTab, Watch
from tests.builders import a_package
from tests.harness.world import ACTOR, World


async def test_a_row_changes_in_place_and_focus_checked_box_and_scroll_stay(
    world: World, signed_in: OpenTab
) -> None:
    await world.a_store()
    orders = [await world.an_order(1, status="Acknowledged") for _ in range(25)]
    changing, other = orders[12], orders[10]
    page = await signed_in("write")
    await page.goto("/orders")
    await expect(page.get_by_text(re.compile(r"^Live, \d+ s ago$"))).to_be_visible()
    box = page.get_by_label(f"Select {other.purchase_order_id}")
    await box.check()
    link = page.locator(f"#order-{changing.id} .which a")
    await link.focus()
    before = await page.evaluate("scrollY")
    assert before > 0
    await ship.ship(world.context, changing.id, a_package("1ZA"), actor=ACTOR)
    await world.database.direct.fetch(
        "UPDATE orders SET commerce_order_number = '000000777', updated_at = now() WHERE id = $1",
        changing.id,
    )
    row = page.locator(f"#order-{changing.id}")
    await expect(row).to_contain_text("Commerce 000000777")
    assert await page.evaluate("document.activeElement.closest('tr').id") == f"order-{changing.id}"
    await expect(box).to_be_checked()
    assert await page.evaluate("scrollY") == before


async def test_new_orders_wait_until_the_person_wants_to_see_them(
    world: World, signed_in: OpenTab
) -> None:
    await world.a_store()
    first = await world.an_order(1)
    page = await signed_in("write")
    await page.goto("/orders")
    await expect(page.get_by_text(re.compile(r"^Live, "))).to_be_visible()
    box = page.get_by_label(f"Select {first.purchase_order_id}")
    await box.check()
    second = await world.an_order(1)
    show = page.get_by_role("button", name="1 new order. Show it")
    await expect(show).to_be_visible()
    await expect(page.locator(f"#order-{second.id}")).to_have_count(0)
    await show.click()
    await expect(page.locator(f"#order-{second.id}")).to_be_visible()
    await expect(box).to_be_checked()


async def test_a_list_that_cannot_be_refreshed_says_so_and_finds_back(
    world: World, signed_in: OpenTab, watch: Watch
) -> None:
    watch.expected.append("Failed to load resource")
    watch.expected.append("ERR_")
    await world.a_store()
    order = await world.an_order(1)
    page = await signed_in("write")
    await page.goto("/orders")
    await expect(page.get_by_text(re.compile(r"^Live, "))).to_be_visible()

    async def away(route: Route) -> None:
        await route.abort("connectionrefused")

    await page.route("**/orders", away)
    await world.database.direct.fetch(
        "UPDATE orders SET commerce_order_number = '000000778', updated_at = now()"
    )
    await expect(page.get_by_text(re.compile(r"^Not refreshed since "))).to_be_visible()
    await expect(page.locator("main.stale")).to_be_visible()
    await page.unroute("**/orders", away)
    await page.get_by_role("button", name="Try now").click()
    await expect(page.get_by_text(re.compile(r"^Live, "))).to_be_visible()
    await expect(page.locator(f"#order-{order.id}")).to_contain_text("Commerce 000000778")
    assert await page.locator("main.stale").count() == 0


async def test_without_a_stream_the_list_is_read_again_now_and_then(
    world: World, signed_in: OpenTab, watch: Watch
) -> None:
    watch.expected.append("Failed to load resource")
    watch.expected.append("ERR_")
    await world.a_store()
    order = await world.an_order(1)
    page = await signed_in("write")

    async def refused(route: Route) -> None:
        await route.abort("connectionrefused")

    await page.route("**/live", refused)
    await page.goto("/orders")
    await world.database.direct.fetch(
        "UPDATE orders SET commerce_order_number = '000000779', updated_at = now()"
    )
    await expect(page.locator(f"#order-{order.id}")).to_contain_text("Commerce 000000779")
    await expect(page.get_by_text(re.compile(r"^Refreshed \d+ s ago$"))).to_be_visible()
