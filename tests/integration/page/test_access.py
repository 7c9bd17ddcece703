"""People sign in to the page and out of it, by a key or by a link that works once."""

from collections import Counter
from dataclasses import replace
from urllib.parse import quote, unquote_plus

import httpx
import pytest
import sqlalchemy as sa
from fastapi import FastAPI

from app.storage.postgres.database import open_database
from app.storage.removal import expired
from app.storage.stores.sessions import Access
from app.usecases.access import sign_in
from app.web.page.session import NOTICE
from tests.harness.signing_in import COOKIE, page_client
from tests.harness.world import World
from tests.integration.page.conftest import SignIn
from tests.integration.web.conftest import ADMIN_KEY, client_of
from tests.integration.web.test_contract import a_key
from tests.integration.web.test_wrong_keys import transactions

ACCESS = Access("Jane", None, "write", None, "operators")
PAGES = ["/orders", "/returns", "/attention", "/health", "/stores"]


async def expire(world: World, table: str, column: str) -> None:
    async with world.context.database.begin() as connection:
        past = sa.text(f"UPDATE {table} SET {column} = now() - interval '8 days'")
        await connection.execute(past)


async def test_a_key_opens_a_session_and_leads_to_the_page_that_was_wanted(
    stranger: httpx.AsyncClient,
) -> None:
    form = {"key": ADMIN_KEY, "then": "/returns"}
    answer = await stranger.post("/sign-in", data=form)
    assert (answer.status_code, answer.headers["location"]) == (303, "/returns")
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith(f"{COOKIE}=")
    for word in ("HttpOnly", "Secure", "SameSite=Lax", "Path=/"):
        assert word in cookie
    assert (await stranger.get("/returns")).status_code == 200


async def test_a_wrong_key_is_refused_in_one_sentence(stranger: httpx.AsyncClient) -> None:
    answer = await stranger.post("/sign-in", data={"key": "wb_wrong", "then": "/returns"})
    assert answer.status_code == 401
    assert "This key does not work." in answer.text
    assert 'value="/returns"' in answer.text
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("page", PAGES)
async def test_a_page_without_a_session_asks_for_one_and_remembers_the_address(
    stranger: httpx.AsyncClient, page: str
) -> None:
    answer = await stranger.get(f"{page}?q=a%26b")
    assert answer.status_code == 401
    assert f'name="then" value="{page}?q=a%26b"' in answer.text


async def test_a_link_works_once_and_only_by_its_button(
    world: World, app: FastAPI, stranger: httpx.AsyncClient
) -> None:
    link = await sign_in.make_link(world.context, ACCESS, "/returns?q=1")
    for _ in range(3):
        opened = await stranger.get(f"/enter/{link.token}")
        assert (opened.status_code, "Sign in" in opened.text) == (200, True)
    entered = await stranger.post(f"/enter/{link.token}")
    assert (entered.status_code, entered.headers["location"]) == (303, "/returns?q=1")
    assert (await stranger.get("/returns")).status_code == 200
    async with page_client(app, None) as second:
        again = await second.post(f"/enter/{link.token}")
        assert again.status_code == 410
        assert (await second.get("/returns")).status_code == 401


async def test_a_link_ends_after_its_time(world: World, stranger: httpx.AsyncClient) -> None:
    link = await sign_in.make_link(world.context, ACCESS, "/orders")
    await expire(world, "sign_in_links", "expires_at")
    assert (await stranger.get(f"/enter/{link.token}")).status_code == 410
    assert (await stranger.post(f"/enter/{link.token}")).status_code == 410


async def test_after_signing_out_the_old_cookie_is_worth_nothing(
    app: FastAPI, signed_in: SignIn
) -> None:
    client = await signed_in()
    token = client.cookies[COOKIE]
    answer = await client.post("/sign-out")
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in")
    async with page_client(app, token) as old:
        assert (await old.get("/orders")).status_code == 401


@pytest.mark.parametrize("column", ["last_seen_at", "ends_at"])
async def test_a_session_that_is_not_used_or_too_old_is_over(
    world: World, signed_in: SignIn, column: str
) -> None:
    client = await signed_in()
    await expire(world, "sessions", column)
    assert (await client.get("/orders")).status_code == 401


async def test_a_session_ends_with_its_key_and_so_does_a_link(
    world: World, app: FastAPI, stranger: httpx.AsyncClient
) -> None:
    key = await a_key(world, "write")
    await stranger.post("/sign-in", data={"key": key})
    assert (await stranger.get("/orders")).status_code == 200
    async with world.context.database.begin() as connection:
        (key_id,) = (await connection.execute(sa.text("SELECT id FROM api_keys"))).scalars()
    access = Access("Jane", None, "write", key_id, "operators")
    link = await sign_in.make_link(world.context, access, "/orders")
    assert (await stranger.get(f"/enter/{link.token}")).status_code == 200
    async with world.context.database.begin() as connection:
        await connection.execute(sa.text("UPDATE api_keys SET revoked_at = now()"))
    assert (await stranger.get(f"/enter/{link.token}")).status_code == 410
    assert (await stranger.post(f"/enter/{link.token}")).status_code == 410
    # The process remembers a caller for five seconds.
    app.state.keys.monotonic = lambda: 1e12
    assert (await stranger.get("/orders")).status_code == 401


async def test_another_site_changes_nothing(app: FastAPI, signed_in: SignIn) -> None:
    token = (await signed_in()).cookies[COOKIE]
    other = [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site", "Origin": "https://waybill.test"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {},
    ]
    for headers in other:
        async with page_client(app, token, headers) as client:
            assert (await client.post("/sign-out")).status_code == 403
            assert (await client.post("/sign-in", data={"key": ADMIN_KEY})).status_code == 403
    async with page_client(app, token, {"Origin": "https://waybill.test"}) as client:
        assert (await client.get("/orders")).status_code == 200
        assert (await client.post("/sign-out")).status_code == 303


@pytest.mark.parametrize(
    "then",
    [
        "https://evil.example/orders", "//evil.example/orders", "/\\evil.example/orders",
        "/%2F/evil.example", "javascript:alert(1)", "/\t/evil.example", "", "/nothing", "/v1/orders",
    ],
)  # fmt: skip
async def test_signing_in_leads_to_no_other_site(stranger: httpx.AsyncClient, then: str) -> None:
    answer = await stranger.post("/sign-in", data={"key": ADMIN_KEY, "then": then})
    assert (answer.status_code, answer.headers["location"]) == (303, "/orders")


async def test_a_page_is_a_page_while_the_database_is_away(
    world: World, app: FastAPI, signed_in: SignIn
) -> None:
    person = await signed_in("write")
    away = open_database("postgresql://waybill@127.0.0.1:9/nowhere")
    app.state.context = replace(world.context, database=away)
    for answer in (await person.get("/orders"), await person.post("/orders/import", data={})):
        assert answer.status_code == 503
        assert "Waybill cannot be reached just now" in answer.text
        assert "this page tries again by itself" in answer.text
        assert '<meta http-equiv="refresh"' in answer.text
        assert int(answer.headers["retry-after"]) >= 1
        assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    app.state.context = world.context
    assert (await person.get("/orders")).status_code == 200


async def test_in_a_frame_the_header_takes_less_room(signed_in: SignIn) -> None:
    person = await signed_in("read")
    framed = await person.get("/orders", headers={"Sec-Fetch-Dest": "iframe"})
    assert '<body class="framed"' in framed.text
    assert '<body class="framed"' not in (await person.get("/orders")).text


async def test_a_page_for_administrators_is_closed_to_others(signed_in: SignIn) -> None:
    for scope, status in (("read", 403), ("write", 403), ("admin", 200)):
        answer = await (await signed_in(scope)).get("/keys")
        assert answer.status_code == status
    assert "Nothing was changed." in (await (await signed_in("read")).get("/keys")).text


async def test_after_ten_wrong_keys_an_address_waits_with_another_but_not_with_a_right_one(
    app: FastAPI, stranger: httpx.AsyncClient
) -> None:
    wrong = {"key": "wb_wrong"}
    for _ in range(10):
        assert (await stranger.post("/sign-in", data=wrong)).status_code == 401
    answer = await stranger.post("/sign-in", data=wrong)
    assert answer.status_code == 429
    assert 0 < int(answer.headers["retry-after"]) <= 60
    assert "Too many tries." in answer.text
    assert (await stranger.post("/sign-in", data={"key": ADMIN_KEY})).status_code == 303
    app.state.keys.wrong.monotonic = lambda: 1e12
    assert (await stranger.post("/sign-in", data=wrong)).status_code == 401


async def test_unknown_links_and_cookies_are_limited_by_address_and_those_that_work_are_not(
    world: World, app: FastAPI, stranger: httpx.AsyncClient, signed_in: SignIn
) -> None:
    person, link = await signed_in(), await sign_in.make_link(world.context, ACCESS, "/orders")
    async with page_client(app, "0-over") as old:
        # The browser of a person who left sends the same cookie with each page: that is one try.
        assert {(await old.get("/orders")).status_code for _ in range(12)} == {401}
    for number in range(9):
        assert (await stranger.get(f"/enter/0-{number}")).status_code == 410
    with transactions(world) as begun:
        refused = [await stranger.get("/enter/0-more"), await stranger.post("/enter/0-more")]
        async with page_client(app, "0-guessed") as guessing:
            refused += [await guessing.get("/orders"), await guessing.get("/live")]
            form = {"note": "what was typed", "idempotency_key": "one"}
            refused.append(await guessing.post("/keys/new", data=form))
        # All that works is read once.
        assert len(begun) <= 1
    for each in refused:
        assert each.status_code == 429
        assert 0 < int(each.headers["retry-after"]) <= 60
        assert "Try again in" in each.text
    assert "what was typed" in unquote_plus(refused[-1].text)
    assert (await person.get("/orders")).status_code == 200
    assert (await stranger.get(f"/enter/{link.token}")).status_code == 200
    assert (await stranger.post(f"/enter/{link.token}")).status_code == 303
    assert (await stranger.get("/orders")).status_code == 200
    app.state.keys.wrong.monotonic = lambda: 1e12
    assert (await stranger.get("/enter/0-more")).status_code == 410
    await app.state.refusals.write(all_of_them=True)
    async with client_of(app) as admin:
        acts = (await admin.get("/v1/audit?what=sign_in_refused")).json()["data"]
    # Where this takes longer than a second, some were written before.
    counted = Counter[str]()
    for each in acts:
        counted[each["after"]["reason"]] += each["after"]["count"]
    assert counted == {"unauthorized": 10, "too_many_attempts": 2}


async def test_sessions_and_links_that_are_over_are_deleted(
    world: World, signed_in: SignIn
) -> None:
    old = await signed_in()
    await sign_in.make_link(world.context, ACCESS, "/orders")
    assert await expired.SESSIONS.remove(world.database, 1) == 0
    await expire(world, "sessions", "ends_at")
    await expire(world, "sign_in_links", "expires_at")
    open_still = await signed_in()
    assert await expired.SESSIONS.remove(world.database, 1) == 1
    assert (await old.get("/orders")).status_code == 401
    assert (await open_still.get("/orders")).status_code == 200
    async with world.database.begin() as connection:
        left = await connection.execute(sa.text("SELECT count(*) FROM sign_in_links"))
        assert left.scalar_one() == 0


@pytest.mark.parametrize("path", ["/orders/export", "/live"])
async def test_what_was_typed_leads_to_no_stream(stranger: httpx.AsyncClient, path: str) -> None:
    form = {"key": ADMIN_KEY, "then": path, "typed": "a=b"}
    headers = {"Accept": "text/event-stream"}
    answer = await stranger.post("/sign-in", data=form, headers=headers)
    assert (answer.status_code, answer.headers["location"]) == (303, path)
    assert COOKIE in answer.headers["set-cookie"]
    assert (await stranger.get("/orders")).status_code == 200


@pytest.mark.parametrize(
    ("href", "leads"),
    [
        ("/attention?store=1", True),
        ("https://other.example/orders", False),
        ("//other.example/orders", False),
        ("/\\other.example", False),
        ("javascript:alert(1)", False),
    ],
)
async def test_a_notice_leads_to_pages_of_ours_only_and_its_words_stay_words(
    signed_in: SignIn, href: str, leads: bool
) -> None:
    client = await signed_in()
    cookie = "|".join(map(quote, ("<b>30</b> are fixed.", href, "See <i>the others</i>")))
    client.cookies.set(NOTICE, cookie)
    answer = await client.get("/returns")
    assert "&lt;b&gt;30&lt;/b&gt; are fixed." in answer.text
    assert ("See &lt;i&gt;the others&lt;/i&gt;" in answer.text) is leads
    assert ("other.example" in answer.text, "javascript:" in answer.text) == (False, False)
    # It is shown once.
    assert f"{NOTICE}=" in answer.headers["set-cookie"]
    assert "Max-Age=0" in answer.headers["set-cookie"]


async def test_an_origin_that_is_no_address_is_refused(app: FastAPI) -> None:
    async with page_client(app, None, {"Origin": "http://["}) as client:
        assert (await client.post("/sign-in", data={"key": ADMIN_KEY})).status_code == 403
