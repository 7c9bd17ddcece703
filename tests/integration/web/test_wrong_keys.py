"""Wrong keys: refused clearly, limited by address, counted in the audit, and cheap."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from ipaddress import ip_network
from typing import Any

import httpx
import pytest
import sqlalchemy as sa
from fastapi import FastAPI

from app.commerce.adobe_keys import open_keys
from app.storage.audit import Origin
from app.storage.stores import api_keys
from app.web.attempts import MINUTE, MOST
from app.web.client_address import TrustedProxies
from app.web.request_limits import RequestLimits
from tests.harness.world import World
from tests.integration.web.conftest import ADMIN_KEY, app_of, client_of
from tests.integration.web.test_oauth import ORDERS, Signing
from tests.integration.web.test_oauth import made as signing_key

READ = "/v1/stores"
BEHIND_A_PROXY = RequestLimits(proxies=TrustedProxies((ip_network("127.0.0.1/32"),)))


@pytest.fixture
async def app(world: World) -> AsyncIterator[FastAPI]:
    keys = open_keys()
    yield app_of(world, keys, limits=BEHIND_A_PROXY)
    await keys.close()


@contextmanager
def transactions(world: World) -> Iterator[list[int]]:
    """Collects the transactions that begin during the block."""
    seen: list[int] = []
    engine = world.database.engine.sync_engine

    def began(_: Any) -> None:
        seen.append(1)

    sa.event.listen(engine, "begin", began)
    yield seen
    sa.event.remove(engine, "begin", began)


async def asked(client: httpx.AsyncClient, key: str, address: str, path: str = READ) -> Any:
    headers = {"Authorization": f"Bearer {key}", "X-Forwarded-For": f"192.0.2.1, {address}"}
    return await client.get(path, headers=headers)


async def made(client: httpx.AsyncClient, name: str, **given: Any) -> dict[str, Any]:
    answer = await client.post("/v1/keys", json={"name": name, "scope": "read", **given})
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def refusals(client: httpx.AsyncClient) -> list[tuple[str, str, str, int]]:
    rows = (await client.get("/v1/audit", params={"what": "access_refused"})).json()["data"]
    return sorted(
        (each["address"], each["actor"], each["after"]["reason"], each["after"]["count"])
        for each in rows
    )


async def test_a_flood_of_wrong_keys_costs_no_transaction_each_and_a_right_key_works(
    world: World, app: FastAPI, client: httpx.AsyncClient
) -> None:
    right = (await made(client, "warehouse"))["secret"]
    with transactions(world) as begun:
        first = [await asked(client, f"wb_{n}", "203.0.113.9") for n in range(MOST)]
        rest = await asyncio.gather(*(asked(client, f"wx_{n}", "203.0.113.9") for n in range(60)))
        same = [await asked(client, "wb_0", "203.0.113.9") for _ in range(30)]
        # A look for each of the first, one for all others, and a batch of the audit.
        assert len(begun) <= MOST + 3
    assert {each.status_code for each in first} == {401}
    assert {each.status_code for each in (*rest, *same)} == {429}
    refused = rest[0]
    assert refused.json()["code"] == "too_many_attempts"
    assert refused.headers["content-type"] == "application/problem+json"
    assert 0 < int(refused.headers["retry-after"]) <= MINUTE
    assert (await asked(client, right, "203.0.113.9")).status_code == 200
    assert (await asked(client, ADMIN_KEY, "203.0.113.9")).status_code == 200
    # Another client of the same proxy is not limited, and neither is this one a minute later.
    assert (await asked(client, "wb_1", "203.0.113.10")).status_code == 401
    app.state.keys.wrong.monotonic = lambda: 1e12
    assert (await asked(client, "wb_1", "203.0.113.9")).status_code == 401


async def test_a_key_that_was_made_a_moment_ago_works_from_a_limited_address_within_a_second(
    app: FastAPI, client: httpx.AsyncClient
) -> None:
    now = [1000.0]
    app.state.keys.wrong.monotonic = lambda: now[0]
    for n in range(MOST + 1):
        await asked(client, f"wb_{n}", "203.0.113.9")
    new = (await made(client, "warehouse"))["secret"]
    # The keys that work were read before.
    assert (await asked(client, new, "203.0.113.9")).status_code == 429
    now[0] += 1
    assert (await asked(client, new, "203.0.113.9")).status_code == 200


async def test_wrong_keys_at_once_are_limited_from_the_first_moment(
    world: World, client: httpx.AsyncClient
) -> None:
    with transactions(world) as begun:
        answers = await asyncio.gather(
            *(asked(client, f"wb_{n}", "203.0.113.9") for n in range(100))
        )
    assert len(begun) <= MOST + 3
    # The first ones may be refused after the limit was reached by the others.
    statuses = Counter(each.status_code for each in answers)
    assert statuses.keys() <= {401, 429}
    assert statuses[429] >= 100 - MOST


async def test_unknown_signers_at_once_are_limited_from_the_first_moment(
    world: World, client: httpx.AsyncClient
) -> None:
    keys = await signing_key(world)
    with transactions(world) as begun:
        answers = await asyncio.gather(
            *(client.get(ORDERS, auth=Signing(keys, client_key=f"{n:032}")) for n in range(60))
        )
    assert len(begun) <= MOST + 3
    # The first ones may be refused after the limit was reached by the others.
    statuses = Counter(each.status_code for each in answers)
    assert statuses.keys() <= {401, 429}
    assert statuses[429] >= 60 - MOST


async def test_a_wrong_signature_costs_no_transaction_each_and_a_right_one_works(
    world: World, client: httpx.AsyncClient
) -> None:
    await world.a_store()
    keys = await signing_key(world)
    wrong = Signing(keys, client_secret="x" * 32)
    with transactions(world) as begun:
        statuses = [(await client.get(ORDERS, auth=wrong)).status_code for _ in range(MOST + 20)]
        unknown = Signing(keys, client_key="y" * 32)
        statuses += [(await client.get(ORDERS, auth=unknown)).status_code for _ in range(5)]
    assert statuses == [401] * MOST + [429] * 25
    assert len(begun) <= 5
    assert (await client.get(ORDERS, auth=Signing(keys))).status_code == 200


async def test_a_key_that_ended_says_so_and_is_no_wrong_key(
    world: World, client: httpx.AsyncClient
) -> None:
    expired, revoked = await made(client, "guest"), await made(client, "gone")
    async with world.database.begin() as connection:
        await connection.execute(
            sa.text("UPDATE api_keys SET expires_at = now() WHERE name = 'guest'")
        )
    await client.delete(f"/v1/keys/{revoked['key']['id']}")
    for key, word in ((expired, "expired at 20"), (revoked, "was revoked")):
        answers = [await asked(client, key["secret"], "203.0.113.9") for _ in range(MOST + 2)]
        assert {(each.status_code, each.json()["code"]) for each in answers} == {
            (401, "unauthorized")
        }
        assert word in answers[-1].json()["detail"]


async def test_refused_requests_are_counted_in_the_audit_once_a_minute(
    app: FastAPI, client: httpx.AsyncClient
) -> None:
    reader = await made(client, "reader")
    for _ in range(3):
        await asked(client, reader["secret"], "203.0.113.9", "/v1/keys")
        await asked(client, "wb_guess", "203.0.113.9")
        await asked(client, "wb_guess", "2001:db8::1")
    expected = [
        ("2001:db8::/64", "not signed in", "unauthorized", 3),
        ("203.0.113.9", "not signed in", "unauthorized", 3),
        ("203.0.113.9", "reader", "scope_missing", 3),
    ]
    assert await refusals(client) == expected
    for _ in range(2):
        await asked(client, "wb_guess", "203.0.113.9")
    # They wait for the end of the minute; a process that stops writes them.
    assert await refusals(client) == expected
    app.state.refusals.monotonic = lambda: 1e12
    assert await refusals(client) == sorted(
        [*expected, ("203.0.113.9", "not signed in", "unauthorized", 2)]
    )
    await asked(client, "wb_guess", "203.0.113.9")
    await app.state.refusals.close()
    assert len(await refusals(client)) == 5
    shown = (await client.get("/v1/audit", params={"limit": 200})).text
    assert "guess" not in shown


async def test_beyond_a_thousand_addresses_the_others_are_one_row(
    app: FastAPI, client: httpx.AsyncClient
) -> None:
    for number in range(1010):
        origin = Origin(None, f"10.0.{number // 250}.{number % 250}")
        app.state.refusals.count({}, origin)
    found = await refusals_of(client, "other addresses")
    assert found == 10


async def refusals_of(client: httpx.AsyncClient, address: str) -> int:
    query: dict[str, Any] = {"what": "access_refused", "limit": 200}
    while True:
        page = (await client.get("/v1/audit", params=query)).json()
        for each in page["data"]:
            if each["address"] == address:
                return int(each["after"]["count"])
        query["cursor"] = page["next_cursor"]
        assert query["cursor"]


async def test_rows_of_the_audit_are_neither_changed_nor_deleted(
    world: World, client: httpx.AsyncClient
) -> None:
    await made(client, "warehouse")
    old = "UPDATE audit SET at = now() - interval '2 days'"
    async with world.database.begin() as connection:
        await connection.execute(sa.text("SET LOCAL session_replication_role = replica"))
        await connection.execute(sa.text(old))
    await made(client, "second")
    retention = "SET LOCAL waybill.retention = 'audit'"
    for statements in (
        ["UPDATE audit SET actor = 'x'"],
        [retention, "UPDATE audit SET actor = 'x'"],
        ["DELETE FROM audit"],
        [retention, "DELETE FROM audit WHERE subject = 'second'"],
        ["TRUNCATE audit"],
    ):
        with pytest.raises(sa.exc.DBAPIError, match="neither changed nor deleted"):
            async with world.database.begin() as connection:
                for statement in statements:
                    await connection.execute(sa.text(statement))
    assert len((await client.get("/v1/audit")).json()["data"]) == 2


async def test_a_rotated_key_has_two_secrets_until_the_overlap_ends(
    world: World, app: FastAPI, client: httpx.AsyncClient
) -> None:
    first = await made(client, "warehouse")
    path = f"/v1/keys/{first['key']['id']}/rotate"
    once = {"Idempotency-Key": "one"}
    second = (await client.post(path, json={"overlap_seconds": 3600}, headers=once)).json()
    replayed = (await client.post(path, json={"overlap_seconds": 3600}, headers=once)).json()
    assert replayed == {"key": second["key"], "secret": None}
    third = (await client.post(path)).json()
    secrets = [each["secret"] for each in (first, second, third)]
    for secret in secrets:
        assert (await asked(client, secret, "203.0.113.9")).status_code == 200
    key = third["key"]
    assert (key["id"], key["name"]) == (first["key"]["id"], "warehouse")
    assert third["secret"].startswith(key["prefix"])
    assert key["previous_until"] > second["key"]["previous_until"] > key["rotated_at"]
    # No overlap ends all that were before.
    fourth = (await client.post(path, json={"overlap_seconds": 0})).json()
    assert fourth["key"]["previous_until"] is None
    async with client_of(app_again(world, app), None) as fresh:
        for secret in secrets:
            answer = await asked(fresh, secret, "203.0.113.9")
            assert (answer.status_code, "new secret" in answer.json()["detail"]) == (401, True)
        assert (await asked(fresh, fourth["secret"], "203.0.113.9")).status_code == 200
    acts = (await client.get("/v1/audit", params={"what": "key_rotated"})).json()["data"]
    assert len(acts) == 3
    assert not [secret for secret in (*secrets, fourth["secret"]) if secret in str(acts)]


def app_again(world: World, app: FastAPI) -> FastAPI:
    """Another process, which remembers nothing."""
    return app_of(world, app.state.adobe_keys, limits=BEHIND_A_PROXY)


async def test_a_key_that_cannot_be_rotated_says_why(
    world: World, app: FastAPI, client: httpx.AsyncClient
) -> None:
    one, other = await world.a_store(), await world.a_store()
    gone = await made(client, "gone")
    await client.delete(f"/v1/keys/{gone['key']['id']}")
    old = await made(client, "old")
    async with world.database.begin() as connection:
        await connection.execute(
            sa.text("UPDATE api_keys SET expires_at = now() WHERE name = 'old'")
        )
        await signing_key(world)
        signs = await api_keys.named(connection, "integration")
    assert signs is not None
    codes = {}
    for name, identifier in (
        ("gone", gone["key"]["id"]),
        ("old", old["key"]["id"]),
        ("signs", signs.id),
        ("none", one.id),
    ):
        answer = await client.post(f"/v1/keys/{identifier}/rotate")
        codes[name] = (answer.status_code, answer.json()["code"])
    assert codes == {
        "gone": (409, "key_revoked"),
        "old": (409, "key_expired"),
        "signs": (409, "key_signs"),
        "none": (404, "key_not_found"),
    }
    theirs = await made(client, "theirs", store_id=str(other.id))
    path = f"/v1/keys/{theirs['key']['id']}/rotate"
    bound = await made(client, "bound", scope="admin", store_id=str(one.id))
    async with client_of(app, bound["secret"]) as own:
        assert (await own.post(path)).status_code == 404
    for wrong in ({"overlap_seconds": -1}, {"overlap_seconds": 2_592_001}, {"overlap": 1}):
        assert (await client.post(path, json=wrong)).status_code == 422
