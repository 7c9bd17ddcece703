"""The pages of stores: connected in three steps, changed, tested; no secret is ever shown."""

import re
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from app.storage.queries.views import StoreView
from app.usecases.orders import ship
from tests.builders import a_package
from tests.harness.server import serving
from tests.harness.world import World
from tests.integration.page.conftest import SignIn
from tests.integration.test_error_notifier import SECRET, Inbox

CANARIES = {
    "client_secret": "canary0-0123456789abcdef",
    "access_token": "canary1-0123456789abcdef",
    "notifications_url": "https://192.0.2.1/canary2-0123456789abcdef",
    "secret": "canary3-0123456789abcdef",
}
KEYS = {"client_id": "new-seller", "client_secret": CANARIES["client_secret"]}
FIRST = {"name": "Main store", "market": "US", "code": "main"}
SUB_PAGES = ("walmart", "commerce", "notifications", "settings", "carriers", "announce")


def sealed(answer: httpx.Response, name: str) -> str:
    """The encrypted secret that a form carries on."""
    found = re.search(f'name="{name}_sealed" value="([^"]+)"', answer.text)
    assert found, answer.text
    return found[1]


async def stores(world: World) -> list[dict[str, Any]]:
    async with world.database.begin() as connection:
        rows = await connection.execute(sa.text("SELECT * FROM stores ORDER BY store_id"))
        return [dict(row) for row in rows.mappings()]


async def test_a_store_is_connected_in_three_steps_with_a_secret_typed_once(
    world: World, signed_in: SignIn
) -> None:
    client = await signed_in("admin")
    step = await client.post("/stores/connect", data=FIRST)
    assert step.status_code == 303
    assert step.headers["location"].startswith("/stores/connect/walmart?name=Main+store")
    tried = await client.post("/stores/connect/walmart", data={**FIRST, **KEYS, "go": "try"})
    assert tried.status_code == 200
    assert "The keys work." in tried.text
    assert CANARIES["client_secret"] not in tried.text
    assert await stores(world) == []
    kept = {"client_id": "new-seller", "client_secret_sealed": sealed(tried, "client_secret")}
    saved = await client.post("/stores/connect/walmart", data={**FIRST, **kept, "go": "save"})
    assert saved.status_code == 303, saved.text
    (store,) = await stores(world)
    assert saved.headers["location"] == f"/stores/{store['id']}/commerce?new=true"
    secret = world.context.cipher.open(store["walmart_client_secret"])
    assert (secret, store["code"]) == (CANARIES["client_secret"], "main")
    commerce = {"how": "connect", "base_url": world.walmart_url, "push_orders": "on"}
    path = f"/stores/{store['id']}/commerce"
    tried = await client.post(path, data={**commerce, "access_token": "right", "go": "try"})
    assert "Commerce accepts the token" in tried.text
    commerce["access_token_sealed"] = sealed(tried, "access_token")
    done = await client.post(path, data={**commerce, "go": "save"})
    assert done.status_code == 303
    assert done.headers["location"].startswith(f"/stores/{store['id']}")
    (store,) = await stores(world)
    assert (store["commerce_base_url"], store["commerce_push_orders"]) == (world.walmart_url, True)


async def test_a_token_that_no_header_carries_is_not_tried(world: World, signed_in: SignIn) -> None:
    store = await world.a_store()
    form = {"how": "connect", "base_url": world.walmart_url, "access_token": "\u00e9", "go": "try"}
    client = await signed_in("admin")
    answer = await client.post(f"/stores/{store.id}/commerce", data=form)
    assert answer.status_code == 422
    assert "has characters that cannot be used" in answer.text


async def test_wrong_keys_are_said_so_and_typed_anew(signed_in: SignIn) -> None:
    client = await signed_in("admin")
    wrong = {**FIRST, "client_id": "new-seller", "client_secret": "wrong", "go": "try"}
    answer = await client.post("/stores/connect/walmart", data=wrong)
    assert answer.status_code == 422
    assert "Walmart rejects these keys." in answer.text
    assert "client_secret_sealed" not in answer.text
    assert 'value="new-seller"' in answer.text


async def test_what_is_wrong_is_said_beside_its_field_with_what_was_typed(
    world: World, signed_in: SignIn
) -> None:
    await world.a_store(name="Taken", code="taken")
    client = await signed_in("admin")
    answer = await client.post(
        "/stores/connect", data={"name": "taken", "market": "XX", "code": "9 no"}
    )
    assert answer.status_code == 422
    for words in (
        "Another store has this name.",
        "Begin with a letter",
        "Choose one of the markets",
    ):
        assert words in answer.text
    assert 'value="9 no"' in answer.text
    account = {**FIRST, "client_id": "seller-1", "client_secret": "right", "go": "save"}
    answer = await client.post("/stores/connect/walmart", data=account)
    assert answer.status_code == 409
    assert "Another store is connected to this Walmart account." in answer.text
    assert len(await stores(world)) == 1


async def test_a_secret_carried_by_another_session_is_not_taken(
    world: World, signed_in: SignIn
) -> None:
    jane, mallory = await signed_in("admin"), await signed_in("admin", name="Mallory")
    form = {**FIRST, **KEYS, "go": "try"}
    tried = await jane.post("/stores/connect/walmart", data=form)
    stolen = {"client_id": "new-seller", "client_secret_sealed": sealed(tried, "client_secret")}
    answer = await mallory.post("/stores/connect/walmart", data={**FIRST, **stolen, "go": "save"})
    assert answer.status_code == 422
    assert await stores(world) == []


async def with_canaries(world: World) -> StoreView:
    return await world.a_store(
        name="Main store",
        walmart_client_secret=CANARIES["client_secret"],
        commerce_base_url="https://shop.example",
        commerce_access_token=CANARIES["access_token"],
        notifications_url=CANARIES["notifications_url"],
        notifications_secret=CANARIES["secret"],
    )


async def test_no_secret_is_on_any_page_also_after_a_refused_form(
    world: World, signed_in: SignIn, stranger: httpx.AsyncClient
) -> None:
    store = await with_canaries(world)
    client = await signed_in("admin")
    seen = [await client.get(path) for path in ("/stores", f"/stores/{store.id}", "/keys")]
    for page in SUB_PAGES:
        path = f"/stores/{store.id}/{page}"
        seen += [await client.get(path)]
        wrong = {**CANARIES, "client_id": "x" * 300, "base_url": "nowhere", "how": "connect"}
        for go in ("try", "save"):
            if page != "notifications":
                seen.append(await client.post(path, data={**wrong, "go": go}))
    seen.append(
        await client.post(f"/stores/{store.id}/notifications", data=CANARIES | {"secret": "short"})
    )
    # A form of a session that is over comes back with what was typed, but not with secrets.
    given = {**CANARIES, "client_secret_sealed": "canary4-sealed"}
    seen.append(await stranger.post(f"/stores/{store.id}/walmart", data=given))
    for answer in seen:
        words = [canary for canary in CANARIES.values() if canary in answer.text]
        assert (words, str(answer.url)) == ([], str(answer.url))
        assert "canary" not in answer.text, answer.url
        assert "canary" not in str(answer.headers)


async def test_a_replaced_secret_shows_by_whom_and_when(world: World, signed_in: SignIn) -> None:
    store = await with_canaries(world)
    client = await signed_in("admin")
    form = {"client_id": store.walmart.client_id, "client_secret": "right", "go": "save"}
    answer = await client.post(f"/stores/{store.id}/walmart", data=form)
    assert answer.status_code == 303
    page = await client.get(f"/stores/{store.id}")
    assert "Set, changed by Jane (operators)" in page.text
    assert "Replaced access to Walmart or Commerce" in page.text


async def test_keeping_the_token_keeps_it_and_a_new_address_needs_it_again(
    world: World, signed_in: SignIn
) -> None:
    store = await with_canaries(world)
    client, path = await signed_in("admin"), f"/stores/{store.id}/commerce"
    same = {"how": "connect", "base_url": "https://shop.example", "go": "save"}
    assert (await client.post(path, data=same)).status_code == 303
    moved = await client.post(path, data={**same, "base_url": "https://other.example"})
    assert moved.status_code == 422
    assert "enter the token again" in moved.text
    (row,) = await stores(world)
    assert row["commerce_base_url"] == "https://shop.example"
    assert world.context.cipher.open(row["commerce_access_token"]) == CANARIES["access_token"]


def carriers(*rows: tuple[str, str, str, str], go: str = "save") -> dict[str, Any]:
    names = ("code", "carrier", "other", "url")
    return {name: [row[n] for row in rows] for n, name in enumerate(names)} | {"go": go}


async def test_carriers_are_changed_as_a_table(world: World, signed_in: SignIn) -> None:
    store = await world.a_store(carriers={"old": "UPS", "dhl": "DHL"})
    client, path = await signed_in("admin"), f"/stores/{store.id}/carriers"
    acme = ("acme", "*", "Acme", "https://a.example/{tracking_number}")
    saved = await client.post(
        path, data=carriers(("old", "", "", ""), ("dhl", "DHL", "", ""), acme, ("", "", "", ""))
    )
    assert saved.status_code == 303, saved.text
    (row,) = await stores(world)
    assert row["carriers"] == {
        "dhl": "DHL",
        "acme": {"other": "Acme", "tracking_url": "https://a.example/{tracking_number}"},
    }
    page = await client.get(path)
    assert "https://a.example/1Z999AA10123456784" in page.text


async def test_a_wrong_row_keeps_all_that_was_typed(world: World, signed_in: SignIn) -> None:
    store = await world.a_store(carriers={"dhl": "DHL"})
    client, path = await signed_in("admin"), f"/stores/{store.id}/carriers"
    wrong = ("a/cme~", "*", "Acme", "https://a.example/no-number")
    answer = await client.post(path, data=carriers(wrong, ("ups", "UPS", "", "")))
    assert answer.status_code == 422
    assert "contains {tracking_number}" in answer.text
    for typed in ("a/cme~", "https://a.example/no-number", 'value="ups"'):
        assert typed in answer.text
    (row,) = await stores(world)
    assert row["carriers"] == {"dhl": "DHL"}


async def test_a_carrier_that_walmart_does_not_know_is_pointed_out(
    world: World, signed_in: SignIn
) -> None:
    order = await world.an_order(1)
    package = a_package(
        "ACME1", carrier_code="acme_freight", tracking_url="https://a.example/ACME1"
    )
    await ship.ship(world.context, order.id, package, actor="test")
    client, path = await signed_in("admin"), f"/stores/{order.store_id}"
    assert (
        "1 carrier of the last 30 days is unknown to Walmart: acme_freight"
        in (await client.get(path)).text
    )
    table = (await client.get(f"{path}/carriers")).text
    assert "Walmart does not know it. 1 package in 30 days went out as acme_freight." in table


async def test_a_test_notification_and_its_result_are_shown(
    world: World, signed_in: SignIn
) -> None:
    store = await world.a_store()
    client, path = await signed_in("admin"), f"/stores/{store.id}"
    inbox = Inbox()
    async with serving(inbox) as url:
        form = {
            "notifications_url": f"{url}/hook",
            "secret": SECRET,
            "kinds": "errors",
            "go": "save",
        }
        assert (await client.post(f"{path}/notifications", data=form)).status_code == 303
        for status, words in ((200, "It arrived in"), (500, "The receiver answered 500")):
            inbox.status = status
            answer = await client.post(f"{path}/notifications/test")
            assert answer.status_code == 303
            assert answer.headers["location"].startswith(path)
            assert words in (await client.get(path)).text
    assert len(inbox.got) == 2
    assert (await client.post(f"{path}/notifications", data={"go": "off"})).status_code == 303
    assert "notifications are off" in (await client.get(path)).text


async def test_kinds_are_chosen_and_a_secret_is_rotated(world: World, signed_in: SignIn) -> None:
    store = await world.a_store()
    client, path = await signed_in("admin"), f"/stores/{store.id}"
    form: dict[str, Any] = {"notifications_url": "", "secret": "", "kinds": ["drift"], "go": "save"}
    missing = await client.post(f"{path}/notifications", data=form)
    assert (missing.status_code, missing.text.count("Fill this in.")) == (422, 2)
    given = {**form, "notifications_url": "https://192.0.2.1/hook", "secret": SECRET}
    assert (await client.post(f"{path}/notifications", data=given)).status_code == 303
    shown = (await client.get(path)).text
    assert "differences from Walmart" in shown
    assert "Old secret" not in shown
    # What is left empty stays; the old secret signs for another day.
    renewed = {**form, "kinds": ["errors", "drift"], "secret": f"new-{SECRET}", "keep_old": "on"}
    assert (await client.post(f"{path}/notifications", data=renewed)).status_code == 303
    shown = (await client.get(path)).text
    assert "errors, differences from Walmart" in shown
    assert "It signs as well until" in shown
    assert SECRET not in shown + (await client.get(f"{path}/notifications")).text
    ended = await client.post(f"{path}/notifications", data={"go": "end_old"})
    assert ended.status_code == 303
    (row,) = await stores(world)
    assert (row["notify_old_secret"], row["notify_kinds"]) == (None, ["errors", "drift"])
    none = await client.post(f"{path}/notifications", data={**form, "kinds": []})
    assert none.status_code == 422
    assert "Choose at least one" in none.text


async def test_walmart_is_asked_to_announce_orders(world: World, signed_in: SignIn) -> None:
    store = await world.a_store()
    client, path = await signed_in("admin"), f"/stores/{store.id}/announce"
    assert (await client.post(path, data={"url": "http://plain.example"})).status_code == 422
    answer = await client.post(path, data={"url": "https://waybill.example"})
    assert answer.status_code == 303
    assert "Walmart announces them" in (await client.get(f"/stores/{store.id}")).text


async def test_settings_are_changed_and_emptied(world: World, signed_in: SignIn) -> None:
    store = await world.a_store(time_zone="America/Chicago")
    client, path = await signed_in("admin"), f"/stores/{store.id}/settings"
    form = {"name": "Renamed", "code": store.code, "charge_amount_is": "line", "time_zone": ""}
    assert (await client.post(path, data=form)).status_code == 303
    (row,) = await stores(world)
    assert (row["name"], row["time_zone"], row["charge_amount_is"]) == ("Renamed", None, "line")
    wrong = await client.post(path, data={**form, "time_zone": "Mars", "admin_order_url": "x"})
    assert wrong.status_code == 422
    for words in ("such as America/Chicago", "contains {entity_id}"):
        assert words in wrong.text


@pytest.mark.parametrize("scope", ["read", "write"])
async def test_others_than_admins_see_a_store_without_buttons_keys_and_changes(
    world: World, signed_in: SignIn, scope: str
) -> None:
    store = await with_canaries(world)
    client = await signed_in(scope)
    page = await client.get(f"/stores/{store.id}")
    assert page.status_code == 200
    main = page.text.partition("<main")[2]
    for missing in ("<form", "Replace", "Last changes", "Keys of this store"):
        assert missing not in main
    for path in ("/stores/connect", "/keys", *(f"/stores/{store.id}/{sub}" for sub in SUB_PAGES)):
        assert (await client.get(path)).status_code == 403
        if path != "/keys":
            assert (await client.post(path, data=KEYS)).status_code == 403


async def test_a_stores_admin_sees_its_store_only_and_connects_none(
    world: World, signed_in: SignIn
) -> None:
    own, other = await world.a_store(name="Own store"), await world.a_store(name="Other store")
    client = await signed_in("admin", own)
    listed = (await client.get("/stores")).text
    assert ("Own store" in listed, "Other store" in listed) == (True, False)
    assert "Connect a store" not in listed
    assert (await client.get("/stores/connect")).status_code == 403
    assert (await client.get(f"/stores/{own.id}")).status_code == 200
    before = await stores(world)
    for sub in ("", *(f"/{page}" for page in SUB_PAGES)):
        assert (await client.get(f"/stores/{other.id}{sub}")).status_code == 404
        if sub:
            answer = await client.post(f"/stores/{other.id}{sub}", data={**KEYS, "go": "save"})
            assert answer.status_code == 404
    assert await stores(world) == before


async def test_rejected_keys_stop_a_store_and_the_page_says_what_helps(
    world: World, signed_in: SignIn
) -> None:
    store = await world.a_store(walmart_client_secret="wrong")
    client = await signed_in("admin")
    answer = await client.post(f"/stores/{store.id}/verify")
    assert answer.status_code == 409
    assert "Walmart rejects these keys." in answer.text
