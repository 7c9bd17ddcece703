"""Each operation of the OpenAPI document, asked by each sort of caller.

What is expected is generated from the document: its security, its required scope, and where it
names a store. What is refused writes nothing.
"""

import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from ipaddress import ip_network
from typing import Any
from uuid import UUID

import httpx
import pytest
import sqlalchemy as sa
from fastapi import FastAPI

from app.commerce.adobe_keys import open_keys
from app.storage.queries.views import StoreView
from app.web import export
from app.web.client_address import TrustedProxies
from app.web.request_limits import RequestLimits
from app.web.route import SCOPE
from tests.harness.world import World
from tests.integration.page.test_every_route import content, of_a_store
from tests.integration.web.conftest import app_of, client_of

DOCUMENT = export.document()
SCOPES = ["read", "write", "admin"]
LIMITS = RequestLimits(proxies=TrustedProxies((ip_network("127.0.0.1/32"),)))
# Needs a key that sees every store, which no field of the document says.
EVERY_STORE = {"create_store"}
# Its answer has no end, so it is asked by those whom it refuses.
ENDLESS = {"stream_events"}
INVALID = ["none", "wrong", "expired", "revoked"]


@dataclass(frozen=True)
class Asked:
    """An operation of the document."""

    id: str
    method: str
    path: str
    described: dict[str, Any]

    @property
    def scope(self) -> str:
        return str(self.described[SCOPE])

    def names_a_store(self) -> bool:
        """Whether the request says of which store it is: by its path, query or body."""
        return "{" in self.path or bool(self._query()) or "store_id" in self._body()

    def _query(self) -> list[str]:
        given = self.described.get("parameters", [])
        return [
            each["name"] for each in given if each["name"] == "store_id" and each["in"] == "query"
        ]

    def _media(self) -> tuple[str, Any]:
        """Media type and example of the body."""
        for name, media in self.described.get("requestBody", {}).get("content", {}).items():
            examples = [each["value"] for each in media.get("examples", {}).values()]
            return name, media.get("example") or (examples or media["schema"]["examples"])[0]
        return "", None

    def _body(self) -> dict[str, Any]:
        body = self._media()[1]
        return body if isinstance(body, dict) else {}

    def request(self, ids: dict[str, str]) -> dict[str, Any]:
        """The arguments of a request about what these ids name."""
        path = self.path
        for each in self.described.get("parameters", []):
            if each["in"] == "path":
                number = each["schema"].get("type") == "integer"
                value = "7" if number else ids[each["name"]]
                path = path.replace(f"{{{each['name']}}}", value)
        query = dict.fromkeys(self._query(), ids["store_id"])
        media, body = self._media()
        if isinstance(body, dict):
            # A key makes keys and links of its own store, with no more than its own scope.
            known = {"store_id": ids["store_id"], "scope": "read"}
            body = json.dumps({name: known.get(name, value) for name, value in body.items()})
        headers = {"Content-Type": media} if media else {}
        return {
            "method": self.method,
            "url": path,
            "params": query,
            "content": body,
            "headers": headers,
        }


def operations() -> Iterator[Asked]:
    """The operations that need a key."""
    for path, methods in DOCUMENT["paths"].items():
        for method, described in methods.items():
            if described["security"]:
                yield Asked(described["operationId"], method.upper(), path, described)


@dataclass(frozen=True)
class Caller:
    name: str
    scope: str | None
    """None for a key that does not work."""
    store: str = ""
    """`own`: the store that is asked about, `other`: another one, `all`: every store."""

    def expected(self, operation: Asked) -> int | None:
        """The status of a refusal; None if the caller is let in."""
        if self.scope is None:
            return 401
        if SCOPES.index(self.scope) < SCOPES.index(operation.scope):
            return 403
        if operation.id in EVERY_STORE and self.store != "all":
            return 403
        return 404 if self.store == "other" and operation.names_a_store() else None


CALLERS = [
    *(Caller(name, None) for name in INVALID),
    *(
        Caller(f"{scope} {store}", scope, store)
        for scope in SCOPES
        for store in ("own", "other", "all")
    ),
]


@pytest.fixture
async def app(world: World) -> AsyncIterator[FastAPI]:
    keys = open_keys()
    yield app_of(world, keys, limits=LIMITS)
    await keys.close()


async def keys_of(client: httpx.AsyncClient, stores: dict[str, StoreView]) -> dict[str, str]:
    """A secret for each caller with a key."""
    secrets = {"wrong": "wb_wrong"}
    ended = [Caller("expired", "admin", "all"), Caller("revoked", "admin", "all")]
    for caller in [*ended, *CALLERS]:
        if caller.scope is None:
            continue
        store = stores.get(caller.store)
        body = {
            "name": caller.name,
            "scope": caller.scope,
            "store_id": str(store.id) if store else None,
        }
        made = (await client.post("/v1/keys", json=body)).json()
        secrets[caller.name] = made["secret"]
        if caller.name == "revoked":
            await client.delete(f"/v1/keys/{made['key']['id']}")
    return secrets


async def ids_of(world: World, client: httpx.AsyncClient, store: StoreView) -> dict[str, str]:
    """Ids of what the store has, for each parameter of a path; unknown ones for what it lacks."""
    found: dict[str, UUID | str] = dict(await of_a_store(world, store))
    link = {"name": "Jane", "scope": "read", "path": "/orders", "store_id": str(store.id)}
    token = (await client.post("/v1/sign-in-links", json=link)).json()["url"].rpartition("/")[2]
    await client.post(f"/enter/{token}", headers={"Sec-Fetch-Site": "same-origin"})
    (session, *_) = (await client.get("/v1/sessions")).json()["data"]
    key = {"name": "victim", "scope": "read", "store_id": str(store.id)}
    made = (await client.post("/v1/keys", json=key)).json()["key"]
    job = {"kind": "retry", "updates": {"kind": "shipment", "store_id": str(store.id)}}
    begun = (await client.post("/v1/jobs", json=job)).json()
    found |= {
        "key_id": made["id"],
        "session_id": session["id"],
        "job_id": begun["id"],
        "store_code": store.code,
        "group_id": f"{store.store_id}-unknown",
        "hook": "shipment",
    }
    for name in ("return_id", "event_id"):
        found[name] = world.context.new_id(store.store_id)
    return {name: str(value) for name, value in found.items()}


async def test_every_operation_refuses_each_caller_as_the_document_says_and_writes_nothing(
    world: World, app: FastAPI, client: httpx.AsyncClient
) -> None:
    stores = {"own": await world.a_store(), "other": await world.a_store()}
    secrets = await keys_of(client, stores)
    async with world.database.begin() as connection:
        await connection.execute(
            sa.text("UPDATE api_keys SET expires_at = now() WHERE name = 'expired'")
        )
    ids = await ids_of(world, client, stores["own"])
    async with client_of(app, None) as stranger:

        async def status(operation: Asked, caller: Caller) -> httpx.Response:
            request = operation.request(ids)
            # Each has an address of its own: it is about keys, not about their number.
            request["headers"]["X-Forwarded-For"] = f"192.0.2.{len(asked) % 250}"
            if caller.name in secrets:
                request["headers"]["Authorization"] = f"Bearer {secrets[caller.name]}"
            return await stranger.request(**request)

        asked: list[str] = []
        wrong: dict[str, object] = {}
        before = await content(world)
        cases = [(each, caller) for each in operations() for caller in CALLERS]
        refused = [each for each in cases if each[1].expected(each[0]) is not None]
        for operation, caller in refused:
            asked.append(operation.id)
            answer = await status(operation, caller)
            if answer.status_code != caller.expected(operation):
                wrong[f"{caller.name}: {operation.id}"] = (answer.status_code, answer.text[:300])
        assert wrong == {}
        assert await content(world) == before
        assert len({operation.id for operation, _ in cases}) > 80
        for operation, caller in cases:
            if caller.expected(operation) is not None or operation.id in ENDLESS:
                continue
            asked.append(operation.id)
            answer = await status(operation, caller)
            foreign = caller.store == "other" and ids["order_id"] in answer.text
            if answer.status_code in {401, 403} or answer.status_code >= 500 or foreign:
                wrong[f"{caller.name}: {operation.id}"] = (answer.status_code, answer.text[:300])
        assert wrong == {}
