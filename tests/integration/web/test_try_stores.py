"""Credentials tried before they are saved, test notifications, and what Walmart announces."""

import hashlib
import hmac
from typing import Any
from uuid import uuid4

import httpx
import pytest
import sqlalchemy as sa
from fastapi import FastAPI

from app.storage.queries.views import StoreView
from tests.harness.server import serving
from tests.harness.world import World
from tests.integration.test_error_notifier import SECRET, Inbox
from tests.integration.web.conftest import client_of
from tests.integration.web.test_audit import key_of
from tests.processes import free_port

WALMART = {"client_id": "new-seller", "client_secret": "right"}


async def tried(client: httpx.AsyncClient, **given: Any) -> dict[str, Any]:
    answer = await client.post("/v1/stores/try", json=given)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def test_working_keys_of_walmart_are_accepted_and_nothing_is_saved(
    client: httpx.AsyncClient,
) -> None:
    answer = await tried(client, walmart=WALMART)
    assert (answer["walmart"]["code"], answer["commerce"]) == ("verified", None)
    assert answer["walmart"]["scopes"]["orders"] == "full_access"
    assert (await client.get("/v1/stores")).json()["data"] == []
    assert (await client.get("/v1/audit")).json()["data"] == []


async def test_wrong_keys_are_rejected_also_after_right_ones(client: httpx.AsyncClient) -> None:
    await tried(client, walmart=WALMART)
    wrong = {**WALMART, "client_secret": "wrong"}
    answer = await tried(client, walmart=wrong)
    assert (answer["walmart"]["ok"], answer["walmart"]["code"]) == (False, "credentials_rejected")


async def test_walmart_that_is_away_is_not_called_wrong_keys(
    world: World, client: httpx.AsyncClient
) -> None:
    await world.fault("token", "error", status=503, times=9)
    answer = await tried(client, walmart=WALMART)
    assert answer["walmart"]["code"] == "walmart_unavailable"


@pytest.mark.parametrize(("token", "code"), [("right", "works"), ("wrong", "credentials_rejected")])
async def test_a_token_of_commerce_is_tried(
    world: World, client: httpx.AsyncClient, token: str, code: str
) -> None:
    commerce = {"code": "main", "base_url": world.walmart_url, "access_token": token}
    answer = await tried(client, commerce=commerce)
    assert (answer["walmart"], answer["commerce"]["code"]) == (None, code)


async def test_a_commerce_that_does_not_answer_is_said_so(client: httpx.AsyncClient) -> None:
    away = f"http://127.0.0.1:{free_port()}"
    commerce = {"code": "main", "base_url": away, "access_token": "a-secret-token"}
    answer = await tried(client, commerce=commerce)
    assert (answer["commerce"]["ok"], answer["commerce"]["code"]) == (False, "commerce_unavailable")
    assert "a-secret-token" not in str(answer)


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({}, "nothing_to_try"),
        ({"walmart": WALMART, "market": "XX"}, "market_not_supported"),
        (
            {
                "commerce": {
                    "code": "main",
                    "base_url": "http://169.254.169.254",
                    "access_token": "right",
                }
            },
            "address_forbidden",
        ),
    ],
)
async def test_what_cannot_be_tried_is_refused(
    client: httpx.AsyncClient, given: dict[str, Any], code: str
) -> None:
    answer = await client.post("/v1/stores/try", json=given)
    assert answer.status_code == 422
    assert code in answer.text


async def with_inbox(client: httpx.AsyncClient, store: StoreView, url: str) -> str:
    changes = {"notifications": {"url": f"{url}/hook", "secret": SECRET}}
    answer = await client.patch(f"/v1/stores/{store.id}", json=changes)
    assert answer.status_code == 200, answer.text
    return f"/v1/stores/{store.id}/notifications/test"


async def test_a_test_notification_arrives_signed_and_its_answer_is_shown(
    world: World, client: httpx.AsyncClient
) -> None:
    store = await world.a_store()
    inbox = Inbox()
    async with serving(inbox) as url:
        path = await with_inbox(client, store, url)
        fine = (await client.post(path)).json()
        inbox.status = 500
        failed = (await client.post(path)).json()
    assert (fine["ok"], fine["status"], fine["message"]) == (
        True,
        200,
        "The receiver answered 200.",
    )
    assert (failed["ok"], failed["status"]) == (False, 500)
    signature, body = inbox.got[0]
    at, given = (part.partition("=")[2] for part in signature.split(","))
    signed = hmac.new(SECRET.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    assert signed == given
    assert b'"type": "test"' in body
    acts = (await client.get("/v1/audit", params={"what": "notification_tested"})).json()["data"]
    assert [act["after"]["status"] for act in acts] == [500, 200]


async def test_a_test_is_sent_once_for_an_idempotency_key(
    world: World, client: httpx.AsyncClient
) -> None:
    store = await world.a_store()
    inbox = Inbox()
    async with serving(inbox) as url:
        path = await with_inbox(client, store, url)
        answers = [
            (await client.post(path, headers={"Idempotency-Key": "k"})).json() for _ in range(2)
        ]
    assert answers[0] == answers[1]
    assert len(inbox.got) == 1


async def test_a_receiver_that_is_away_is_said_so(world: World, client: httpx.AsyncClient) -> None:
    store = await world.a_store()
    path = await with_inbox(client, store, f"http://127.0.0.1:{free_port()}")
    answer = (await client.post(path)).json()
    assert (answer["ok"], answer["status"]) == (False, None)
    assert "no answer" in answer["message"]


async def test_a_store_without_notifications_cannot_test_them(
    world: World, client: httpx.AsyncClient
) -> None:
    store = await world.a_store()
    answer = await client.post(f"/v1/stores/{store.id}/notifications/test")
    assert (answer.status_code, answer.json()["code"]) == (409, "notifications_not_set")
    assert (await client.post(f"/v1/stores/{uuid4()}/notifications/test")).status_code == 404


async def test_walmart_announces_a_store_after_it_was_asked_to(
    world: World, client: httpx.AsyncClient
) -> None:
    store = await world.a_store()
    path = f"/v1/stores/{store.id}"
    assert (await client.get(path)).json()["walmart"]["announces_since"] is None
    plain = await client.post(f"{path}/subscribe", json={"url": "http://waybill.example"})
    assert (plain.status_code, plain.json()["code"]) == (422, "public_url_invalid")
    answer = await client.post(f"{path}/subscribe", json={"url": "https://waybill.example"})
    assert answer.status_code == 200, answer.text
    assert answer.json()["url"] == f"https://waybill.example/webhooks/walmart/{store.id}"
    assert (await client.get(path)).json()["walmart"]["announces_since"] is not None
    (act, *_) = (await client.get("/v1/audit")).json()["data"]
    assert (act["what"], act["actor"]) == ("walmart_subscribed", "admin")
    async with world.database.begin() as connection:
        (secret,) = (await connection.execute(sa.text("SELECT webhook_secret FROM stores"))).one()
    assert world.context.cipher.open(secret) not in str(act)


async def test_trying_testing_and_subscribing_need_an_admin_of_the_store(
    world: World, app: FastAPI
) -> None:
    first, second = await world.a_store(), await world.a_store()
    paths: list[tuple[str, Any]] = [
        (f"/v1/stores/{second.id}/notifications/test", None),
        (f"/v1/stores/{second.id}/subscribe", {"url": "https://waybill.example"}),
    ]
    async with client_of(app, await key_of(world, first.store_id, "admin")) as bound:
        for path, body in paths:
            assert (await bound.post(path, json=body)).status_code == 404
    async with client_of(app, await key_of(world, None, "write", name="writer")) as writer:
        for path, body in [*paths, ("/v1/stores/try", {"walmart": WALMART})]:
            assert (await writer.post(path, json=body)).status_code == 403
