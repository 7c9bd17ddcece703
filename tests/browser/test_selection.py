"""Acts on selected orders: said before, carried out by a poller, shown as they go on."""

import csv
import io
from pathlib import Path

import pytest
from playwright.async_api import expect

from tests.browser.conftest import OpenTab
from tests.harness.waiting import limited
from tests.harness.world import World
from tests.integration.web.test_jobs import failed_shipments

# More than a page shows, and than a job takes at a time.
MANY = 55
HOSTILE = "=cmd|' /C calc'!A0"


async def test_all_orders_that_match_are_retried_beyond_what_a_page_shows(
    world: World, signed_in: OpenTab
) -> None:
    await world.a_store()
    orders = await failed_shipments(world, MANY)
    page = await signed_in("write")
    await page.goto("/orders?status=error")
    await page.get_by_label(f"Select {orders[-1].purchase_order_id}").check()
    await expect(page.get_by_text("1 selected")).to_be_visible()
    await page.get_by_label("All that match, on every page").check()
    await page.get_by_role("button", name="Retry").click()
    await expect(page.get_by_role("heading", name=f"Retry: {MANY} orders")).to_be_visible()
    async with world.polling(), limited():
        await page.get_by_role("button", name="Retry").click()
        await expect(page.get_by_text(f"{MANY} succeeded.")).to_be_visible()
    rows = await world.database.direct.fetch(
        "SELECT count(*) FROM events WHERE what = 'update_retried'"
    )
    assert rows[0]["count"] == MANY


async def test_without_javascript_selected_orders_are_settled_after_a_question(
    world: World, signed_in: OpenTab
) -> None:
    await world.a_store()
    first, second, third = await failed_shipments(world, 3)
    page = await signed_in("write", java_script_enabled=False)
    await page.goto("/orders")
    for order in (first, second):
        await page.get_by_label(f"Select {order.purchase_order_id}").check()
    await page.get_by_role("button", name="Settled at Walmart…").click()
    await expect(page.get_by_text("2 packages or changes that did not arrive")).to_be_visible()
    async with world.polling(), limited():
        await page.get_by_label("Note: what was done instead").fill("Done in Seller Center.")
        await page.get_by_role("button", name="Settled at Walmart").click()
        await expect(page.get_by_text("2 succeeded.")).to_be_visible()
    statuses = {each.id: (await world.order(each.id)).status for each in (first, second, third)}
    assert statuses == {first.id: "open", second.id: "open", third.id: "error"}


async def test_an_export_opens_in_a_parser_and_runs_in_no_spreadsheet(
    world: World, signed_in: OpenTab, tmp_path: Path
) -> None:
    store = await world.a_store()
    order = await world.an_order(1, store=store)
    await world.database.direct.fetch("UPDATE order_lines SET sku = $1", HOSTILE)
    page = await signed_in("read")
    await page.goto("/orders?status=open")
    async with page.expect_download() as waiting:
        await page.get_by_role("link", name="Export as CSV").click()
    download = await waiting.value
    assert download.suggested_filename.endswith(".csv")
    target = tmp_path / "orders.csv"
    await download.save_as(target)
    text = target.read_text(encoding="utf-8-sig")
    (row,) = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    assert (row["walmart_order"], row["skus"]) == (order.purchase_order_id, f"'{HOSTILE}")


@pytest.mark.parametrize("width", [390, 1440])
async def test_the_bar_of_the_selection_fits_and_a_reader_has_none(
    world: World, signed_in: OpenTab, width: int
) -> None:
    await world.a_store()
    await world.an_order(1)
    page = await signed_in("write", viewport={"width": width, "height": 800})
    await page.goto("/orders")
    bar = page.get_by_role("group", name="Selected orders")
    await expect(bar).to_be_hidden()
    await page.locator("tbody [type=checkbox]").check()
    await expect(bar).to_be_visible()
    assert await page.evaluate("document.documentElement.scrollWidth") <= width
    reader = await signed_in("read")
    await reader.goto("/orders")
    await expect(reader.locator("tbody [type=checkbox]")).to_have_count(0)
