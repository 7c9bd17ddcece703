"""Stores and keys in a real browser: connected, changed, tested; a key that ends its session."""

import re

from playwright.async_api import Page, expect

from app.storage.queries.views import StoreView
from tests.browser.conftest import OpenTab, Watch
from tests.harness.server import serving
from tests.harness.waiting import limited
from tests.harness.world import World
from tests.integration.test_error_notifier import SECRET, Inbox

REJECTED = "Walmart rejects these keys."


async def press(page: Page, name: str) -> None:
    await page.get_by_role("button", name=name, exact=True).click()


async def test_a_store_is_connected_in_three_steps_after_a_wrong_secret(
    world: World, signed_in: OpenTab, watch: Watch
) -> None:
    watch.expected = ["422"]
    page = await signed_in("admin")
    await page.goto("/stores")
    await page.get_by_role("link", name="Connect a store").first.click()
    await page.get_by_label("Name").fill("Main store")
    await press(page, "Go on to the keys")
    await page.get_by_label("Client ID").fill("new-seller")
    await page.get_by_label("Client secret").fill("wrong")
    await press(page, "Try them")
    await expect(page.get_by_text(REJECTED)).to_be_visible()
    await expect(page.get_by_label("Client ID")).to_have_value("new-seller")
    await page.get_by_label("Client secret").fill("right")
    await press(page, "Try them")
    await expect(page.get_by_text("The keys work.")).to_be_visible()
    # The secret is not typed again.
    await press(page, "Save and go on")
    await expect(page.get_by_role("heading", name="Connect Main store")).to_be_visible()
    await page.get_by_label("Address of the shop").fill(world.walmart_url)
    await page.get_by_label("Access token").fill("right")
    await press(page, "Try it")
    await expect(page.get_by_text("It works.")).to_be_visible()
    await press(page, "Save")
    await expect(page.get_by_text("Main store is connected.")).to_be_visible()
    await page.goto("/stores")
    card = page.get_by_role("listitem").filter(has_text="Main store")
    await expect(card.get_by_text("Works")).to_be_visible()


async def a_store(world: World, signed_in: OpenTab) -> tuple[StoreView, Page]:
    store = await world.a_store(name="Main store")
    page = await signed_in("admin", name="Jane")
    await page.goto(f"/stores/{store.id}")
    return store, page


async def test_a_secret_is_replaced_in_the_drawer(
    world: World, signed_in: OpenTab, watch: Watch
) -> None:
    watch.expected = ["422"]
    _, page = await a_store(world, signed_in)
    await page.get_by_role("link", name="Replace the keys").click()
    drawer = page.get_by_role("dialog")
    await drawer.get_by_label("Client secret").fill("wrong")
    await drawer.get_by_role("button", name="Try them").click()
    await expect(drawer.get_by_text(REJECTED)).to_be_visible()
    await drawer.get_by_label("Client secret").fill("right")
    await drawer.get_by_role("button", name="Try them").click()
    await drawer.get_by_role("button", name="Save the keys").click()
    await expect(drawer).to_have_count(0)
    facts = page.get_by_role("region", name="Walmart")
    await expect(facts.get_by_text("Set, changed by Jane (operators)")).to_be_visible()


async def test_a_carrier_is_mapped_with_its_address_shown_while_typing(
    world: World, signed_in: OpenTab
) -> None:
    store, page = await a_store(world, signed_in)
    await page.get_by_role("link", name="Change carriers").click()
    await page.get_by_label("Code in Commerce, row 1").fill("acme")
    await page.get_by_label("Carrier at Walmart, row 1").select_option("Other…")
    await page.get_by_label("Name of another carrier, row 1").fill("Acme Freight")
    template = "https://acme.example/t/{tracking_number}"
    await page.get_by_label("Tracking address, row 1").fill(template)
    await expect(page.get_by_text("https://acme.example/t/1Z999AA10123456784")).to_be_visible()
    await press(page, "Save the carriers")
    await page.wait_for_url(re.compile(f"/stores/{store.id}"))
    await expect(page.get_by_role("cell", name="Acme Freight")).to_be_visible()


async def test_a_test_notification_is_sent_and_its_answer_shown(
    world: World, signed_in: OpenTab
) -> None:
    _, page = await a_store(world, signed_in)
    inbox = Inbox()
    async with serving(inbox) as url:
        region = page.get_by_role("region", name="Notifications")
        await region.get_by_role("link", name="Turn on").click()
        drawer = page.get_by_role("dialog")
        await drawer.get_by_label("Address").fill(f"{url}/hook")
        await drawer.get_by_label("Secret").fill(SECRET)
        await drawer.get_by_role("button", name="Save").click()
        await region.get_by_role("button", name="Send a test").click()
        await expect(page.get_by_text("The test arrived.")).to_be_visible()
        await expect(region.get_by_text("It arrived in")).to_be_visible()
    assert len(inbox.got) == 1


async def test_a_key_is_made_and_its_session_ends_when_it_is_revoked(
    signed_in: OpenTab, visitors: OpenTab, watch: Watch
) -> None:
    watch.expected = ["401"]
    page = await signed_in("admin")
    await page.goto("/keys")
    await page.get_by_role("link", name="Make a key").click()
    await page.get_by_label("Name").fill("warehouse")
    await page.get_by_label("See everything").check()
    # The secret is there although the button was pressed twice.
    await page.get_by_role("button", name="Make the key", exact=True).dblclick()
    secret = await page.get_by_label("Key", exact=True).input_value()
    person = await visitors()
    await person.goto("/returns")
    await person.get_by_label("Key").fill(secret)
    await press(person, "Sign in")
    await expect(person.get_by_role("heading", name="Returns", exact=True)).to_be_visible()
    await page.get_by_role("link", name="I have copied it").click()
    await page.get_by_role("link", name="Revoke… warehouse").click()
    drawer = page.get_by_role("dialog")
    await expect(drawer.get_by_text("1 person who signed in with it")).to_be_visible()
    await drawer.get_by_role("button", name="Revoke the key").click()
    await expect(page.get_by_role("row", name="warehouse").get_by_text("Revoked")).to_be_visible()
    async with limited():
        # A process looks a session up again after five seconds.
        while not await person.get_by_role("heading", name="Sign in").is_visible():
            await person.wait_for_timeout(500)
            await person.reload()
