"""The fast path of a shipment and FastAPI answer every request with the same bytes."""

import json
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

import pytest
from fastapi import FastAPI

from app.web.v1.fast_shipment import FastShipment
from tests.harness.world import World
from tests.integration.web.conftest import ADMIN_KEY, app_of, client_of
from tests.integration.web.test_contract import a_key
from tests.integration.web.test_refusals import SHIPMENTS

JSON = {"content-type": "application/json"}
PACKAGE = {"carrier_code": "ups", "tracking_number": "1ZA"}
_GOOD = json.dumps(PACKAGE).encode()
# Invalid requests for the shipments of an order: headers, content.
REQUESTS: dict[str, tuple[Mapping[str, str], bytes]] = {
    "no JSON": (JSON, b"{"),
    "two bodies": (JSON, _GOOD + _GOOD),
    "nothing": (JSON, b""),
    "nothing of no type": ({}, b""),
    "no text": (JSON, b'{"carrier_code": "\xff"}'),
    "half a character": (JSON, b'{"carrier_code": "\\ud800", "tracking_number": "1"}'),
    "a control character": (JSON, b'{"carrier_code": "\x01", "tracking_number": "1"}'),
    "UTF-16": (JSON, json.dumps({**PACKAGE, "items": []}).encode("utf-16")),
    "a byte order mark": (JSON, b"\xef\xbb\xbf" + json.dumps({**PACKAGE, "items": []}).encode()),
    "deep": (JSON, b"[" * 100_000),
    "no number": (JSON, b'{"carrier_code": NaN, "tracking_number": Infinity}'),
    "twice the same field": (JSON, b'{"tracking_number": "1", "tracking_number": 2}'),
    "a character set": ({"content-type": "application/json; charset=utf-8"}, b"{}"),
    "a kind of JSON": ({"content-type": "application/merge-patch+json"}, b"{}"),
    "JSON that is no application": ({"content-type": "text/x+json"}, _GOOD),
    "text": ({"content-type": "text/plain"}, _GOOD),
    "too much": (JSON, b" " * (1024 * 1024 + 1)),
    "a bad key": ({**JSON, "idempotency-key": "\t"}, _GOOD),
    "a long key": ({**JSON, "idempotency-key": "k" * 256}, _GOOD),
    "no caller": ({**JSON, "authorization": ""}, _GOOD),
    "another scheme": ({**JSON, "authorization": f"Basic {ADMIN_KEY}"}, _GOOD),
    "no signature": ({**JSON, "authorization": 'OAuth oauth_consumer_key="x"'}, _GOOD),
    "an unknown secret": ({**JSON, "authorization": "Bearer wb_unknown"}, _GOOD),
    "an unknown secret and no JSON": ({**JSON, "authorization": "Bearer wb_unknown"}, b"{"),
    "a secret of no ASCII": ({**JSON, "authorization": "Bearer \xe4"}, _GOOD),
    "an unknown secret and no package": ({**JSON, "authorization": "Bearer wb_unknown"}, b"{}"),
}
PATHS = [
    ("POST", "/v1/orders/{order}/shipments?surprise=1"),
    ("POST", "/v1/orders/{order}/shipments?dry_run=perhaps"),
    ("POST", "/v1/orders/{order}/shipments?dry_run=1"),
    ("POST", "/v1/orders/{order}/shipments/"),
    ("POST", "/v1/orders/{order}/shipments%0A"),
    ("POST", "/v1/orders/{ORDER}/shipments"),
    ("POST", "/v1/orders/{hex}/shipments"),
    ("POST", "/v1/orders/urn:uuid:{order}/shipments"),
    ("POST", "/v1/orders/{order}/{order}/shipments"),
    ("POST", "/v1/orders/not-an-id/shipments"),
    ("POST", "/v1/orders/01932f5b-2d40-7b3e-9a04-77aa00000009/shipments"),
    ("POST", "/v1/orders/6f1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d/shipments"),
    ("PUT", "/v1/orders/{order}/shipments"),
    ("PATCH", "/v1/orders/{order}/shipments"),
    ("DELETE", "/v1/orders/{order}/shipments"),
    ("HEAD", "/v1/orders/{order}/shipments"),
    ("OPTIONS", "/v1/orders/{order}/shipments"),
    ("GET", "/v1/orders/{order}/shipments"),
    ("GET", "/v1/orders/{order}/shipments/{order}"),
]


@pytest.fixture
def plain(world: World, app: FastAPI) -> FastAPI:
    """The same app without the fast path."""
    other = app_of(world, app.state.adobe_keys)
    rest = [each for each in other.user_middleware if not _fast(each)]
    assert len(rest) == len(other.user_middleware) - 1
    other.user_middleware = rest
    return other


async def both(app: FastAPI, plain: FastAPI, method: str, path: str, **request: Any) -> Any:
    """The answer of both, after comparing the answers and the metrics."""
    found = []
    for each in (app, plain):
        async with client_of(each) as client:
            sent = {**request, "headers": {"X-Request-ID": "r", **request.get("headers", {})}}
            answer = await client.request(method, path, **sent)
            counted = each.state.metrics.requests[-1]
            found.append((answer.status_code, answer.headers.raw, answer.content, counted))
    assert found[0] == found[1]
    return found[0]


async def test_an_invalid_request_gets_the_same_refusal(
    world: World, app: FastAPI, plain: FastAPI
) -> None:
    order = await world.an_order(3)
    path = f"/v1/orders/{order.id}/shipments"
    for name, (headers, content) in REQUESTS.items():
        raw = {key: value.encode("latin-1") for key, value in headers.items()}
        status, *_ = await both(app, plain, "POST", path, headers=raw, content=content)
        assert status in {400, 401, 413, 415, 422}, name


@pytest.mark.parametrize(("query", "expected"), [("surprise=1", 422), ("dry_run=true", 200)])
async def test_a_query_is_read_on_both_paths(
    world: World, app: FastAPI, plain: FastAPI, query: str, expected: int
) -> None:
    order = await world.an_order(3)
    path = f"/v1/orders/{order.id}/shipments?{query}"
    body = {**PACKAGE, "shipped_at": order.created_at.isoformat(), "items": None}
    status, *_ = await both(app, plain, "POST", path, headers=JSON, content=json.dumps(body))
    assert status == expected


async def test_an_invalid_body_gets_the_same_refusal(
    world: World, app: FastAPI, plain: FastAPI
) -> None:
    order = await world.an_order(3)
    for case, *_wrong in SHIPMENTS:
        path, content = f"/v1/orders/{order.id}/shipments", json.dumps(case)
        status, *_ = await both(app, plain, "POST", path, headers=JSON, content=content)
        assert status in {409, 422}, case


async def test_every_path_gets_the_same_answer(world: World, app: FastAPI, plain: FastAPI) -> None:
    order = await world.an_order(3)
    for method, path in PATHS:
        url = path.format(order=order.id, ORDER=str(order.id).upper(), hex=order.id.hex)
        # Bodies that the routes refuse, so that repeating them changes nothing.
        content = json.dumps({**PACKAGE, "items": []}) if method in {"POST", "PUT"} else None
        await both(app, plain, method, url, headers=JSON if content else {}, content=content)


async def test_a_missing_scope_or_store_gets_the_same_refusal(
    world: World, app: FastAPI, plain: FastAPI
) -> None:
    order = await world.an_order(3)
    other = await world.a_store()
    for secret, expected in (
        (await a_key(world, "read"), 403),
        (await a_key(world, "write", store=other), 404),
    ):
        headers = {**JSON, "Authorization": f"Bearer {secret}"}
        path = f"/v1/orders/{order.id}/shipments"
        status, *_ = await both(app, plain, "POST", path, headers=headers, content=_GOOD)
        assert status == expected


async def test_a_chunked_or_too_long_body_gets_the_same_answer(
    world: World, app: FastAPI, plain: FastAPI
) -> None:
    order = await world.an_order(3)
    path = f"/v1/orders/{order.id}/shipments"
    for pieces, expected in (([b'{"carrier', b'_code": 1}'], 422), ([b" " * 1024] * 2048, 413)):
        found = []
        for each in (app, plain):

            async def sent(pieces: list[bytes] = pieces) -> Any:
                for piece in pieces:
                    yield piece

            async with client_of(each) as client:
                headers = {**JSON, "X-Request-ID": "r"}
                answer = await client.post(path, headers=headers, content=sent())
                found.append((answer.status_code, answer.headers.raw, answer.content))
        assert found[0] == found[1]
        assert found[0][0] == expected


async def test_an_answer_of_one_path_is_replayed_by_the_other(
    world: World, app: FastAPI, plain: FastAPI
) -> None:
    order = await world.an_order(3)
    path = f"/v1/orders/{order.id}/shipments"
    headers = {**JSON, "Idempotency-Key": str(uuid4())}
    for first, second in ((app, plain), (plain, app)):
        headers["Idempotency-Key"] = str(uuid4())
        body = {**PACKAGE, "items": [{"line_number": "1", "quantity": 1}]}
        async with client_of(first) as client:
            accepted = await client.post(path, headers=headers, json=body)
        async with client_of(second) as client:
            again = await client.post(path, headers=headers, json=body)
        assert accepted.status_code == again.status_code == 202
        assert accepted.content == again.content
        assert again.headers["Idempotent-Replayed"] == "true"
        assert "Idempotent-Replayed" not in accepted.headers


async def test_a_plain_request_does_not_reach_fastapi(world: World, app: FastAPI) -> None:
    order = await world.an_order(1)
    app.router.routes.clear()
    async with client_of(app) as client:
        answer = await client.post(f"/v1/orders/{order.id}/shipments", json=PACKAGE)
        assert answer.status_code == 202
        assert (await client.get(f"/v1/orders/{order.id}")).status_code == 404


async def test_both_paths_accept_with_the_same_headers(
    world: World, app: FastAPI, plain: FastAPI
) -> None:
    answers = []
    for each in (app, plain):
        order = await world.an_order(1)
        async with client_of(each) as client:
            answer = await client.post(f"/v1/orders/{order.id}/shipments", json=PACKAGE)
        assert answer.status_code == 202
        answers.append(answer)
        assert each.state.metrics.requests == [("POST", "/v1/orders/{order_id}/shipments", 202)]
    fast, other = answers
    assert list(fast.headers) == list(other.headers)
    assert list(fast.json()) == list(other.json())


def _fast(middleware: Any) -> bool:
    return middleware.cls is FastShipment
