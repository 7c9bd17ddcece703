"""Invalid input: a clear problem document, never a 5xx, and nothing written."""

import json
import re
from dataclasses import replace
from typing import Any

import httpx
import pytest
import sqlalchemy as sa
from fastapi import FastAPI

from app.storage.orders.accept_batcher import AcceptBatcher
from app.storage.postgres.database import open_database
from app.storage.queries import order_search
from app.storage.tables import metadata
from app.web import export
from tests.harness.world import World
from tests.integration.web.conftest import client_of

GOOD_SHIPMENT = {"carrier_code": "ups", "tracking_number": "1ZA"}
JSON = {"content-type": "application/json"}


async def rows(world: World) -> dict[str, int]:
    async with world.database.begin() as connection:
        return {
            table.name: (
                await connection.execute(sa.select(sa.func.count()).select_from(table))
            ).scalar_one()
            for table in metadata.sorted_tables
        }


def problem(answer: httpx.Response) -> dict[str, Any]:
    """The problem document, checked against its schema."""
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    body: dict[str, Any] = answer.json()
    assert body.keys() >= {"type", "title", "status", "detail", "instance", "code"}
    assert body["status"] == answer.status_code
    if answer.status_code in {400, 409, 422}:
        assert all(each["pointer"] == "" or each["pointer"][0] == "/" for each in body["errors"])
        assert body["errors"][0]["code"] == body["code"]
    assert answer.headers["x-request-id"]
    return body


SHIPMENTS: list[tuple[Any, int, str, str | None]] = [
    ({}, 422, "required", "/carrier_code"),
    ({"carrier_code": "ups"}, 422, "tracking_number_required", "/tracking_number"),
    ({**GOOD_SHIPMENT, "tracking_number": ""}, 422, "tracking_number_required", "/tracking_number"),
    ({**GOOD_SHIPMENT, "tracking_number": 5}, 422, "tracking_number_invalid", "/tracking_number"),
    ({**GOOD_SHIPMENT, "tracking_number": "1Z\x00"}, 422, "tracking_number_invalid", "/tracking_number"),
    ({**GOOD_SHIPMENT, "tracking_number": "\ud800"}, 422, "tracking_number_invalid", "/tracking_number"),
    ({**GOOD_SHIPMENT, "carrier_code": "u\x00ps"}, 422, "invalid", "/carrier_code"),
    ({**GOOD_SHIPMENT, "carrier_title": "\ud800"}, 422, "invalid", "/carrier_title"),
    ({**GOOD_SHIPMENT, "surprise": 1}, 422, "unknown_field", "/surprise"),
    ({**GOOD_SHIPMENT, "items": []}, 422, "invalid", "/items"),
    ({**GOOD_SHIPMENT, "items": [{"line_number": "1", "quantity": 0}]}, 422, "invalid_quantity", "/items/0/quantity"),
    ({**GOOD_SHIPMENT, "items": [{"line_number": "1", "quantity": 1.5}]}, 422, "invalid_quantity", "/items/0/quantity"),
    ({**GOOD_SHIPMENT, "items": [{"line_number": "1", "quantity": "1"}]}, 422, "invalid_quantity", "/items/0/quantity"),
    ({**GOOD_SHIPMENT, "items": [{"line_number": "1", "quantity": True}]}, 422, "invalid_quantity", "/items/0/quantity"),
    ({**GOOD_SHIPMENT, "items": [{"line_number": "1", "quantity": 10**30}]}, 422, "invalid_quantity", "/items/0/quantity"),
    ({**GOOD_SHIPMENT, "items": [{"quantity": 1}]}, 422, "invalid", "/items/0"),
    ({**GOOD_SHIPMENT, "items": [{"line_number": "1", "sku": "S", "quantity": 1}]}, 422, "invalid", "/items/0"),
    ({**GOOD_SHIPMENT, "items": [{"line_number": "9", "quantity": 1}]}, 422, "unknown_line", "/items/0/line_number"),
    ({**GOOD_SHIPMENT, "items": [{"line_number": "1", "quantity": 99}]}, 409, "quantity_exceeds_remaining", "/items/0/quantity"),
    ({**GOOD_SHIPMENT, "shipped_at": "yesterday"}, 422, "invalid", "/shipped_at"),
    ({**GOOD_SHIPMENT, "shipped_at": 1700000000}, 422, "invalid", "/shipped_at"),
    ({**GOOD_SHIPMENT, "shipped_at": "2026-11-23T10:00:00"}, 422, "invalid", "/shipped_at"),
    ({**GOOD_SHIPMENT, "shipped_at": "0001-01-01T00:00:00+23:00"}, 422, "invalid", "/shipped_at"),
    ({**GOOD_SHIPMENT, "shipped_at": "2999-01-01T00:00:00Z"}, 422, "shipped_at_in_future", "/shipped_at"),
    ({**GOOD_SHIPMENT, "tracking_url": "ftp://x.example"}, 422, "tracking_url_invalid", "/tracking_url"),
    ({**GOOD_SHIPMENT, "method_code": "Pigeon"}, 422, "method_code_invalid", "/method_code"),
    ({**GOOD_SHIPMENT, "carrier_code": "acme"}, 422, "tracking_url_required", "/tracking_url"),
    ({**GOOD_SHIPMENT, "carrier_code": "  "}, 422, "required", "/carrier_code"),
    ([GOOD_SHIPMENT], 422, "invalid", ""),
    ("text", 422, "invalid", ""),
    (None, 422, "invalid", ""),
]  # fmt: skip


@pytest.mark.parametrize(("body", "status", "code", "pointer"), SHIPMENTS)
async def test_an_invalid_shipment_is_refused_and_writes_nothing(
    world: World, client: httpx.AsyncClient, body: Any, status: int, code: str, pointer: str
) -> None:
    order = await world.an_order(3)
    before = await rows(world)
    answer = await client.post(
        f"/v1/orders/{order.id}/shipments", content=json.dumps(body), headers=JSON
    )
    found = problem(answer)
    assert (answer.status_code, found["code"]) == (status, code), found
    assert found["errors"][0]["pointer"] == pointer, found
    assert await rows(world) == before


CANCELLATIONS: list[tuple[Any, str]] = [
    ({}, "reason_required"),
    ({"reason": "because"}, "reason_invalid"),
    ({"reason": 1}, "reason_invalid"),
    ({"reason": "fraud", "lines": [{"line_number": "1"}]}, "partial_cancellation_not_supported"),
    ({"reason": "fraud", "items": []}, "partial_cancellation_not_supported"),
    ({"reason": "fraud", "inventory": [{"sku": "NO", "quantity": 1}]}, "unknown_sku"),
    ({"reason": "fraud", "inventory": [{"sku": "SKU-1", "quantity": -1}]}, "invalid_quantity"),
    ({"reason": "fraud", "comment": ""}, "invalid"),
    ({"reason": "customer_request"}, "cancel_not_requested"),
]


@pytest.mark.parametrize(("body", "code"), CANCELLATIONS)
async def test_an_invalid_cancellation_is_refused_and_writes_nothing(
    world: World, client: httpx.AsyncClient, body: Any, code: str
) -> None:
    order = await world.an_order(3)
    before = await rows(world)
    answer = await client.post(f"/v1/orders/{order.id}/cancellation", json=body)
    assert (answer.status_code, problem(answer)["code"]) == (422, code)
    after = await rows(world)
    after["events"] = before["events"]  # the timeline records the read of Walmart
    assert after == before


@pytest.mark.parametrize(
    ("content", "headers", "status", "code"),
    [
        (b"{", JSON, 400, "malformed_json"),
        (b"", JSON, 422, "required"),
        (b'{"a": \xff}', JSON, 400, "malformed_json"),
        (b"[" * 100_000, JSON, 400, "malformed_json"),
        (b"{}", {"content-type": "text/plain"}, 415, "unsupported_media_type"),
        (b"{}", {}, 415, "unsupported_media_type"),
        (b" " * (1024 * 1024 + 1), JSON, 413, "body_too_large"),
    ],
)
async def test_an_unreadable_body_is_refused(
    world: World,
    client: httpx.AsyncClient,
    content: bytes,
    headers: dict[str, str],
    status: int,
    code: str,
) -> None:
    order = await world.an_order(1)
    answer = await client.post(f"/v1/orders/{order.id}/shipments", content=content, headers=headers)
    assert (answer.status_code, problem(answer)["code"]) == (status, code)


async def test_a_body_without_a_length_is_measured_while_it_is_received(
    world: World, client: httpx.AsyncClient
) -> None:
    order = await world.an_order(1)

    async def endless() -> Any:
        for _ in range(2048):
            yield b" " * 1024

    answer = await client.post(f"/v1/orders/{order.id}/shipments", content=endless(), headers=JSON)
    assert (answer.status_code, problem(answer)["code"]) == (413, "body_too_large")


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nowhere", 404, "not_found"),
        ("DELETE", "/v1/orders", 405, "method_not_allowed"),
        ("GET", "/v1/orders/not-an-id", 404, "order_not_found"),
        ("GET", "/v1/orders/01932f5b-2d40-7b3e-9a04-77aa00000009", 404, "order_not_found"),
        ("GET", "/v1/orders/6f1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d", 404, "order_not_found"),
        ("GET", "/v1/updates/01932f5b-2d40-7b3e-9a04-77aa00000001", 404, "update_not_found"),
        ("GET", "/v1/orders?surprise=1", 422, "unknown_parameter"),
        ("GET", "/v1/orders?limit=0", 422, "invalid"),
        ("GET", "/v1/orders?limit=201", 422, "invalid"),
        ("GET", "/v1/orders?status=lost", 422, "invalid"),
        ("GET", "/v1/orders?q=%00", 422, "invalid"),
        ("GET", "/v1/orders?ship_before=soon", 422, "invalid"),
        ("GET", "/v1/orders?updated_since=1700000000", 422, "invalid"),
        ("POST", "/v1/commerce-events/not-an-id/retry", 404, "commerce_event_not_found"),
        ("POST", "/webhooks/commerce/1-2/shipment", 404, "store_not_found"),
        ("POST", "/webhooks/commerce/main/nothing", 404, "not_found"),
        ("GET", "/v1/orders?cursor=forged", 422, "cursor_invalid"),
        ("GET", "/v1/updates?state=lost", 422, "invalid"),
        ("GET", "/v1/stores?cursor=WyJvcmRlcnMiLDFd", 422, "cursor_invalid"),
    ],
)
async def test_a_request_for_an_unknown_object_is_a_problem_document(
    client: httpx.AsyncClient, method: str, path: str, status: int, code: str
) -> None:
    answer = await client.request(method, path)
    assert (answer.status_code, problem(answer)["code"]) == (status, code)


async def test_every_post_with_an_api_key_checks_the_idempotency_key(
    client: httpx.AsyncClient,
) -> None:
    checked = 0
    for path, operations in export.document()["paths"].items():
        operation = operations.get("post", {"security": []})
        if not operation["security"]:
            continue
        (key,) = [p for p in operation["parameters"] if p["name"] == "Idempotency-Key"]
        assert key["schema"]["maxLength"] == 255
        url = re.sub(r"{\w+}", "01932f5b-2d40-7b3e-9a04-77aa00000001", path)
        for wrong in ("", "k" * 256, "caf\u00e9"):
            headers = [(b"Idempotency-Key", wrong.encode())]
            answer = await client.post(url, headers=headers)
            shown = answer.json().get("error_code") or answer.json()["code"]
            assert shown == "idempotency_key_invalid", path
            checked += 1
    assert checked > 50


STORES: list[tuple[Any, str, str]] = [
    ({"name": "S"}, "required", "/walmart"),
    ({"name": "S", "walmart": {"client_id": "a"}}, "required", "/walmart/client_secret"),
    ({"name": "", "walmart": {"client_id": "a", "client_secret": "b"}}, "invalid", "/name"),
    (
        {"name": "S", "walmart": {"client_id": "a", "client_secret": "b"}, "market": "XX"},
        "market_not_supported",
        "/market",
    ),
    (
        {"name": "S", "walmart": {"client_id": "a", "client_secret": "b"}, "code": "1 2"},
        "store_code_invalid",
        "/code",
    ),
    (
        {
            "name": "S",
            "walmart": {"client_id": "a", "client_secret": "b"},
            "carriers": {"x": "Upps"},
        },
        "carrier_unknown",
        "/carriers/x",
    ),
    (
        {
            "name": "S",
            "walmart": {"client_id": "a", "client_secret": "b"},
            "carriers": {"x": {"other": "X", "tracking_url": "https://x.example/"}},
        },
        "tracking_url_invalid",
        "/carriers/x/tracking_url",
    ),
]


@pytest.mark.parametrize(("body", "code", "pointer"), STORES)
async def test_an_invalid_store_is_refused_and_writes_nothing(
    world: World, client: httpx.AsyncClient, body: Any, code: str, pointer: str
) -> None:
    answer = await client.post("/v1/stores", json=body)
    found = problem(answer)
    assert (answer.status_code, found["code"]) == (422, code), found
    assert found["errors"][0]["pointer"] == pointer
    assert not any((await rows(world)).values())


async def test_a_purchase_order_number_stays_within_its_path(
    world: World, client: httpx.AsyncClient
) -> None:
    store = await world.a_store()
    body = {"store_id": str(store.id), "purchase_order_id": ".."}
    answer = await client.post("/v1/orders/import", json=body)
    assert (answer.status_code, problem(answer)["code"]) == (422, "invalid")


async def test_an_order_that_differs_from_the_known_one_is_refused(
    world: World, client: httpx.AsyncClient
) -> None:
    store = await world.a_store()
    body = {
        "store_id": str(store.id),
        "purchase_order_id": "1796330120075",
        "commerce_order_number": "000000123",
        "lines": [{"line_number": "1", "sku": "ABC", "quantity": 3}],
    }
    first = await client.post("/v1/orders", json=body)
    assert first.status_code == 201
    assert (await client.post("/v1/orders", json=body)).status_code == 200
    other = {**body, "lines": [{"line_number": "1", "sku": "ABC", "quantity": 2}]}
    answer = await client.post("/v1/orders", json=other)
    assert (answer.status_code, problem(answer)["code"]) == (409, "order_differs")
    numbered = await client.post("/v1/orders", json={**body, "commerce_order_number": "7"})
    assert problem(numbered)["errors"][0]["pointer"] == "/commerce_order_number"


async def test_a_search_that_is_too_broad_is_refused(
    world: World, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = await world.a_store()
    orders = [await world.an_order(1, store=store) for _ in range(2)]
    monkeypatch.setattr(order_search, "MOST", 1)
    begins = orders[0].purchase_order_id[:4]
    assert orders[1].purchase_order_id.startswith(begins)
    answer = await client.get("/v1/orders", params={"q": begins})
    assert answer.status_code == 422
    assert problem(answer)["code"] == "search_too_broad"
    answer = await client.get("/v1/orders", params={"q": orders[0].purchase_order_id})
    assert [each["id"] for each in answer.json()["data"]] == [str(orders[0].id)]


async def test_an_internal_error_is_a_problem_document_with_the_request_s_id(
    world: World, client: httpx.AsyncClient
) -> None:
    store = await world.a_store()
    async with world.database.begin() as connection:
        await connection.exec_driver_sql("ALTER TABLE stores RENAME COLUMN name TO renamed")
    headers = {"X-Request-ID": "ask-about-me"}
    answer = await client.get(f"/v1/stores/{store.id}", headers=headers)
    assert (answer.status_code, problem(answer)["code"]) == (500, "internal_error")
    assert answer.headers["x-request-id"] == "ask-about-me"
    assert "column" not in answer.text


async def test_an_unavailable_database_is_reported_as_such(world: World, app: FastAPI) -> None:
    order = await world.an_order(1)
    unavailable = open_database("postgresql://waybill@127.0.0.1:9/nowhere")
    app.state.context = replace(
        world.context, database=unavailable, accept_batcher=AcceptBatcher(unavailable)
    )
    async with client_of(app) as client:
        answer = await client.post(f"/v1/orders/{order.id}/shipments", json=GOOD_SHIPMENT)
    assert (answer.status_code, problem(answer)["code"]) == (503, "database_unavailable")
    assert int(answer.headers["retry-after"]) >= 1
