"""The pages of API keys: made and shown once, revoked with what stops working."""

import re
from typing import Any

import httpx
import sqlalchemy as sa
from fastapi import FastAPI

from tests.harness.world import World
from tests.integration.page.conftest import SignIn
from tests.integration.web.conftest import ADMIN_KEY, client_of
from tests.integration.web.test_audit import key_of

FORM = {"name": "warehouse", "scope": "write", "store_id": "", "expires": "90"}


async def keys(world: World) -> list[dict[str, Any]]:
    async with world.database.begin() as connection:
        rows = await connection.execute(sa.text("SELECT * FROM api_keys ORDER BY created_at"))
        return [dict(row) for row in rows.mappings()]


def shown(answer: httpx.Response) -> str:
    found = re.search(r'id="secret"[^>]* value="(wb_[^"]+)"', answer.text)
    assert found, answer.text
    return found[1]


async def test_a_key_is_shown_once_and_works(world: World, app: FastAPI, signed_in: SignIn) -> None:
    client = await signed_in("admin")
    form = {**FORM, "idempotency_key": "once"}
    made = await client.post("/keys/new", data=form)
    assert made.status_code == 200
    secret = shown(made)
    async with client_of(app, secret) as own:
        assert (await own.get("/v1/orders")).status_code == 200
    page = await client.get("/keys")
    assert "warehouse" in page.text
    assert secret not in page.text
    (key,) = await keys(world)
    assert (key["created_by"], key["expires_at"] is None) == ("Jane (operators)", False)
    # A second click gets the second answer, which says where the secret was.
    second = await client.post("/keys/new", data=form)
    assert second.headers["location"] == f"/keys/{key['id']}/revoke"
    revoking = await client.get(second.headers["location"])
    assert "its secret was in the answer to your first click" in revoking.text
    assert secret not in revoking.text
    again = await client.post("/keys/new", data=FORM)
    assert again.status_code == 409
    assert "Names are never used twice." in again.text
    assert 'value="warehouse"' in again.text
    assert len(await keys(world)) == 1


async def test_a_key_without_a_name_is_not_made(world: World, signed_in: SignIn) -> None:
    client = await signed_in("admin")
    answer = await client.post("/keys/new", data={**FORM, "name": " "})
    assert (answer.status_code, await keys(world)) == (422, [])
    assert "Fill this in." in answer.text


async def test_revoking_says_what_stops_and_ends_the_sessions_of_the_key(
    world: World, app: FastAPI, stranger: httpx.AsyncClient
) -> None:
    secret = await key_of(world, None, "admin", name="people")
    await stranger.post("/sign-in", data={"key": secret})
    (key,) = await keys(world)
    path = f"/keys/{key['id']}/revoke"
    asked = await stranger.get(path)
    assert "1 person who signed in with it is signed out: people" in asked.text
    assert "You signed in with this key" in asked.text
    done = await stranger.post(path)
    assert (done.status_code, done.headers["location"]) == (303, "/keys")
    app.state.keys.forget_session(stranger.cookies["__Host-waybill"])
    assert (await stranger.get("/orders")).status_code == 401


async def test_a_key_is_revoked_once(world: World, signed_in: SignIn) -> None:
    await key_of(world, None, "read", name="old")
    (key,) = await keys(world)
    client, path = await signed_in("admin"), f"/keys/{key['id']}/revoke"
    assert (await client.post(path)).status_code == 303
    again = await client.post(path)
    assert again.status_code == 409
    assert "revoked before" in again.text


async def test_a_stores_admin_makes_and_revokes_keys_of_its_store_only(
    world: World, signed_in: SignIn
) -> None:
    own, other = await world.a_store(), await world.a_store()
    await key_of(world, other.store_id, "read", name="foreign")
    (foreign,) = await keys(world)
    client = await signed_in("admin", own)
    assert "foreign" not in (await client.get("/keys")).text
    path = f"/keys/{foreign['id']}/revoke"
    assert (await client.get(path)).status_code == 404
    assert (await client.post(path)).status_code == 404
    for store in ("", str(other.id)):
        answer = await client.post("/keys/new", data={**FORM, "store_id": store})
        assert answer.status_code in {403, 404, 422}
    assert len(await keys(world)) == 1
    mine = await client.post("/keys/new", data={**FORM, "store_id": str(own.id)})
    assert mine.status_code == 200


async def test_the_admin_key_of_the_settings_is_on_no_page(
    signed_in: SignIn, stranger: httpx.AsyncClient
) -> None:
    await stranger.post("/sign-in", data={"key": ADMIN_KEY})
    for client in (stranger, await signed_in("admin")):
        for path in ("/keys", "/keys/new", "/stores"):
            assert ADMIN_KEY not in (await client.get(path)).text


async def test_a_rotated_key_shows_its_new_secret_once_and_the_old_one_works_on(
    world: World, app: FastAPI, signed_in: SignIn
) -> None:
    own, other = await world.a_store(), await world.a_store()
    old = await key_of(world, own.store_id, "read", name="warehouse")
    (key,) = await keys(world)
    path, form = f"/keys/{key['id']}/rotate", {"overlap": "86400", "idempotency_key": "once"}
    foreign = await signed_in("admin", other)
    for answer in (await foreign.get(path), await foreign.post(path, data=form)):
        assert answer.status_code == 404
    client = await signed_in("admin", own)
    assert path in (await client.get("/keys")).text
    assert "Give warehouse a new secret?" in (await client.get(path)).text
    assert (await client.post(path, data={"overlap": "1"})).status_code == 422
    rotated = await client.post(path, data=form)
    assert (rotated.status_code, "The secret before works on" in rotated.text) == (200, True)
    new = shown(rotated)
    # A second click changes nothing: the shown secret and the one before still work.
    second = await client.post(path, data=form)
    assert second.headers["location"] == path
    asked = await client.get(path)
    assert "was in the answer to your first click" in asked.text
    assert "A secret from before still works" in asked.text
    for secret in (old, new):
        async with client_of(app, secret) as using:
            assert (await using.get("/v1/orders")).status_code == 200
        assert secret not in asked.text + (await client.get("/keys")).text
    once_more = await client.post(path, data={"overlap": "0"})
    assert "The secret before works on" not in once_more.text
    await client.post(f"/keys/{key['id']}/revoke")
    ended = await client.post(path, data={"overlap": "0"})
    assert (ended.status_code, "revoked before" in ended.text) == (409, True)
