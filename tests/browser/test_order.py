"""One order in a real browser: a refused package, its fix, and Walmart has it; two people."""

import re

from playwright.async_api import Page, expect

from app.domain.update import State
from tests.browser.conftest import OpenTab, Watch
from tests.harness.waiting import LIMIT
from tests.harness.world import World
from tests.integration.page.test_order import HOSTILE, UPS, refused, ship


async def narrow_enough(page: Page) -> bool:
    wide = await page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    return bool(wide <= 0)


async def test_a_refused_package_is_fixed_by_one_button_and_reaches_walmart(
    world: World, signed_in: OpenTab
) -> None:
    order = await world.an_order(3)
    update = await refused(world, order)
    await world.end_refusals()
    tab = await signed_in(name="Jane")
    await tab.goto(f"/orders/{order.id}")
    await expect(tab).to_have_title(re.compile(f"Order {order.purchase_order_id} · Waybill$"))
    trouble = tab.get_by_role("region", name="Package 1 did not reach Walmart")
    await expect(trouble).to_contain_text("is a number of USPS, and it was sent as UPS")
    async with world.polling():
        await trouble.get_by_role("button", name="Send as USPS").click()
        await expect(tab.get_by_role("status")).to_contain_text("It goes out now")
        await world.deliver_until(update, states={State.CONFIRMED})
    await tab.reload()
    package = tab.get_by_role("region", name="Packages")
    await expect(package).to_contain_text("USPS")
    await expect(package).to_contain_text("Walmart has it")
    await expect(tab.get_by_role("region", name="did not reach")).to_have_count(0)
    await expect(tab.get_by_role("region", name="Timeline")).to_contain_text("by Jane")


async def test_the_second_person_sees_what_the_first_did_and_nothing_goes_out_twice(
    world: World, signed_in: OpenTab, watch: Watch
) -> None:
    watch.expected.append("409")
    order = await world.an_order(3)
    update = await refused(world, order)
    await world.end_refusals()
    jane, joe = await signed_in(name="Jane"), await signed_in(name="Joe")
    for tab in (jane, joe):
        await tab.goto(f"/orders/{order.id}")
    await jane.get_by_role("button", name="Send as USPS").click()
    await expect(jane.get_by_role("status")).to_contain_text("It goes out now")
    await joe.get_by_role("button", name="Send as USPS").click()
    await expect(joe.locator("main")).to_contain_text("to be fixed here any more")
    await world.deliver_until(update, states={State.CONFIRMED})
    await joe.goto(f"/orders/{order.id}")
    await expect(joe.get_by_role("region", name="Timeline")).to_contain_text("by Jane")
    assert len(await world.ledger(order.purchase_order_id)) == 1


async def test_a_person_who_may_only_read_has_nothing_to_press(
    world: World, signed_in: OpenTab
) -> None:
    order = await world.an_order(3)
    await refused(world, order)
    tab = await signed_in("read")
    await tab.goto(f"/orders/{order.id}")
    await expect(tab.get_by_role("heading", name="did not reach Walmart")).to_be_visible()
    assert await tab.locator("main button:not(.copy, [data-again], [data-held])").count() == 0
    links = tab.locator("main a.btn")
    assert await links.count() == 1
    await expect(links).to_have_text("For a support case")


async def test_hostile_names_are_only_text_and_do_not_widen_a_phone(
    world: World, signed_in: OpenTab
) -> None:
    long = "W" * 400
    lines = [
        {"line_number": "1", "sku": HOSTILE, "quantity": 2, "name": f"{HOSTILE}\u202e😀"},
        {"line_number": "2", "sku": "=cmd()|'/C calc'!A0", "quantity": 1, "name": long},
    ]
    order = await world.an_order(2, 1, lines=lines)
    await ship(world, order, UPS)
    tab = await signed_in(viewport={"width": 390, "height": 800})
    await tab.goto(f"/orders/{order.id}")
    await expect(tab.get_by_role("region", name="Lines")).to_contain_text(HOSTILE)
    assert await narrow_enough(tab)
    assert await tab.locator("main img").count() == 0


async def test_an_order_that_walmart_ships_says_so(world: World, signed_in: OpenTab) -> None:
    order = await world.an_order(2, node_type="WFSFulfilled")
    tab = await signed_in()
    await tab.goto(f"/orders/{order.id}")
    await expect(tab.locator("main")).to_contain_text("Walmart ships this one")
    for name in (re.compile("^Ship "), re.compile("^Cancel ")):
        await expect(tab.get_by_role("link", name=name)).to_have_count(0)


async def test_both_sides_are_shown_by_read_now_without_scripts(
    world: World, signed_in: OpenTab
) -> None:
    order = await world.an_order(3)
    await world.shipped_by_hand(order, 2, UPS)
    tab = await signed_in(java_script_enabled=False)
    await tab.goto(f"/orders/{order.id}")
    await tab.get_by_role("button", name="Read now").click()
    both = tab.get_by_role("region", name="Here and at Walmart")
    await expect(both).to_contain_text("2 shipped")
    await expect(both).to_contain_text("same")


async def test_an_open_page_shows_by_itself_that_walmart_has_the_package(
    world: World, signed_in: OpenTab
) -> None:
    order = await world.an_order(3)
    tab = await signed_in()
    await tab.goto(f"/orders/{order.id}")
    packages = tab.get_by_role("region", name="Packages")
    await expect(packages).to_contain_text("No package yet")
    await world.deliver_until(await ship(world, order, UPS))
    await expect(packages).to_contain_text("Walmart has it", timeout=LIMIT * 1000)
