"""Checks of a request before it is carried out: keys, scopes, bodies, and limits."""

import itertools
import json
import re
from typing import Any
from uuid import uuid4

import httpx
import pytest
import structlog
from fastapi import FastAPI

from app.web.path_rules import MANY, USUAL
from app.web.problem_documents import MOST
from tests.harness.world import World
from tests.integration.web.adobe import linked
from tests.integration.web.conftest import ADMIN_KEY, client_of
from tests.integration.web.test_contract import a_key

JSON = {"content-type": "application/json"}
ODD = [
    "{}", "{order_id}", "{0}", "{", "}", "%7B%7D", "%7b", "%25", "%", "%0A", "%2F", "%FF", "..", ".",
    " ", "'", '"', "\\", "~", "*", "(", "[", "%C3%A4", "-1", "0", "9" * 40, "null", "id{}", "{}{}",
    "01932f5b-2d40-7b3e-9a04-77aa00000009{}", "a" * 5000,
]  # fmt: skip


def operations(app: FastAPI, *, with_body: bool = False) -> list[tuple[str, str]]:
    """The methods and paths of the API."""
    return [
        (method.upper(), path)
        for path, described in app.openapi()["paths"].items()
        for method, operation in described.items()
        if not with_body or "requestBody" in operation
    ]


def scope_of(method: str, path: str, headers: list[tuple[bytes, bytes]]) -> dict[str, Any]:
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": headers,
        "server": ("waybill.test", 80),
        "client": ("127.0.0.1", 1),
    }


async def asked(app: FastAPI, method: str, path: str, key: bytes | None) -> int:
    """The status of the answer to a request without any byte of its body."""
    headers = [(b"content-type", b"application/json"), (b"content-length", b"100")]
    if "bulk" in path:
        headers[0] = (b"content-type", b"text/csv")
    if key is not None:
        headers.append((b"authorization", b"Bearer " + key))
    statuses = []

    async def receive() -> Any:
        raise AssertionError("the body was asked for")

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    await app(scope_of(method, path, headers), receive, send)
    return int(statuses[0])


async def test_a_request_without_a_key_is_refused_before_its_body_is_received(
    world: World, app: FastAPI
) -> None:
    del world
    wanted = [
        each for each in operations(app, with_body=True) if not each[1].startswith("/webhooks")
    ]
    assert len(wanted) > 10
    for (method, path), key in itertools.product(wanted, (None, b"wb_unknown")):
        url_path = re.sub(r"{\w+}", str(uuid4()), path)
        # Of many wrong keys the later ones are limited, before their bodies are received too.
        refused = (401,) if key is None else (401, 429)
        assert await asked(app, method, url_path, key) in refused, (method, path)


async def test_a_key_without_the_scope_is_refused_before_a_body_is_received(
    world: World, app: FastAPI
) -> None:
    secret = (await a_key(world, "read")).encode()
    for method, path in operations(app, with_body=True):
        # Any key may make a sign-in link, of at most its own scope.
        if not path.startswith(("/webhooks", "/v1/sign-in-links")):
            url_path = re.sub(r"{\w+}", str(uuid4()), path)
            assert await asked(app, method, url_path, secret) == 403, (method, path)


@pytest.mark.parametrize("path", ["/webhooks/commerce/x/shipment", "/v1/shipments/bulk"])
async def test_an_interrupted_body_is_not_an_internal_error(
    world: World, app: FastAPI, path: str
) -> None:
    store = (await world.a_store()).id
    messages = [{"type": "http.request", "body": b"{", "more_body": True}]

    async def receive() -> Any:
        return messages.pop() if messages else {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        raise AssertionError(message)

    kind = b"text/csv" if "bulk" in path else b"application/json"
    scope = scope_of("POST", path, [(b"content-type", kind), (b"content-length", b"100")])
    scope["headers"].append((b"authorization", b"Bearer " + ADMIN_KEY.encode()))
    scope["query_string"] = f"store_id={store}".encode()
    with structlog.testing.capture_logs() as logged:
        await app(scope, receive, send)
    assert "request_failed" not in {each["event"] for each in logged}


@pytest.mark.parametrize("key", [None, "wb_unknown", ADMIN_KEY])
async def test_no_unusual_address_is_an_internal_error(
    world: World, app: FastAPI, key: str | None
) -> None:
    await world.a_store()
    body = {"content": b"{}", "headers": JSON}
    async with client_of(app, key=key) as client:
        for (method, path), odd in itertools.product(operations(app), ODD):
            if "{" not in path and odd != ODD[0]:
                continue
            url_path = odd.join(re.split(r"{\w+}", path))
            if "{" not in path:
                url_path += "/" + odd
            url = httpx.URL("http://waybill.test").copy_with(raw_path=url_path.encode())
            sent: dict[str, Any] = body if method in {"POST", "PUT", "PATCH"} else {}
            answer = await client.request(method, url, **sent)
            assert answer.status_code < 500, (method, url_path, answer.text)


async def test_fifty_of_many_problems_are_shown(world: World, client: httpx.AsyncClient) -> None:
    order = await world.an_order(1)
    package = {"carrier_code": "ups", "tracking_number": "1ZA"}
    for count, more in ((MOST, False), (MOST + 1, True), (4_000, True)):
        body = {**package, **{f"surprise-{number}": 1 for number in range(count)}}
        answer = await client.post(f"/v1/orders/{order.id}/shipments", json=body)
        assert answer.status_code == 422
        found = answer.json()
        assert [each["code"] for each in found["errors"]] == ["unknown_field"] * MOST
        assert found.get("more", False) is more
        assert len(answer.content) < 10_000


async def test_a_long_name_is_quoted_in_part(world: World, client: httpx.AsyncClient) -> None:
    order = await world.an_order(1)
    body = {"carrier_code": "ups", "tracking_number": "1ZA", "~" * 200_000: 1}
    answer = await client.post(f"/v1/orders/{order.id}/shipments", json=body)
    assert answer.status_code == 422
    (found,) = answer.json()["errors"]
    assert found["pointer"] == "/" + "~0" * 100


async def test_fifty_of_many_problems_of_a_rule_are_shown(
    world: World, client: httpx.AsyncClient
) -> None:
    order = await world.an_order(1)
    items = [{"line_number": str(number), "quantity": 1} for number in range(2, 200)]
    body = {"carrier_code": "ups", "tracking_number": "1ZA", "items": items}
    answer = await client.post(f"/v1/orders/{order.id}/shipments", json=body)
    assert answer.status_code == 422
    found = answer.json()
    assert len(found["errors"]) == MOST
    assert found["more"] is True


@pytest.mark.parametrize(
    ("item", "code"), [({"order_item_id": "x", "qty": 1}, "invalid"), ({"qty": 1}, "unknown_line")]
)
async def test_fifty_of_many_problems_are_shown_in_commerces_form_with_the_rest_counted(
    world: World, client: httpx.AsyncClient, item: dict[str, Any], code: str
) -> None:
    await linked(world, client)
    tracks = [{"track_number": "1ZA", "title": "UPS", "carrier_code": "ups"}]
    for count in (MOST, MOST + 1, 1_000):
        items = [{"order_item_id": 1000 + number} | item for number in range(count)]
        answer = await client.post(
            "/rest/store_1/V1/order/7/ship", json={"items": items, "tracks": tracks}
        )
        found = answer.json()
        assert (answer.status_code, found["error_code"]) == (400, code)
        shown = [each for each in found["errors"] if each["parameters"]]
        assert len(shown) == MOST
        messages = [each["message"] for each in found["errors"][MOST:]]
        more = f"More than {MOST} errors; these are the first."
        assert messages == ([more] if count > MOST else [])
        assert len(answer.content) < 10_000


@pytest.mark.parametrize("pieces", [1, 7])
async def test_a_body_with_too_many_names_is_refused_before_it_is_decoded(
    world: World, client: httpx.AsyncClient, pieces: int
) -> None:
    order = await world.an_order(1)
    store = order.store_id
    for path, limit in (
        (f"/v1/orders/{order.id}/shipments", USUAL),
        ("/v1/orders", MANY),
        (f"/rest/{await code_of(client, store)}/V1/order/1/ship", USUAL),
    ):
        assert limit.names is not None
        names = {f"k{number}": 1 for number in range(limit.names + 1)}
        content = json.dumps(names).encode()
        assert len(content) < limit.size

        async def sent(content: bytes = content) -> Any:
            step = len(content) // pieces + 1
            for start in range(0, len(content), step):
                yield content[start : start + step]

        answer = await client.post(path, content=sent(), headers=JSON)
        assert answer.status_code == 413, answer.text
        assert f"{limit.names:,} named values" in answer.text


async def code_of(client: httpx.AsyncClient, store: Any) -> str:
    return str((await client.get(f"/v1/stores/{store}")).json()["code"])


@pytest.mark.parametrize("with_length", [True, False])
async def test_a_large_body_is_accepted_only_by_bulk_operations(
    world: World, client: httpx.AsyncClient, *, with_length: bool
) -> None:
    order = await world.an_order(1)
    store, code = order.store_id, await code_of(client, order.store_id)
    kib = 1024
    for method, path, most in (
        ("POST", f"/v1/orders/{order.id}/shipments", 256 * kib),
        ("POST", f"/v1/orders/{order.id}/cancellation", 256 * kib),
        ("PATCH", f"/v1/stores/{store}", 256 * kib),
        ("POST", "/v1/orders/import", 256 * kib),
        ("POST", f"/rest/{code}/V1/order/1/ship", 256 * kib),
        ("POST", "/v1/orders", 1024 * kib),
        ("PUT", f"/v1/stores/{store}/inventory", 1024 * kib),
        ("POST", f"/webhooks/walmart/{store}", 1024 * kib),
        ("POST", f"/webhooks/commerce/{code}/shipment", 1024 * kib),
    ):
        for size in (most, most + 1):
            content = b" " * size

            async def sent(content: bytes = content) -> Any:
                yield content

            answer = await client.request(
                method, path, content=content if with_length else sent(), headers=JSON
            )
            assert (answer.status_code == 413) is (size > most), (path, size, answer.text)
            if size > most:
                words = "256 KiB" if most == 256 * kib else "1 MiB"
                assert words in answer.text, answer.text


@pytest.mark.parametrize(
    ("path", "types"),
    [
        ("/v1/orders", "application/json"),
        ("/v1/cancellations/bulk", "text/csv or application/x-ndjson or application/jsonl"),
    ],
)
async def test_a_body_of_another_type_is_refused_with_the_types_of_its_path(
    client: httpx.AsyncClient, path: str, types: str
) -> None:
    answer = await client.post(path, content=b"<a/>", headers={"content-type": "text/xml"})
    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")
    assert answer.json()["detail"] == f"Send the body as {types}."
