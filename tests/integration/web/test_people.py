"""Who asks, and people who sign in by links that keys make."""

from contextlib import aclosing
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from fastapi import FastAPI

from tests.harness.signing_in import page_client
from tests.harness.world import World
from tests.integration.web.conftest import client_of
from tests.integration.web.test_contract import a_key

JANE = {"name": "jane@shop.example", "scope": "write"}


async def linked(client: httpx.AsyncClient, **given: Any) -> str:
    answer = await client.post("/v1/sign-in-links", json={**JANE, **given})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["url"])


async def entered(app: FastAPI, url: str) -> httpx.AsyncClient:
    client = page_client(app, None)
    answer = await client.post(httpx.URL(url).path)
    assert answer.status_code == 303
    return client


async def test_a_key_sees_what_it_allows(world: World, app: FastAPI) -> None:
    store = await world.a_store()
    async with client_of(app, await a_key(world, "read", "write", store=store)) as client:
        me = (await client.get("/v1/me")).json()
    assert (me["scope"], me["store_id"]) == ("write", str(store.id))
    assert UUID(me["key_id"])


async def test_the_key_of_the_settings_has_no_id(client: httpx.AsyncClient) -> None:
    me = (await client.get("/v1/me")).json()
    assert me == {"key_id": None, "name": "admin", "scope": "admin", "store_id": None}


async def test_a_link_opens_its_page_in_the_name_of_the_person(
    app: FastAPI, client: httpx.AsyncClient
) -> None:
    url = await linked(client, path="/returns?status=received")
    assert url.startswith("https://waybill.test/enter/")
    async with page_client(app, None) as browser:
        answer = await browser.post(httpx.URL(url).path)
        assert answer.headers["location"] == "/returns?status=received"
        shown = await browser.get("/returns")
    assert "jane@shop.example" in shown.text
    listed = (await client.get("/v1/sessions")).json()["data"]
    assert [(each["name"], each["scope"], each["key_name"]) for each in listed] == [
        ("jane@shop.example", "write", "admin")
    ]


async def test_a_link_without_a_scope_has_that_of_its_key(world: World, app: FastAPI) -> None:
    for scope in ("read", "write"):
        async with client_of(app, await a_key(world, scope)) as client:
            given = {name: value for name, value in JANE.items() if name != "scope"}
            made = await client.post("/v1/sign-in-links", json=given)
            async with aclosing(await entered(app, made.json()["url"])) as browser:
                form = await browser.get("/orders/import")
                assert form.status_code == (200 if scope == "write" else 403)


async def test_a_link_has_no_more_rights_than_its_key(world: World, app: FastAPI) -> None:
    mine, other = await world.a_store(), await world.a_store()
    async with client_of(app, await a_key(world, "write", store=mine)) as client:
        beyond = await client.post("/v1/sign-in-links", json={**JANE, "scope": "admin"})
        assert (beyond.status_code, beyond.json()["code"]) == (403, "scope_missing")
        foreign = await client.post("/v1/sign-in-links", json={**JANE, "store_id": str(other.id)})
        assert (foreign.status_code, foreign.json()["code"]) == (404, "store_not_found")
        async with aclosing(await entered(app, await linked(client))) as browser:
            assert (await browser.get("/orders")).status_code == 200
            assert (await browser.get(f"/orders?store={other.id}")).status_code == 404


@pytest.mark.parametrize(
    ("given", "code", "pointer"),
    [
        ({"path": "https://evil.example/"}, "page_unknown", "/path"),
        ({"path": "//evil.example/orders"}, "page_unknown", "/path"),
        ({"path": "/v1/orders"}, "page_unknown", "/path"),
        ({"path": "/nothing"}, "page_unknown", "/path"),
        ({"name": "two\nlines"}, "key_name_invalid", "/name"),
        ({"name": " "}, "key_name_invalid", "/name"),
        ({"scope": "everything"}, "invalid", "/scope"),
    ],
)
async def test_a_wrong_link_is_refused(
    client: httpx.AsyncClient, given: dict[str, Any], code: str, pointer: str
) -> None:
    answer = await client.post("/v1/sign-in-links", json={**JANE, **given})
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (422, code)
    assert problem["errors"][0]["pointer"] == pointer


async def test_a_repeated_request_has_no_link(client: httpx.AsyncClient) -> None:
    once = {"Idempotency-Key": "link"}
    first = await client.post("/v1/sign-in-links", json=JANE, headers=once)
    second = await client.post("/v1/sign-in-links", json=JANE, headers=once)
    assert first.json()["url"] is not None
    assert second.json() == {**first.json(), "url": None}


async def test_an_administrator_ends_a_session(app: FastAPI, client: httpx.AsyncClient) -> None:
    async with aclosing(await entered(app, await linked(client))) as browser:
        session = (await client.get("/v1/sessions")).json()["data"][0]
        answer = await client.delete(f"/v1/sessions/{session['id']}")
        assert answer.status_code == 200
        # The process remembers a session for five seconds.
        app.state.keys.monotonic = lambda: 1e12
        assert (await browser.get("/orders")).status_code == 401
    assert (await client.get("/v1/sessions")).json()["data"] == []
    for gone in (session["id"], uuid4()):
        assert (await client.delete(f"/v1/sessions/{gone}")).status_code == 404


async def test_a_key_for_one_store_sees_and_ends_its_own_sessions_only(
    world: World, app: FastAPI, client: httpx.AsyncClient
) -> None:
    mine, other = await world.a_store(), await world.a_store()
    for store in (mine, other, None):
        given = {} if store is None else {"store_id": str(store.id)}
        await (await entered(app, await linked(client, **given))).aclose()
    everyone = (await client.get("/v1/sessions")).json()["data"]
    async with client_of(app, await a_key(world, "admin", store=mine)) as own:
        seen = (await own.get("/v1/sessions")).json()["data"]
        assert [each["store_id"] for each in seen] == [str(mine.id)]
        for each in everyone:
            status = 200 if each["store_id"] == str(mine.id) else 404
            assert (await own.delete(f"/v1/sessions/{each['id']}")).status_code == status
    assert len((await client.get("/v1/sessions")).json()["data"]) == 2


async def test_sessions_are_listed_page_by_page(app: FastAPI, client: httpx.AsyncClient) -> None:
    for number in range(3):
        await (await entered(app, await linked(client, name=f"p{number}"))).aclose()
    first = (await client.get("/v1/sessions?limit=2")).json()
    rest = (await client.get(f"/v1/sessions?cursor={first['next_cursor']}")).json()
    names = [each["name"] for each in (*first["data"], *rest["data"])]
    assert (names, rest["next_cursor"]) == (["p2", "p1", "p0"], None)
