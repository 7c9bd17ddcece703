"""The list of orders in a real browser: filters, search, pages, a phone, hostile words, the keys."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from playwright.async_api import Page, expect

from app.storage.tables import order_lines, orders
from tests.browser.conftest import OpenTab, Watch
from tests.harness.world import World

HOSTILE = "<img src=x onerror=alert(1)>\u202e=cmd()" + "W" * 60


async def put(world: World, order: Any, **values: Any) -> None:
    async with world.database.begin() as connection:
        await connection.execute(sa.update(orders).where(orders.c.id == order.id).values(**values))


async def many(world: World, count: int) -> None:
    """Orders of a store, P1 the newest."""
    store = await world.a_store()
    statement = sa.text(
        "INSERT INTO orders (store_id, id, purchase_order_id, ordered_at) "
        "SELECT :store, gen_random_uuid(), 'P' || n, now() - make_interval(mins => n) "
        "FROM generate_series(1, :count) n"
    )
    async with world.database.begin() as connection:
        await connection.execute(statement, {"store": store.store_id, "count": count})


async def numbers(page: Page) -> list[str]:
    return await page.locator("tbody th a").all_inner_texts()


async def test_filters_in_the_address_survive_back_and_reload(
    world: World, signed_in: OpenTab
) -> None:
    late, soon, other = [await world.an_order(1) for _ in range(3)]
    await put(world, late, ship_by=datetime.now(UTC) - timedelta(hours=1))
    await put(world, soon, ship_by=datetime.now(UTC) + timedelta(hours=1), ship_method="OneDay")
    page = await signed_in()
    await page.goto("/orders")
    await page.get_by_role("link", name="1 Late").click()
    assert await numbers(page) == [late.purchase_order_id]
    await page.reload()
    assert await numbers(page) == [late.purchase_order_id]
    await page.locator("summary", has_text="Filter").click()
    await page.get_by_label("Late", exact=True).uncheck()
    await page.get_by_label("Shipping method").select_option("OneDay")
    await page.get_by_role("button", name="Show", exact=True).click()
    assert await numbers(page) == [soon.purchase_order_id]
    await expect(page.get_by_role("link", name="Method: OneDay")).to_be_visible()
    await page.go_back()
    assert await numbers(page) == [late.purchase_order_id]
    await page.go_forward()
    await page.get_by_role("link", name="Method: OneDay").click()
    assert len(await numbers(page)) == 3
    await page.locator("summary", has_text="Sort").click()
    await page.get_by_role("link", name="Ship by", exact=True).click()
    assert (await numbers(page))[:2] == [late.purchase_order_id, soon.purchase_order_id]
    assert other.purchase_order_id in await numbers(page)


async def test_the_search_in_the_header_finds_by_any_number(
    world: World, signed_in: OpenTab, watch: Watch
) -> None:
    watch.expected = ["404"]
    first, second = await world.an_order(1), await world.an_order(1)
    page = await signed_in()
    await page.goto("/orders")
    await page.get_by_label("Find an order").fill(first.purchase_order_id[:9])
    await page.keyboard.press("Enter")
    await expect(page.locator("tbody tr")).to_have_count(2)
    await page.get_by_label("Find an order").fill(second.purchase_order_id)
    await page.keyboard.press("Enter")
    await page.wait_for_url(f"**/orders/{second.id}*")
    await page.goto("/orders?q=nothing")
    await expect(page.get_by_role("heading", name="No order matches")).to_be_visible()
    await page.get_by_role("link", name="Show all orders").click()
    await expect(page.locator("tbody tr")).to_have_count(2)


async def test_pages_lead_to_older_orders_and_back(world: World, signed_in: OpenTab) -> None:
    await many(world, 130)
    page = await signed_in()
    await page.goto("/orders")
    first = await numbers(page)
    seen = list(first)
    for begins in ("P51", "P101"):
        await page.get_by_role("link", name="Older").click()
        await expect(page.get_by_role("link", name=begins, exact=True)).to_be_visible()
        seen += await numbers(page)
    assert seen == [f"P{number}" for number in range(1, 131)]
    await expect(page.get_by_role("link", name="Older")).to_have_count(0)
    for _ in range(2):
        await page.get_by_role("link", name="Newer").click()
    assert await numbers(page) == first
    await expect(page.get_by_role("link", name="Newer")).to_have_count(0)


async def test_a_phone_shows_orders_as_cards_and_never_scrolls_sideways(
    world: World, signed_in: OpenTab
) -> None:
    store = await world.a_store(name=HOSTILE)
    order = await world.an_order(2, store=store)
    await put(world, order, commerce_order_number=HOSTILE, ship_method=HOSTILE)
    async with world.database.begin() as connection:
        await connection.execute(sa.update(order_lines).values(sku=HOSTILE))
    for width in (390, 1440):
        page = await signed_in("admin", viewport={"width": width, "height": 800})
        for query in ("", "?ship_method=" + "x" * 120, "?q=%3Cimg%20src=x%20onerror=alert(1)%3E"):
            await page.goto(f"/orders{query}")
            assert await page.evaluate("document.documentElement.scrollWidth") <= width, query
        await page.goto("/orders")
        await expect(page.locator("tbody tr")).to_contain_text("onerror=alert(1)")
        await page.locator("summary", has_text="Filter").click()
        show = page.get_by_role("button", name="Show", exact=True)
        await show.scroll_into_view_if_needed()
        await expect(show).to_be_in_viewport()
        assert await page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("locale", ["en-US", "es-MX", "fr-CA"])
async def test_the_cards_and_what_is_wrong_with_an_order_are_in_view_at_every_width(
    world: World, signed_in: OpenTab, locale: str
) -> None:
    order = await world.an_order(1)
    soon = datetime.now(UTC) + timedelta(days=1, hours=6)
    await put(world, order, ship_by=soon, deliver_by=soon, ship_method="Standard")
    page = await signed_in(locale=locale)
    for width in (1440, 1280, 1024, 768):
        await page.set_viewport_size({"width": width, "height": 900})
        await page.goto("/orders")
        hidden = "e => e.parentElement.scrollWidth - e.parentElement.clientWidth"
        assert await page.locator("table.orders").evaluate(hidden) <= 0, width
        await expect(page.locator("td.details")).to_be_in_viewport(ratio=1)
        for group in await page.locator(".cards").all():
            rows = "e => new Set([...e.children].map(each => each.offsetTop)).size"
            assert await group.evaluate(rows) == 1, width


async def test_the_keyboard_alone_filters_opens_and_imports(
    world: World, signed_in: OpenTab, watch: Watch
) -> None:
    watch.expected = ["404", "422"]
    order = await world.an_order(1)
    page = await signed_in()
    await page.goto("/orders")
    await _tab_to(page, "Filter")
    await page.keyboard.press("Enter")
    await _tab_to(page, "Open")
    await page.keyboard.press("Space")
    await page.keyboard.press("Enter")
    await page.wait_for_url("**status=open**")
    await _tab_to(page, "Import an order")
    await page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    await expect(dialog.get_by_role("heading", name="Import an order")).to_be_focused()
    await _tab_to(page, "Walmart order number")
    await page.keyboard.type("12x")
    await page.keyboard.press("Enter")
    await expect(dialog.get_by_text("digits only")).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(dialog).to_have_count(0)
    await _tab_to(page, order.purchase_order_id)
    await page.keyboard.press("Enter")
    await page.wait_for_url(f"**/orders/{order.id}*")


async def test_keys_move_select_open_and_ship(world: World, signed_in: OpenTab) -> None:
    older, newer = await world.an_order(1), await world.an_order(1)
    await put(world, older, ordered_at=datetime.now(UTC) - timedelta(days=2))
    page = await signed_in()
    await page.goto("/orders")
    await expect(page.locator("tbody tr")).to_have_count(2)
    await page.keyboard.press("j")
    await page.keyboard.press("j")
    await expect(page.get_by_role("link", name=older.purchase_order_id, exact=True)).to_be_focused()
    await page.keyboard.press("x")
    await expect(page.get_by_label(f"Select {older.purchase_order_id}")).to_be_checked()
    await expect(page.get_by_label(f"Select {newer.purchase_order_id}")).not_to_be_checked()
    await page.keyboard.press("s")
    await expect(page.get_by_role("dialog").get_by_role("heading").first).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(page.get_by_label(f"Select {older.purchase_order_id}")).to_be_checked()


async def test_keys_lead_to_the_neighbours_of_an_order_and_to_its_cancellation(
    world: World, signed_in: OpenTab
) -> None:
    older, newer = await world.an_order(1), await world.an_order(1)
    await put(world, older, ordered_at=datetime.now(UTC) - timedelta(days=2))
    page = await signed_in()
    await page.goto("/orders")
    await page.get_by_role("link", name=newer.purchase_order_id, exact=True).click()
    await page.wait_for_url(f"**/orders/{newer.id}*")
    await page.keyboard.press("]")
    await page.wait_for_url(f"**/orders/{older.id}*")
    await page.keyboard.press("[")
    await page.wait_for_url(f"**/orders/{newer.id}*")
    await page.keyboard.press("c")
    await expect(page.get_by_role("dialog").get_by_role("heading").first).to_be_visible()


async def _tab_to(page: Page, name: str) -> None:
    """Press Tab until what has the focus is named so."""
    named = """() => { const e = document.activeElement;
        return (e.labels?.[0]?.textContent || e.ariaLabel || e.textContent || '').trim() }"""
    for _ in range(90):
        await page.keyboard.press("Tab")
        if (await page.evaluate(named)).startswith(name):
            return
    raise AssertionError(f"no Tab leads to {name}")
