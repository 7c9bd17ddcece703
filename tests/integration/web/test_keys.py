"""API keys over HTTP: made once, listed without secrets, revoked, expired."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest
import sqlalchemy as sa
from fastapi import FastAPI

from app.storage.queries.views import StoreView
from app.web.auth import REMEMBERED_FOR, KeyRing
from app.web.problems import Unauthorized
from tests.harness.world import World
from tests.integration.web.conftest import client_of

NEVER = "2999-01-01T00:00:00Z"


async def made(client: httpx.AsyncClient, name: str = "warehouse", **given: Any) -> dict[str, Any]:
    answer = await client.post("/v1/keys", json={"name": name, "scope": "read", **given})
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def listed(client: httpx.AsyncClient, **query: Any) -> list[dict[str, Any]]:
    answer = await client.get("/v1/keys", params=query)
    assert answer.status_code == 200, answer.text
    return list(answer.json()["data"])


async def expire(world: World, name: str) -> None:
    async with world.database.begin() as connection:
        statement = "UPDATE api_keys SET expires_at = now() WHERE name = :name"
        await connection.execute(sa.text(statement), {"name": name})


async def test_a_new_key_works_with_its_scope(app: FastAPI, client: httpx.AsyncClient) -> None:
    created = await made(client, expires_at=NEVER)
    async with client_of(app, created["secret"]) as own:
        assert (await own.get("/v1/orders")).status_code == 200
        assert (await own.get("/v1/keys")).status_code == 403
    key = created["key"]
    assert created["secret"].startswith(key["prefix"])
    assert {name: key[name] for name in ("name", "scope", "state", "kind", "created_by")} == {
        "name": "warehouse",
        "scope": "read",
        "state": "works",
        "kind": "bearer",
        "created_by": "admin",
    }
    assert (key["expires_at"], key["store_id"]) == (NEVER, None)


async def test_only_the_first_answer_has_the_secret(
    world: World, client: httpx.AsyncClient
) -> None:
    once = {"Idempotency-Key": "make-it"}
    body = {"name": "warehouse", "scope": "read"}
    first = (await client.post("/v1/keys", json=body, headers=once)).json()
    replayed = await client.post("/v1/keys", json=body, headers=once)
    assert replayed.headers["idempotent-replayed"] == "true"
    assert replayed.json() == {"key": first["key"], "secret": None}
    assert first["secret"] not in str(await listed(client))
    assert first["secret"] not in (await client.get("/v1/audit")).text
    async with world.database.begin() as connection:
        stored = list(await connection.execute(sa.text("SELECT * FROM idempotency_keys")))
    assert first["secret"] not in repr(stored)


async def test_a_revoked_key_is_shown_as_revoked_and_not_revoked_again(
    world: World, client: httpx.AsyncClient
) -> None:
    created = await made(client)
    path = f"/v1/keys/{created['key']['id']}"
    assert (await client.delete(path)).json()["state"] == "revoked"
    again = await client.delete(path)
    assert (again.status_code, again.json()["code"]) == (409, "key_revoked")
    (key,) = await listed(client)
    assert (key["state"], key["revoked_at"] is None) == ("revoked", False)
    assert await listed(client, state="works") == []
    with pytest.raises(Unauthorized):
        await KeyRing(world.database, None, lambda: 0.0).caller(created["secret"])


async def test_an_expired_key_stops_within_5_seconds(
    world: World, client: httpx.AsyncClient
) -> None:
    secret = (await made(client))["secret"]
    now = [0.0]
    ring = KeyRing(world.database, None, lambda: now[0])
    assert (await ring.caller(secret)).name == "warehouse"
    await expire(world, "warehouse")
    assert REMEMBERED_FOR <= 5
    now[0] = REMEMBERED_FOR
    with pytest.raises(Unauthorized):
        await ring.caller(secret)
    assert [key["state"] for key in await listed(client)] == ["expired"]


async def test_the_last_use_is_recorded_at_most_once_a_minute(
    world: World, client: httpx.AsyncClient
) -> None:
    secret = (await made(client))["secret"]
    assert (await listed(client))[0]["last_used_at"] is None
    now = [0.0]
    ring = KeyRing(world.database, None, lambda: now[0])
    seen = []
    for at in (0.0, 30.0, 61.0):
        now[0] = at
        await ring.caller(secret)
        seen.append((await listed(client))[0]["last_used_at"])
    assert seen[0] is not None
    assert seen[0] == seen[1] < seen[2]


@pytest.mark.parametrize(
    ("changes", "status", "code", "pointer"),
    [
        ({"name": " blank"}, 422, "key_name_invalid", "/name"),
        ({"name": "two\nlines"}, 422, "key_name_invalid", "/name"),
        ({"scope": "root"}, 422, "invalid", "/scope"),
        ({"expires_at": "2020-01-01T00:00:00Z"}, 422, "expires_in_past", "/expires_at"),
        ({"name": "taken"}, 409, "key_name_taken", "/name"),
    ],
)
async def test_a_wrong_key_is_refused_and_not_written(
    client: httpx.AsyncClient, changes: dict[str, str], status: int, code: str, pointer: str
) -> None:
    await made(client, "taken")
    answer = await client.post("/v1/keys", json={"name": "new", "scope": "read", **changes})
    assert answer.status_code == status
    assert code in {answer.json()["code"], *(each["code"] for each in answer.json()["errors"])}
    assert answer.json()["errors"][0]["pointer"] == pointer
    assert [key["name"] for key in await listed(client)] == ["taken"]


async def admin_of(app: FastAPI, client: httpx.AsyncClient, store: StoreView) -> httpx.AsyncClient:
    created = await made(client, f"admin of {store.code}", scope="admin", store_id=str(store.id))
    return client_of(app, created["secret"])


async def test_a_stores_admin_makes_sees_and_revokes_keys_of_its_store_only(
    world: World, app: FastAPI, client: httpx.AsyncClient
) -> None:
    first, second = await world.a_store(), await world.a_store()
    others = [
        (await made(client, "everywhere"))["key"]["id"],
        (await made(client, "second", store_id=str(second.id)))["key"]["id"],
    ]
    async with await admin_of(app, client, first) as bound:
        body = {"name": "beyond", "scope": "read"}
        assert (await bound.post("/v1/keys", json=body)).status_code == 403
        body["store_id"] = str(second.id)
        assert (await bound.post("/v1/keys", json=body)).status_code == 404
        for other in others:
            assert (await bound.delete(f"/v1/keys/{other}")).status_code == 404
        await made(bound, "mine", store_id=str(first.id))
        assert [key["name"] for key in await listed(bound)] == ["mine", f"admin of {first.code}"]
    assert all(key["state"] == "works" for key in await listed(client))


async def test_an_unknown_store_or_key_is_not_found(client: httpx.AsyncClient) -> None:
    body = {"name": "new", "scope": "read", "store_id": "01932f5a-1c00-7a10-8f21-3c5d00000063"}
    assert (await client.post("/v1/keys", json=body)).status_code == 404
    assert (await client.delete(f"/v1/keys/{uuid4()}")).status_code == 404
    assert await listed(client) == []


async def test_keys_are_paged_newest_first(client: httpx.AsyncClient) -> None:
    for number in range(5):
        await made(client, f"key {number}")
    first = (await client.get("/v1/keys", params={"limit": 3})).json()
    rest = await listed(client, cursor=first["next_cursor"])
    assert [key["name"] for key in [*first["data"], *rest]] == [
        f"key {number}" for number in (4, 3, 2, 1, 0)
    ]


async def test_creating_and_revoking_are_in_the_audit(client: httpx.AsyncClient) -> None:
    soon = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    created = await made(client, expires_at=soon)
    await client.delete(f"/v1/keys/{created['key']['id']}")
    revoked, creation = (await client.get("/v1/audit")).json()["data"]
    assert (revoked["what"], revoked["subject"]) == ("key_revoked", "warehouse")
    assert creation["what"] == "key_created"
    assert creation["after"]["scopes"] == ["read"]
    assert creation["after"]["every_store"] is True
