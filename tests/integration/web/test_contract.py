"""What integrators rely on: shapes, repetition, pages, keys."""

import asyncio
import re
import secrets
from collections.abc import Iterable
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from fastapi import FastAPI

from app.storage.queries.views import StoreView
from app.storage.stores import api_keys
from tests.harness.world import World
from tests.integration.web.conftest import client_of

PACKAGE = {"carrier_code": "ups", "tracking_number": "1Z999AA10123456784"}
ORDER_FIELDS = [
    "id", "store_id", "purchase_order_id", "customer_order_id", "commerce_order_number",
    "commerce_order_id", "status", "fulfillment_status", "sync", "status_details",
    "cancel_requested", "return_requested", "ordered_at", "ship_by", "deliver_by", "ship_method",
    "item_count", "order_value", "updated_at", "lines", "shipments", "cancellation",
]  # fmt: skip


async def a_key(world: World, *scopes: str, store: StoreView | None = None) -> str:
    secret = api_keys.new_secret()
    async with world.database.begin() as connection:
        await api_keys.create(
            connection,
            identifier=uuid4(),
            name=secrets.token_hex(4),
            store_id=store.store_id if store else None,
            scopes=frozenset(scopes),
            secret=secret,
        )
    return secret


async def test_an_order_has_the_fields_of_the_contract_in_their_order(
    world: World, client: httpx.AsyncClient
) -> None:
    order = await world.an_order(3)
    body = (await client.get(f"/v1/orders/{order.id}")).json()
    # Three additional fields beside the contract's own.
    own = {"fulfilled_by", "acknowledge_by", "links"}
    assert [name for name in body if name not in own] == ORDER_FIELDS
    assert body["order_value"] == {"amount": "42.00", "currency": "USD"}
    assert body["item_count"] == 3
    assert body["ordered_at"].endswith("Z")
    (line,) = body["lines"]
    assert line["quantity"] == {
        "ordered": 3, "shipped": 0, "canceled": 0, "refunded": 0, "pending": 0, "remaining": 3,
    }  # fmt: skip


async def test_a_store_never_shows_its_secrets(world: World, client: httpx.AsyncClient) -> None:
    body = {
        "name": "Main store",
        "walmart": {"client_id": "seller", "client_secret": "canary-secret"},
        "commerce": {"base_url": "https://shop.example", "access_token": "canary-token"},
        "carriers": {"ups": "ups", "acme": {"other": "Acme"}},
        "notifications": {
            "url": "https://hooks.example:8443/canary?sig=canary",
            "secret": "canary-of-16-and-more",
        },
    }
    made = await client.post("/v1/stores", json=body)
    assert made.status_code == 201
    store = made.json()
    assert store["code"] == "main_store"
    assert store["walmart"] == {
        "client_id": "seller",
        "client_secret_set": True,
        "announces_since": None,
    }
    assert store["carriers"]["ups"] == "UPS"
    assert store["notifications"] == {
        "host": "https://hooks.example:8443",
        "secret_set": True,
        "kinds": ["errors"],
        "old_secret_until": None,
    }
    again = await client.get(made.headers["location"])
    assert "canary" not in made.text + again.text
    async with world.database.begin() as connection:
        raw = await connection.exec_driver_sql("SELECT * FROM stores")
        assert "canary" not in str(raw.all())
    verified = await client.post(f"/v1/stores/{store['id']}/verify")
    assert verified.json()["ok"] is True
    wrong = {"walmart": {"client_secret": "wrong"}}
    await client.patch(f"/v1/stores/{store['id']}", json=wrong)
    refused = await client.post(f"/v1/stores/{store['id']}/verify")
    assert (refused.json()["ok"], refused.json()["code"]) == (False, "credentials_rejected")


@pytest.mark.parametrize("preview", ["/preview", "?dry_run=true"])
async def test_a_preview_shows_the_exact_request_and_writes_nothing(
    world: World, client: httpx.AsyncClient, preview: str
) -> None:
    order = await world.an_order(3)
    path = f"/v1/orders/{order.id}/shipments{preview}"
    good = (await client.post(path, json=PACKAGE)).json()
    assert good["would_be_accepted"]
    sent = good["walmart_request"]["body"]["orderShipment"]["orderLines"]["orderLine"]
    assert sent[0]["orderLineStatuses"]["orderLineStatus"][0]["statusQuantity"]["amount"] == "3"
    bad = {**PACKAGE, "method_code": "Pigeon", "items": [{"line_number": "1", "quantity": 9}]}
    refused = (await client.post(path, json=bad)).json()
    assert [p["code"] for p in refused["problems"]] == [
        "method_code_invalid",
        "quantity_exceeds_remaining",
    ]
    assert (await client.get(f"/v1/orders/{order.id}/shipments")).json()["data"] == []


async def test_the_same_reference_answers_the_first_shipment(
    world: World, client: httpx.AsyncClient
) -> None:
    order = await world.an_order(3)
    path = f"/v1/orders/{order.id}/shipments"
    body = {**PACKAGE, "reference": "S-45", "items": [{"line_number": "1", "quantity": 1}]}
    first = await client.post(path, json=body)
    again = await client.post(path, json=body)
    assert (first.status_code, again.status_code) == (202, 200)
    assert again.headers["idempotent-replayed"] == "true"
    assert again.json()["id"] == first.json()["id"]
    other = await client.post(path, json={**body, "method_code": "Value"})
    assert (other.status_code, other.json()["code"]) == (409, "reference_reused")


async def test_one_idempotency_key_at_once_twenty_times_makes_one_shipment(
    world: World, client: httpx.AsyncClient
) -> None:
    order = await world.an_order(20)
    path = f"/v1/orders/{order.id}/shipments"
    body = {**PACKAGE, "items": [{"line_number": "1", "quantity": 1}]}
    headers = {"Idempotency-Key": "the same"}
    answers = await asyncio.gather(
        *(client.post(path, json=body, headers=headers) for _ in range(20))
    )
    assert {a.status_code for a in answers} <= {202, 409}
    assert len({a.json()["id"] for a in answers if a.status_code == 202}) == 1
    assert {a.json()["code"] for a in answers if a.status_code == 409} <= {
        "idempotency_in_progress"
    }
    assert len((await client.get(path)).json()["data"]) == 1


async def test_a_refused_request_frees_its_idempotency_key(
    world: World, client: httpx.AsyncClient
) -> None:
    order = await world.an_order(1)
    path = f"/v1/orders/{order.id}/shipments"
    headers = {"Idempotency-Key": "k"}
    refused = await client.post(path, json={**PACKAGE, "tracking_number": "?"}, headers=headers)
    accepted = await client.post(path, json=PACKAGE, headers=headers)
    assert (refused.status_code, accepted.status_code) == (422, 202)


async def test_an_idempotency_key_belongs_to_one_api_key_and_one_path(
    world: World, app: FastAPI, client: httpx.AsyncClient
) -> None:
    first, second = await world.an_order(1), await world.an_order(1)
    headers = {"Idempotency-Key": "k"}
    for order in (first, second):
        answer = await client.post(
            f"/v1/orders/{order.id}/shipments", json=PACKAGE, headers=headers
        )
        assert answer.status_code == 202
    async with client_of(app, await a_key(world, "write")) as other:
        answer = await other.post(f"/v1/orders/{first.id}/shipments", json=PACKAGE, headers=headers)
    assert answer.json()["code"] == "nothing_to_ship"


@pytest.mark.parametrize("key", ["", "é", "x" * 256])
async def test_an_invalid_idempotency_key_is_refused(
    world: World, client: httpx.AsyncClient, key: str
) -> None:
    order = await world.an_order(1)
    answer = await client.post(
        f"/v1/orders/{order.id}/shipments",
        json=PACKAGE,
        headers={b"Idempotency-Key": key.encode()},
    )
    assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_key_invalid")


async def walk(client: httpx.AsyncClient, path: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    cursor = None
    while True:
        page = (await client.get(path + (f"&cursor={cursor}" if cursor else ""))).json()
        rows += page["data"]
        cursor = page["next_cursor"]
        if cursor is None:
            return rows


def names(rows: Iterable[dict[str, Any]]) -> list[str]:
    return [row["purchase_order_id"] for row in rows]


async def test_walking_the_pages_returns_every_order_once(
    world: World, client: httpx.AsyncClient
) -> None:
    placed = [(await world.an_order(1)).purchase_order_id for _ in range(7)]
    for query in ("", "&updated_since=2020-01-01T00:00:00Z", "&ship_before=2999-01-01T00:00:00Z"):
        found = names(await walk(client, f"/v1/orders?limit=2{query}"))
        assert sorted(found) == sorted(placed), query
    assert names(await walk(client, "/v1/orders?limit=3&updated_since=2020-01-01T00:00:00Z")) == (
        placed
    )


async def test_shipments_are_paged_too(world: World, client: httpx.AsyncClient) -> None:
    order = await world.an_order(3)
    path = f"/v1/orders/{order.id}/shipments"
    for number in "ABC":
        body = {
            **PACKAGE,
            "tracking_number": number,
            "items": [{"line_number": "1", "quantity": 1}],
        }
        assert (await client.post(path, json=body)).status_code == 202
    found = await walk(client, f"{path}?limit=2")
    assert [shipment["tracking_number"] for shipment in found] == ["A", "B", "C"]


async def test_an_order_is_found_by_any_of_its_numbers(
    world: World, client: httpx.AsyncClient
) -> None:
    order, other = await world.an_order(2), await world.an_order(1)
    await client.patch(f"/v1/orders/{order.id}", json={"commerce_order_number": "00000_123"})
    await client.post(
        f"/v1/orders/{order.id}/shipments", json={**PACKAGE, "tracking_number": "1Z-AB 77"}
    )
    for text in (order.purchase_order_id, "00000_1", "1zab77", order.customer_order_id):
        found = (await client.get("/v1/orders", params={"q": text})).json()["data"]
        assert names(found) == [order.purchase_order_id], text
    both = (await client.get("/v1/orders", params={"q": "sku-1"})).json()["data"]
    assert sorted(names(both)) == sorted([order.purchase_order_id, other.purchase_order_id])
    assert (await client.get("/v1/orders", params={"q": "0000%"})).json()["data"] == []


async def test_the_summary_counts_by_status(world: World, client: httpx.AsyncClient) -> None:
    await world.an_order(1)
    counts = (await client.get("/v1/orders/summary")).json()
    assert (counts["open"], counts["total"]) == (1, 1)


async def test_the_timeline_names_the_actor_of_each_event(
    world: World, client: httpx.AsyncClient
) -> None:
    order = await world.an_order(1)
    shipped = await client.post(f"/v1/orders/{order.id}/shipments", json=PACKAGE)
    await world.deliver_until(UUID(shipped.json()["update"]["id"]))
    entries = (await client.get(f"/v1/orders/{order.id}/timeline")).json()["data"]
    what = [entry["what"] for entry in entries]
    assert what[-3:] == ["shipment_accepted", "attempt", "shipment_confirmed"]
    accepted = next(entry for entry in entries if entry["what"] == "shipment_accepted")
    assert accepted["actor"] == "admin"


async def test_reasons_have_adobe_s_wording(client: httpx.AsyncClient) -> None:
    reasons = {r["code"]: r for r in (await client.get("/v1/cancellation-reasons")).json()["data"]}
    assert reasons["pricing_error"]["label"] == "Price or other listing errors"
    assert reasons["fraud"]["walmart_code"] == "SELLER_CANCEL_FRAUD_STOP_SHIPMENT"
    assert len(reasons) == 5


async def test_a_request_id_is_echoed_or_generated(client: httpx.AsyncClient) -> None:
    echoed = await client.get("/livez", headers={"X-Request-ID": "abc-123"})
    assert echoed.headers["x-request-id"] == "abc-123"
    made = await client.get("/livez", headers={"X-Request-ID": "no spaces"})
    assert made.headers["x-request-id"] not in {"", "no spaces"}


def operations(app: FastAPI) -> list[tuple[str, str, str]]:
    """Every operation that needs a key: method, path, and scope."""
    found = []
    for path, methods in app.openapi()["paths"].items():
        for method in methods if path.startswith("/v1") else ():
            inventory = path.endswith("/inventory")
            admin = path.startswith("/v1/stores") and method != "get" and not inventory
            admin |= path.startswith(("/v1/keys", "/v1/audit", "/v1/sessions"))
            # A link has at most the scope of the key that asks for it.
            reads = method == "get" or path == "/v1/sign-in-links"
            scope = "admin" if admin else ("read" if reads else "write")
            found.append((method.upper(), path, scope))
    return found


async def test_every_operation_needs_a_key_and_its_scope(world: World, app: FastAPI) -> None:
    held = {scope: await a_key(world, scope) for scope in ("read", "write", "admin")}
    weaker = {"read": [], "write": ["read"], "admin": ["read", "write"]}
    checked = operations(app)
    assert len(checked) >= 20
    for method, path, scope in checked:
        url = path.replace("{", "").replace("}", "")
        async with client_of(app, None) as anonymous:
            answer = await anonymous.request(method, url)
            assert answer.status_code in {401, 404}, (method, path)
            assert answer.status_code == 401 or "{" in path
        async with client_of(app, "wb_wrong") as stranger:
            # The later ones of many wrong keys are limited.
            assert (await stranger.request(method, url)).status_code in {401, 404, 429}
        for weak in weaker[scope]:
            async with client_of(app, held[weak]) as caller:
                known = re.sub(r"{\w+}", lambda _: str(uuid4()), path)
                answer = await caller.request(method, known)
                assert answer.status_code == 403, (method, path, weak, answer.text)


async def test_a_store_key_never_sees_another_store(world: World, app: FastAPI) -> None:
    mine, theirs = await world.a_store(), await world.a_store()
    foreign = await world.an_order(1, store=theirs)
    own = await world.an_order(1, store=mine)
    async with client_of(app) as admin:
        shipped = (await admin.post(f"/v1/orders/{foreign.id}/shipments", json=PACKAGE)).json()
    async with client_of(app, await a_key(world, "write", store=mine)) as caller:
        for method, path in [
            ("GET", f"/v1/orders/{foreign.id}"),
            ("PATCH", f"/v1/orders/{foreign.id}"),
            ("GET", f"/v1/orders/{foreign.id}/timeline"),
            ("POST", f"/v1/orders/{foreign.id}/refresh"),
            ("POST", f"/v1/orders/{foreign.id}/shipments"),
            ("GET", f"/v1/orders/{foreign.id}/shipments"),
            ("GET", f"/v1/orders/{foreign.id}/shipments/{shipped['id']}"),
            ("POST", f"/v1/orders/{foreign.id}/cancellation"),
            ("GET", f"/v1/updates/{shipped['update']['id']}"),
            ("POST", f"/v1/updates/{shipped['update']['id']}/retry"),
            ("GET", f"/v1/stores/{theirs.id}"),
            ("GET", f"/v1/orders?store_id={theirs.id}"),
            ("GET", f"/v1/updates?store_id={theirs.id}"),
        ]:
            body = None
            if method != "GET":
                body = {"reason": "fraud"} if path.endswith("cancellation") else PACKAGE
                body = {} if method == "PATCH" or path.endswith(("retry", "refresh")) else body
            answer = await caller.request(method, path, json=body)
            assert answer.status_code == 404, (method, path, answer.text)
        listed = (await caller.get("/v1/orders")).json()["data"]
        assert names(listed) == [own.purchase_order_id]
        assert [s["id"] for s in (await caller.get("/v1/stores")).json()["data"]] == [str(mine.id)]
        assert (await caller.get("/v1/updates")).json()["data"] == []
        assert (await caller.get("/v1/orders/summary")).json()["total"] == 1


async def test_a_revoked_key_stops_working(world: World, app: FastAPI) -> None:
    secret = await a_key(world, "read")
    async with world.database.begin() as connection:
        (key,) = await api_keys.list_keys(connection)
        assert await api_keys.revoke(connection, key.name)
    async with client_of(app, secret) as caller:
        answer = await caller.get("/v1/orders")
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")
