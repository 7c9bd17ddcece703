"""The page of sync health: its verdict, its figures and charts, and each store."""

import re
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from app.domain.outbox import lag
from app.usecases.orders import ship
from tests.builders import a_package
from tests.harness.world import ACTOR, World
from tests.integration.page.conftest import SignIn
from tests.integration.test_rollup import rolled_up


async def do(world: World, statement: str) -> None:
    async with world.database.begin() as connection:
        await connection.execute(sa.text(statement))


def verdict(page: str) -> str:
    found = re.search(r'<h2 id="verdict">(.*?)</h2>', page)
    assert found
    return found[1]


async def test_a_new_installation_is_led_to_its_first_store(signed_in: SignIn) -> None:
    page = (await (await signed_in("admin")).get("/health")).text
    assert "No store is connected yet" in page
    assert 'href="/stores/connect"' in page


async def test_a_store_without_trouble_is_well(world: World, signed_in: SignIn) -> None:
    store = await world.a_store()
    half_hour = timedelta(minutes=30)
    at = lag.floor(datetime.now(UTC), half_hour) - 4 * half_hour
    await rolled_up(world, store.store_id, at, first_try=38, after_retry=2, failed=0)
    page = (await (await signed_in("read")).get("/health")).text
    assert verdict(page) == "All is well"
    assert "Every update arrives on time, and none of them waits for you." in page
    assert "40 updates arrived, 95% at the first try." in page
    assert "An update typically takes 0.4 s" in page
    assert page.count('role="img"') == 6
    table = re.findall(r'<td class="number">(\d+)</td>', page)
    assert table[:3] == ["38", "2", "0"]


@pytest.mark.one_postgresql("a list of all stores")
@pytest.mark.parametrize(
    ("endpoint", "reason", "words", "helps"),
    [
        ("*", "credentials_rejected", "Store 1 sends nothing: Walmart rejects its keys", True),
        ("commerce", "commerce_credentials_rejected", "Commerce rejects the access token", True),
        ("*", "walmart_unavailable", "Walmart does not answer for Store 1", False),
    ],
)
async def test_a_stopped_store_is_named_first_with_the_button_that_helps(
    world: World, signed_in: SignIn, endpoint: str, reason: str, words: str, helps: bool
) -> None:
    store = await world.a_store()
    await world.a_store()
    await do(
        world,
        f"UPDATE lanes SET reason = '{reason}', failures = 5, since = now(), "
        "paused_until = now() + interval '1 hour' "
        f"WHERE store_id = {store.store_id} AND endpoint = '{endpoint}'",
    )
    page = (await (await signed_in("admin")).get("/health")).text
    assert verdict(page).startswith(words)
    assert (f'class="btn main" href="/stores/{store.id}' in page) is helps
    rows = re.findall(r'<tr id="store-([^"]+)"', page)
    assert rows[0] == str(store.id)
    read_only = (await (await signed_in("read")).get("/health")).text
    assert f'href="/stores/{store.id}' not in read_only


async def test_not_all_is_well_while_a_buyer_asks_to_cancel(
    world: World, signed_in: SignIn
) -> None:
    order = await world.an_order(1)
    asked = """'{"lines": ["1"], "seen_at": null}'::jsonb"""
    await do(world, f"UPDATE orders SET cancel_requested = {asked} WHERE id = '{order.id}'")
    page = (await (await signed_in("read")).get("/health")).text
    assert verdict(page) == "Every update arrives on time, and something asks for a decision"
    assert 'href="/attention' in page


async def test_an_update_that_waits_too_long_is_late(world: World, signed_in: SignIn) -> None:
    order = await world.an_order(1)
    await ship.ship(world.context, order.id, a_package("1ZA"), actor=ACTOR)
    client = await signed_in()
    assert verdict((await client.get("/health")).text) == "All is well"
    await do(world, "UPDATE updates SET created_at = now() - interval '10 minutes'")
    page = (await client.get("/health")).text
    # No poller runs in this test.
    assert verdict(page) == "Nothing is sent: no sender of Waybill is running"
    assert "waiting, the oldest 10 min" in page


async def test_a_person_of_one_store_sees_that_store_only(world: World, signed_in: SignIn) -> None:
    mine, other = await world.a_store(), await world.a_store()
    client = await signed_in("write", mine)
    page = (await client.get("/health")).text
    assert f"store-{mine.id}" in page
    assert str(other.id) not in page
    assert other.name not in page
    assert (await client.get(f"/health?store={other.id}")).status_code == 404


@pytest.mark.one_postgresql("its own SQL")
@pytest.mark.parametrize("span", ["7d", "30d"])
async def test_longer_spans_are_pages_of_their_own(
    world: World, signed_in: SignIn, span: str
) -> None:
    store = await world.a_store()
    await rolled_up(world, store.store_id, lag.floor(datetime.now(UTC)), first_try=4)
    await do(world, "UPDATE delivery_rollup_steps SET starts_at = starts_at - interval '3 days'")
    client = await signed_in()
    assert "No updates were delivered in this time" in (await client.get("/health")).text
    page = (await client.get(f"/health?span={span}")).text
    assert "4 updates arrived" in page
    assert (await client.get("/health?span=1y")).status_code == 422


@pytest.mark.parametrize(
    ("language", "words"), [("es-MX", "Todo está bien"), ("fr-CA", "Tout va bien")]
)
async def test_the_page_speaks_the_language_of_the_person(
    world: World, signed_in: SignIn, language: str, words: str
) -> None:
    store = await world.a_store()
    await rolled_up(world, store.store_id, lag.floor(datetime.now(UTC)), first_try=4)
    client = await signed_in()
    page = (await client.get("/health", headers={"Accept-Language": language})).text
    assert verdict(page) == words


async def test_a_page_of_one_store_asks_for_it_where_stores_are_sharded(
    world: World, signed_in: SignIn
) -> None:
    """Where several servers have the stores (Citus), not every page can show all of them."""
    world.database.placement.sharded = True
    admin = await signed_in("admin")
    for path in ("/health", "/attention", "/returns"):
        none = (await admin.get(path)).text
        assert "No store is connected yet" in none, path
        assert 'href="/stores/connect"' in none, path
    one, other = await world.a_store(), await world.a_store()
    person = await signed_in("read")
    for path in ("/health", "/attention", "/returns"):
        asked = await person.get(path)
        assert asked.status_code == 200, path
        assert f'href="{path}?store={one.id}"' in asked.text
        assert (await person.get(path, params={"store": str(other.id)})).status_code == 200
    assert "Pick a store" not in (await person.get("/orders")).text
