"""Shipping, canceling, correcting, retrying and settling as an operator does it."""

import asyncio
from typing import Any

import pytest
from playwright.async_api import Page, expect

from app.domain.update import State
from app.storage.queries.views import OrderView
from tests.browser.conftest import OpenTab, Watch
from tests.harness.world import World
from tests.integration.page.test_acting import asked_to_cancel
from tests.integration.web.conftest import ADMIN_KEY
from tests.integration.web.test_retry import a_failed_shipment

UPS, USPS = "1Z999AA10123456784", "9400111899223344556691"


@pytest.fixture(autouse=True)
def refused_forms(watch: Watch) -> None:
    """A refused form is a line of the browser's console; so is the sign-in that ended."""
    watch.expected = ["422", "409", "401", "404"]


async def ship_page(world: World, page: Page, *quantities: int) -> OrderView:
    order = await world.an_order(*(quantities or (3,)))
    await page.goto(f"/orders/{order.id}/ship")
    return order


def numbers(page: Page) -> Any:
    return page.get_by_label("Tracking number")


async def sent(world: World, order: OrderView) -> list[tuple[str, str, int]]:
    """Carrier, number and units of each shipment, once there is one."""
    while not (found := (await world.order(order.id)).shipments):
        await asyncio.sleep(0.05)
    return [
        (
            each.walmart_carrier["carrier"],
            each.tracking_number,
            sum(item.quantity for item in each.items),
        )
        for each in found
    ]


async def test_two_packages_with_a_wrong_carrier_corrected_while_typing(
    world: World, signed_in: OpenTab
) -> None:
    page = await signed_in()
    order = await ship_page(world, page)
    number, carrier = numbers(page), page.get_by_label("Carrier", exact=True)
    await carrier.select_option("UPS")
    await number.press_sequentially(USPS)
    await expect(page.get_by_text("This is a number of USPS.")).to_be_visible()
    # Typing goes on: the answer takes neither the focus nor what was typed.
    await expect(number).to_be_focused()
    await expect(number).to_have_value(USPS)
    await expect(carrier).to_have_value("UPS")
    await page.get_by_role("button", name="Use USPS").click()
    await expect(carrier).to_have_value("USPS")
    await expect(page.get_by_text("This is a number of USPS.")).not_to_be_visible()
    await page.get_by_role("button", name="Another package").click()
    await page.get_by_role("button", name="One more of SKU-1").nth(1).click()
    await expect(page.locator("[data-line='1']").first).to_have_value("2")
    await numbers(page).nth(1).fill("12")
    await expect(page.get_by_text("The carrier is still missing.")).to_be_visible()
    await numbers(page).nth(1).fill(UPS)
    # The carrier follows the number unless a person chose one.
    await expect(page.get_by_label("Carrier", exact=True).nth(1)).to_have_value("UPS")
    await expect(page.get_by_text("Nothing is left to ship after it.")).to_be_visible()
    await page.get_by_role("button", name="Ship 3 units in 2 packages").click()
    assert await sent(world, order) == [("USPS", USPS, 2), ("UPS", UPS, 1)]
    await world.deliver_until(*[each.update.id for each in (await world.order(order.id)).shipments])
    assert (await world.order(order.id)).status == "shipped"


async def test_a_package_of_the_drawer_is_on_its_way_until_walmart_has_it(
    world: World, signed_in: OpenTab
) -> None:
    order = await world.an_order(2)
    page = await signed_in()
    await page.goto(f"/orders/{order.id}")
    await page.get_by_role("link", name="Ship 2 units").click()
    drawer = page.get_by_role("dialog")
    await drawer.get_by_label("Tracking number").fill(UPS)
    await expect(drawer.get_by_label("Carrier", exact=True)).to_have_value("UPS")
    await drawer.get_by_role("button", name="Ship 2 units").click()
    await expect(page.get_by_text("Package 1 is on its way to Walmart.")).to_be_visible()
    await expect(drawer).to_have_count(0)
    (shipment,) = (await world.order(order.id)).shipments
    await world.deliver_until(shipment.update.id)
    # The page is not reloaded.
    await expect(page.get_by_text("Walmart has package 1 (")).to_be_visible()


async def test_the_session_ends_in_the_drawer_and_the_form_stays(
    world: World, signed_in: OpenTab
) -> None:
    order = await world.an_order(2)
    page = await signed_in()
    await page.goto(f"/orders/{order.id}")
    await page.get_by_role("link", name="Ship 2 units").click()
    drawer = page.get_by_role("dialog")
    await drawer.get_by_label("Tracking number").fill(USPS)
    await expect(drawer.get_by_label("Carrier", exact=True)).to_have_value("USPS")
    await page.context.clear_cookies()
    await drawer.get_by_role("button", name="Ship 2 units").click()
    await drawer.get_by_label("Key").fill(ADMIN_KEY)
    await drawer.get_by_role("button", name="Sign in").click()
    await expect(drawer.get_by_label("Tracking number")).to_have_value(USPS)
    await drawer.get_by_role("button", name="Ship 2 units").click()
    assert await sent(world, order) == [("USPS", USPS, 2)]


async def test_the_buyers_wish_leads_to_both_answers(world: World, signed_in: OpenTab) -> None:
    order = await asked_to_cancel(world)
    page = await signed_in()
    await page.goto(f"/orders/{order.id}")
    await page.get_by_role("link", name="Ship anyway…").click()
    await expect(page.get_by_label("Ship it anyway")).to_be_checked()
    await page.get_by_role("link", name="Close").click()
    await expect(page.get_by_role("dialog")).to_have_count(0)
    await page.get_by_role("link", name="Cancel for the buyer…").click()
    await expect(page.get_by_label("The buyer asked to cancel the order")).to_be_checked()
    await page.get_by_role("button", name="Cancel order").click()
    await expect(page.get_by_text("The cancellation is on its way to Walmart.")).to_be_visible()
    canceled = (await world.order(order.id)).cancellation
    assert canceled is not None
    await world.deliver_until(canceled.update.id)
    # The page is not reloaded.
    await expect(page.get_by_text("Walmart has canceled the order.")).to_be_visible()


async def test_the_button_leads_to_what_is_wrong(world: World, signed_in: OpenTab) -> None:
    page = await signed_in()
    await ship_page(world, page)
    await page.get_by_role("button", name="Ship 3 units").click()
    number = numbers(page)
    await expect(number).to_have_attribute("aria-invalid", "true")
    await expect(page.get_by_text("2 things to correct")).to_be_visible()
    await page.get_by_role("button", name="Ship 3 units").click()
    await expect(number).to_be_focused()
    await number.fill("1Z!")
    await expect(page.get_by_text("This is not a tracking number.")).to_be_visible()
    described = (await number.get_attribute("aria-describedby") or "").split()
    assert "This is not" in await page.locator(f"[id='{described[0]}']").inner_text()


async def test_a_scanner_fills_numbers_and_only_the_button_ships(
    world: World, signed_in: OpenTab
) -> None:
    page = await signed_in()
    order = await ship_page(world, page)
    await page.get_by_role("button", name="Another package").click()
    await expect(numbers(page)).to_have_count(2)
    await page.get_by_role("button", name="One more of SKU-1").nth(1).click()
    await numbers(page).first.click()
    for code in (USPS, UPS):
        await page.keyboard.type(code)
        await page.keyboard.press("Enter")
    await expect(numbers(page).nth(1)).to_have_value(UPS)
    await expect(page.get_by_label("Carrier", exact=True).nth(1)).to_have_value("UPS")
    assert (await world.order(order.id)).shipments == ()
    await page.get_by_role("button", name="Ship 3 units in 2 packages").click()
    assert await sent(world, order) == [("USPS", USPS, 2), ("UPS", UPS, 1)]


async def test_a_double_click_is_one_act(world: World, signed_in: OpenTab) -> None:
    page = await signed_in()
    order = await ship_page(world, page)
    # Others are left, so a second act would be possible.
    await page.locator("[data-line='1']").fill("1")
    await numbers(page).fill(UPS)
    await expect(page.get_by_label("Carrier", exact=True)).to_have_value("UPS")
    form = await page.evaluate(
        "Object.fromEntries(new FormData(document.querySelector('form[data-ship]'),"
        " document.querySelector('button[data-act]')))"
    )
    await page.locator("button[data-act]").dblclick()
    await page.wait_for_url(f"**/orders/{order.id}?**")
    # Scripts let it be sent once; without them its key does.
    again = await page.request.post(
        f"/orders/{order.id}/ship",
        form=form,
        headers={"Sec-Fetch-Site": "same-origin"},
        max_redirects=0,
    )
    assert again.status == 303
    assert await sent(world, order) == [("UPS", UPS, 1)]


async def test_an_order_ships_by_the_keyboard_alone(world: World, signed_in: OpenTab) -> None:
    page = await signed_in()
    order = await ship_page(world, page)
    await reach(page, "[data-scan]")
    await page.keyboard.type(USPS)
    await expect(page.get_by_label("Carrier", exact=True)).to_have_value("USPS")
    await reach(page, "[data-act]")
    await page.keyboard.press("Enter")
    assert await sent(world, order) == [("USPS", USPS, 3)]


async def reach(page: Page, selector: str) -> None:
    """Press Tab until an element has the focus."""
    for _ in range(60):
        if await page.evaluate(f"document.activeElement?.matches({selector!r})"):
            return
        await page.keyboard.press("Tab")
    raise AssertionError(selector)


async def test_without_javascript_an_order_is_shipped_and_another_canceled(
    world: World, signed_in: OpenTab
) -> None:
    page = await signed_in(java_script_enabled=False)
    order = await ship_page(world, page)
    await page.get_by_role("button", name="Another package").click()
    await page.locator("[data-line='1']").nth(1).fill("1")
    await numbers(page).nth(0).fill(UPS)
    await numbers(page).nth(1).fill(USPS)
    await page.locator("noscript button, button:visible", has_text="Check").last.click()
    await expect(page.locator("[data-line='1']").first).to_have_value("2")
    await expect(page.get_by_label("Carrier", exact=True).nth(1)).to_have_value("USPS")
    await page.get_by_role("button", name="Ship 3 units in 2 packages").click()
    assert await sent(world, order) == [("UPS", UPS, 2), ("USPS", USPS, 1)]
    other = await world.an_order(1)
    await page.goto(f"/orders/{other.id}/cancel")
    await page.get_by_label("The item is out of stock").check()
    await page.get_by_role("button", name="Cancel order").click()
    canceled = (await world.order(other.id)).cancellation
    assert canceled is not None
    assert canceled.reason == "out_of_stock"


async def test_nothing_typed_is_lost_when_the_session_ends_meanwhile(
    world: World, signed_in: OpenTab
) -> None:
    page = await signed_in()
    order = await ship_page(world, page)
    await page.get_by_role("button", name="Another package").click()
    await expect(numbers(page)).to_have_count(2)
    await page.locator("[data-line='1']").nth(1).fill("1")
    await numbers(page).nth(0).fill(UPS)
    await numbers(page).nth(1).fill(USPS)
    await expect(page.get_by_label("Carrier", exact=True).nth(1)).to_have_value("USPS")
    await page.context.clear_cookies()
    await page.get_by_role("button", name="Ship 3 units in 2 packages").click()
    await page.get_by_label("Key").fill(ADMIN_KEY)
    await page.get_by_role("button", name="Sign in").click()
    await expect(numbers(page).nth(1)).to_have_value(USPS)
    await expect(page.locator("[data-line='1']").first).to_have_value("2")
    await page.get_by_role("button", name="Ship 3 units in 2 packages").click()
    assert await sent(world, order) == [("UPS", UPS, 2), ("USPS", USPS, 1)]


async def test_a_failed_package_is_corrected_and_reaches_walmart(
    world: World, signed_in: OpenTab
) -> None:
    order, update = await a_failed_shipment(world, UPS)
    await world.end_refusals()
    shipment = (await world.order(order.id)).shipments[0]
    page = await signed_in()
    await page.goto(f"/orders/{order.id}/shipments/{shipment.id}/correct")
    await numbers(page).fill(USPS)
    await expect(page.get_by_label("Carrier", exact=True)).to_have_value("USPS")
    await expect(page.get_by_text("It goes out with the new values.")).to_be_visible()
    await page.get_by_role("button", name="Correct it").click()
    await page.wait_for_url(f"**/orders/{order.id}?**")
    await world.deliver_until(update, states={State.CONFIRMED})
    assert await sent(world, order) == [("USPS", USPS, 1)]


async def test_a_retry_says_what_it_will_do_and_does_it(world: World, signed_in: OpenTab) -> None:
    order, update = await a_failed_shipment(world)
    await world.end_refusals()
    page = await signed_in()
    await page.goto(f"/updates/{update}/retry")
    await expect(page.get_by_text("It goes out now: Walmart is read first")).to_be_visible()
    await expect(page.get_by_text("SKU-1")).to_be_visible()
    await page.get_by_role("button", name="Retry").click()
    await page.wait_for_url(f"**/orders/{order.id}?**")
    await world.deliver_until(update, states={State.CONFIRMED})


async def test_a_failed_package_is_settled_and_its_units_are_free(
    world: World, signed_in: OpenTab
) -> None:
    order, update = await a_failed_shipment(world)
    page = await signed_in()
    await page.goto(f"/updates/{update}/settle")
    await page.get_by_role("button", name="It is settled").click()
    await expect(page.get_by_text("Say it in a few words.")).to_be_visible()
    await page.get_by_label("What did you do about it?").fill("The parcel was lost.")
    await page.get_by_role("button", name="It is settled").click()
    await page.wait_for_url(f"**/orders/{order.id}?**")
    await page.goto(f"/orders/{order.id}/ship")
    await expect(page.get_by_role("button", name="Ship 3 units")).to_be_visible()


@pytest.mark.parametrize("width", [390, 720])
async def test_the_forms_fit_a_phone_and_twice_the_size(
    world: World, signed_in: OpenTab, width: int
) -> None:
    """A window of 1440 pixels is 720 wide at 200 %."""
    failed, update = await a_failed_shipment(world)
    shipment = (await world.order(failed.id)).shipments[0]
    page = await signed_in(viewport={"width": width, "height": 450})
    order = await world.an_order(3, 2)
    for address in (
        f"/orders/{order.id}/ship",
        f"/orders/{order.id}/cancel",
        f"/orders/{failed.id}/cancel",
        f"/orders/{failed.id}/shipments/{shipment.id}/correct",
        f"/updates/{update}/retry",
        f"/updates/{update}/settle",
    ):
        await page.goto(address)
        assert await page.evaluate("document.documentElement.scrollWidth") <= width
    await page.goto(f"/orders/{order.id}/ship")
    # The bar of the button covers no field that has the focus.
    await numbers(page).focus()
    field, bar = await numbers(page).bounding_box(), await page.locator(".ship-end").bounding_box()
    assert field is not None
    assert bar is not None
    assert field["y"] + field["height"] <= bar["y"]
