"""OAuth 1.0a: a client that signs its requests, from the command that makes its credentials on."""

import asyncio
from typing import Any
from uuid import uuid4

import httpx
import pytest
import sqlalchemy as sa
from cryptography.fernet import Fernet
from fastapi import FastAPI
from oauthlib.oauth1 import SIGNATURE_HMAC_SHA1, SIGNATURE_HMAC_SHA256, Client

from app.storage.queries.views import StoreView
from app.storage.removal import expired
from app.storage.stores import api_keys, oauth_keys
from app.storage.stores.oauth_keys import OAuthCredentials
from app.storage.stores.secrets import CannotDecrypt, SecretCipher
from app.web.oauth import WINDOW
from tests.harness.server import serving
from tests.harness.world import World
from tests.integration.web.conftest import client_of
from tests.integration.web.test_commerce_api import BODY, linked

ORDERS, SHIP = "/rest/V1/orders?searchCriteria[pageSize]=1", "/rest/V1/order/7/ship"


async def made(
    world: World, *scopes: str, store: StoreView | None = None, name: str = "integration"
) -> OAuthCredentials:
    """Create an API key with OAuth credentials."""
    credentials, identifier = oauth_keys.new_credentials(), uuid4()
    async with world.database.begin() as connection:
        await api_keys.create(
            connection,
            identifier=identifier,
            name=name,
            store_id=store.store_id if store else None,
            scopes=frozenset(scopes or {"read", "write"}),
            secret=None,
        )
        await oauth_keys.create(connection, identifier, credentials, world.context.cipher)
    return credentials


class Signing(httpx.Auth):
    """Signs requests by oauthlib's client, whose parameters may be changed."""

    def __init__(self, keys: OAuthCredentials, **changes: Any) -> None:
        self._arguments = {
            "client_secret": keys.consumer_secret,
            "resource_owner_key": keys.access_token,
            "resource_owner_secret": keys.access_token_secret,
            "signature_method": SIGNATURE_HMAC_SHA256,
            **changes,
        }
        self._key = changes.pop("client_key", keys.consumer_key)
        self._arguments.pop("client_key", None)

    def auth_flow(self, request: httpx.Request) -> Any:
        client = Client(self._key, **self._arguments)
        method: Any = request.method
        # httpx sends brackets as they are, and oauthlib signs encoded ones only.
        address = str(request.url).replace("[", "%5B").replace("]", "%5D")
        _, headers, _ = client.sign(address, method)
        request.headers["Authorization"] = headers["Authorization"]
        yield request


def message(answer: httpx.Response) -> str:
    """The message of a refusal at Commerce's door."""
    assert (answer.status_code, answer.json()["error_code"]) == (401, "unauthorized")
    assert "OAuth" in answer.headers["www-authenticate"]
    return str(answer.json()["message"])


async def test_a_client_that_signs_reads_and_ships(
    world: World, app: FastAPI, client: httpx.AsyncClient
) -> None:
    order = await linked(world, client)
    keys = await made(world)
    async with serving(app) as address, httpx.AsyncClient(auth=Signing(keys)) as signing:
        found = await signing.get(address + ORDERS)
        assert [each["entity_id"] for each in found.json()["items"]] == [7]
        assert (await signing.head(address + "/index.php" + ORDERS)).status_code == 200
        sent: dict[str, Any] = {"json": BODY, "headers": {"Idempotency-Key": "1"}}
        shipped = await signing.post(address + SHIP + "/", **sent)
        repeated = await signing.post(address + SHIP, **sent)
        assert (shipped.status_code, repeated.text) == (200, shipped.text)
        assert repeated.headers["idempotent-replayed"] == "true"
        # The API's own paths take it too, the fast path of shipments as well.
        path = f"{address}/v1/orders/{order.id}/shipments"
        package = {"carrier_code": "ups", "tracking_number": "1ZB"}
        assert (await signing.post(path, json=package)).status_code == 202
    shown = await world.order(order.id)
    assert [each.tracking_number for each in shown.shipments] == ["1Y-9876543210", "1ZB"]


async def test_a_key_has_its_scopes_and_its_store_only(
    world: World, app: FastAPI, client: httpx.AsyncClient
) -> None:
    await linked(world, client)
    other = await world.a_store()
    reading = await made(world, "read", name="reading")
    elsewhere = await made(world, store=other, name="elsewhere")
    async with client_of(app, key=None) as caller:
        answer = await caller.post(
            "/rest/store_1/V1/order/7/ship", json=BODY, auth=Signing(reading)
        )
        assert (answer.status_code, answer.json()["error_code"]) == (403, "scope_missing")
        for code, status in (("store_1", 404), ("store_2", 200), ("default", 200)):
            url = f"/rest/{code}/V1/orders"
            assert (await caller.get(url, auth=Signing(elsewhere))).status_code == status


async def test_a_signed_request_is_accepted_once(world: World, app: FastAPI) -> None:
    await world.a_store()
    keys = await made(world)
    async with client_of(app, key=None) as caller:
        same = Signing(keys, nonce="n", timestamp=str(await now(world)))
        answers = await asyncio.gather(*(caller.get(ORDERS, auth=same) for _ in range(4)))
        assert sorted(each.status_code for each in answers) == [200, 401, 401, 401]
        refused = next(each for each in answers if each.status_code == 401)
        assert "oauth_nonce was used before" in message(refused)
        # A nonce belongs to a key and a timestamp (RFC 5849, section 3.3).
        later = Signing(keys, nonce="n", timestamp=str(await now(world) + 1))
        assert (await caller.get(ORDERS, auth=later)).status_code == 200
        another = await made(world, name="another")
        own = Signing(another, nonce="n", timestamp=str(await now(world) + 1))
        assert (await caller.get(ORDERS, auth=own)).status_code == 200


async def now(world: World) -> int:
    return int((await world.context.database_time()).timestamp())


@pytest.mark.parametrize("direction", [1, -1])
async def test_a_timestamp_outside_the_window_is_refused(
    world: World, app: FastAPI, direction: int
) -> None:
    """Ten minutes: TIME_DEVIATION of Magento's `Integration/Model/Oauth/Nonce/Generator.php`."""
    await world.a_store()
    keys = await made(world)
    assert WINDOW == 600
    async with client_of(app, key=None) as caller:
        for seconds, accepted in ((WINDOW - 60, True), (WINDOW + 60, False)):
            at = await now(world) + direction * seconds
            answer = await caller.get(ORDERS, auth=Signing(keys, timestamp=str(at)))
            assert answer.is_success is accepted
        assert "more than 600 seconds" in message(answer)


async def test_nonces_are_kept_for_longer_than_the_window(world: World, app: FastAPI) -> None:
    await world.a_store()
    keys = await made(world)
    async with client_of(app, key=None) as caller:
        assert (await caller.get(ORDERS, auth=Signing(keys))).is_success
    assert await expired.NONCES.remove(world.database, 1) == 0
    assert await expired.NONCES.remove(world.database, 0) == 1


CHANGES: list[tuple[dict[str, str], str]] = [
    ({"client_secret": "wrong"}, "signature is invalid"),
    ({"resource_owner_secret": "wrong"}, "signature is invalid"),
    ({"resource_owner_key": "wrong"}, "signature is invalid"),
    ({"client_key": "wrong"}, "signature is invalid"),
    ({"client_key": "\x00"}, "no oauth_consumer_key"),
    ({"nonce": "n" * 256}, "no oauth_nonce"),
    ({"signature_method": SIGNATURE_HMAC_SHA1}, "HMAC-SHA256 only"),
    ({"timestamp": "now"}, "in 10 digits"),
    # Milliseconds, as JavaScript counts them.
    ({"timestamp": "1796047200000"}, "in 10 digits"),
]


async def test_a_request_that_is_not_signed_well_is_refused(world: World, app: FastAPI) -> None:
    """HMAC-SHA256 only: `getSupportedSignatureMethods` of Magento's `Framework/Oauth/Oauth.php`."""
    await world.a_store()
    keys = await made(world)
    async with client_of(app, key=None) as caller:
        for changes, expected in CHANGES:
            assert expected in message(await caller.get(ORDERS, auth=Signing(keys, **changes)))
        for header, expected in (
            ("OAuth", "no valid API key"),
            ("OAuth x", "cannot be parsed"),
            ('OAuth oauth_consumer_key="a"', "no oauth_token"),
            (f"Bearer {keys.access_token}", "no valid API key"),
            (f"Bearer {keys.consumer_secret}", "no valid API key"),
        ):
            answer = await caller.get(ORDERS, headers={"Authorization": header})
            assert expected in message(answer)
        assert (await caller.get(ORDERS, auth=Signing(keys))).status_code == 200


async def test_a_revoked_key_signs_in_vain(world: World, app: FastAPI) -> None:
    await world.a_store()
    keys = await made(world)
    async with client_of(app, key=None) as caller:
        assert (await caller.get(ORDERS, auth=Signing(keys))).status_code == 200
        async with world.database.begin() as connection:
            assert await api_keys.revoke(connection, "integration")
        assert "not revoked" in message(await caller.get(ORDERS, auth=Signing(keys)))


async def test_secrets_are_encrypted_and_readable_after_a_rotation(world: World) -> None:
    keys = await made(world)
    async with world.database.begin() as connection:
        rows = (await connection.execute(sa.text("SELECT * FROM oauth_credentials"))).all()
        assert keys.consumer_key in repr(rows)
        assert keys.consumer_secret not in repr(rows)
        assert keys.access_token_secret not in repr(rows)
        stranger = SecretCipher([Fernet.generate_key().decode()])
        with pytest.raises(CannotDecrypt):
            await oauth_keys.find(connection, keys.consumer_key, stranger)
    assert keys.consumer_secret not in repr(keys)
