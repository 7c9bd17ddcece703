"""The short way and FastAPI's own: whatever is asked, both answer the same bytes."""

import json
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

import pytest
from fastapi import FastAPI

from app.web.app import create_app
from app.web.shortcut import Shortcut
from tests.harness.world import World
from tests.integration.web.conftest import ADMIN_KEY, Counted, _ready, client_of
from tests.integration.web.test_contract import a_key
from tests.integration.web.test_refusals import CANCELLATIONS, SHIPMENTS, STORES

JSON = {"content-type": "application/json"}
PACKAGE = {"carrier_code": "ups", "tracking_number": "1ZA"}
# Operations that read files, signatures or Commerce's paths, or nothing that a key protects.
LONG = {
    ("POST", "/v1/shipments/bulk"),
    ("POST", "/v1/cancellations/bulk"),
    ("POST", "/v1/updates/{}/retry"),
    ("POST", "/v1/orders/{}/refresh"),
}
_GOOD = json.dumps(PACKAGE).encode()
# What is sent to the shipments of an order, besides a body in order: headers, content.
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
    ("POST", "/v1/orders/{ORDER}/cancellation"),
    ("POST", "/v1/orders/not-an-id/shipments"),
    ("POST", "/v1/orders/01932f5b-2d40-7b3e-9a04-77aa00000009/shipments"),
    ("POST", "/v1/orders/6f1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d/shipments"),
    ("PUT", "/v1/orders/{order}/shipments"),
    ("GET", "/v1/orders/{order}"),
    ("GET", "/v1/orders/{ORDER}"),
    ("GET", "/v1/orders/urn:uuid:{order}"),
    ("HEAD", "/v1/orders/{order}"),
    ("OPTIONS", "/v1/orders/{order}"),
    ("GET", "/v1/orders/{order}/shipments"),
    ("GET", "/v1/orders/{order}/shipments/{order}"),
    ("GET", "/v1/orders/{order}/timeline"),
    ("GET", "/v1/orders/import"),
    ("GET", "/v1/orders/summary"),
    ("GET", "/v1/orders"),
    ("GET", "/v1/orders?limit=1"),
    ("GET", "/v1/orders?surprise=1"),
    ("GET", "/v1/orders?cursor=forged"),
    ("GET", "/v1/stores"),
    ("GET", "/v1/cancellation-reasons"),
    ("GET", "/v1/updates/{order}"),
]


@pytest.fixture
def long(world: World) -> FastAPI:
    """The same app, without the short way."""
    app = create_app(
        context=world.context, admin_key=ADMIN_KEY, metrics=Counted(), ready=_ready, version="0"
    )
    app.user_middleware = [each for each in app.user_middleware if not _short(each)]
    return app


async def both(app: FastAPI, long: FastAPI, method: str, path: str, **request: Any) -> Any:
    """What both ways answer, after they were found to answer and to count the same."""
    found = []
    for each in (app, long):
        async with client_of(each) as client:
            sent = {**request, "headers": {"X-Request-ID": "r", **request.get("headers", {})}}
            answer = await client.request(method, path, **sent)
            counted = each.state.metrics.requests[-1]
            found.append((answer.status_code, answer.headers.raw, answer.content, counted))
    assert found[0] == found[1]
    return found[0]


@pytest.mark.parametrize("name", REQUESTS)
async def test_what_is_not_in_order_is_refused_alike(
    world: World, app: FastAPI, long: FastAPI, name: str
) -> None:
    order = await world.an_order(3)
    headers, content = REQUESTS[name]
    raw = {key: value.encode("latin-1") for key, value in headers.items()}
    path = f"/v1/orders/{order.id}/shipments"
    status, *_ = await both(app, long, "POST", path, headers=raw, content=content)
    assert status in {400, 401, 413, 415, 422}


@pytest.mark.parametrize(("query", "expected"), [("surprise=1", 422), ("dry_run=true", 200)])
async def test_a_query_is_heeded_on_both_ways(
    world: World, app: FastAPI, long: FastAPI, query: str, expected: int
) -> None:
    order = await world.an_order(3)
    path = f"/v1/orders/{order.id}/shipments?{query}"
    body = {**PACKAGE, "shipped_at": order.created_at.isoformat(), "items": None}
    status, *_ = await both(app, long, "POST", path, headers=JSON, content=json.dumps(body))
    assert status == expected


async def test_bodies_that_are_wrong_are_refused_alike(
    world: World, app: FastAPI, long: FastAPI
) -> None:
    order = await world.an_order(3)
    for case, path in [
        *((case[0], f"/v1/orders/{order.id}/shipments") for case in SHIPMENTS),
        *((case[0], f"/v1/orders/{order.id}/cancellation") for case in CANCELLATIONS),
        *((case[0], "/v1/stores") for case in STORES),
    ]:
        content = json.dumps(case)
        status, *_ = await both(app, long, "POST", path, headers=JSON, content=content)
        assert status in {409, 422}, case


@pytest.mark.parametrize(("method", "path"), PATHS)
async def test_every_path_is_answered_alike(
    world: World, app: FastAPI, long: FastAPI, method: str, path: str
) -> None:
    order = await world.an_order(3)
    place = path.format(order=order.id, ORDER=str(order.id).upper())
    # Bodies that the routes refuse, so that asking twice changes nothing.
    content = json.dumps({**PACKAGE, "items": []}) if method in {"POST", "PUT"} else None
    await both(app, long, method, place, headers=JSON if content else {}, content=content)


async def test_a_scope_or_a_store_that_is_missing_is_refused_alike(
    world: World, app: FastAPI, long: FastAPI
) -> None:
    order = await world.an_order(3)
    other = await world.a_store()
    for secret, expected in (
        (await a_key(world, "read"), 403),
        (await a_key(world, "write", store=other), 404),
    ):
        headers = {**JSON, "Authorization": f"Bearer {secret}"}
        path = f"/v1/orders/{order.id}/shipments"
        status, *_ = await both(app, long, "POST", path, headers=headers, content=_GOOD)
        assert status == expected


async def test_a_body_in_pieces_or_too_long_is_answered_alike(
    world: World, app: FastAPI, long: FastAPI
) -> None:
    order = await world.an_order(3)
    path = f"/v1/orders/{order.id}/shipments"
    for pieces, expected in (([b'{"carrier', b'_code": 1}'], 422), ([b" " * 1024] * 2048, 413)):
        found = []
        for each in (app, long):

            async def sent(pieces: list[bytes] = pieces) -> Any:
                for piece in pieces:
                    yield piece

            async with client_of(each) as client:
                headers = {**JSON, "X-Request-ID": "r"}
                answer = await client.post(path, headers=headers, content=sent())
                found.append((answer.status_code, answer.headers.raw, answer.content))
        assert found[0] == found[1]
        assert found[0][0] == expected


async def test_an_answer_that_was_given_on_one_way_is_given_again_on_the_other(
    world: World, app: FastAPI, long: FastAPI
) -> None:
    order = await world.an_order(3)
    path = f"/v1/orders/{order.id}/shipments"
    headers = {**JSON, "Idempotency-Key": str(uuid4())}
    for first, second in ((app, long), (long, app)):
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


async def test_both_ways_accept_with_the_same_headers(
    world: World, app: FastAPI, long: FastAPI
) -> None:
    answers = []
    for each in (app, long):
        order = await world.an_order(1)
        async with client_of(each) as client:
            answer = await client.post(f"/v1/orders/{order.id}/shipments", json=PACKAGE)
        assert answer.status_code == 202
        answers.append(answer)
        assert each.state.metrics.requests == [("POST", "/v1/orders/{order_id}/shipments", 202)]
    short, other = answers
    assert list(short.headers) == list(other.headers)
    assert list(short.json()) == list(other.json())


def test_every_operation_behind_a_key_has_a_short_way_but_these(app: FastAPI) -> None:
    (options,) = [each.kwargs for each in app.user_middleware if _short(each)]
    ways = set(Shortcut(app, **options)._ways)
    described = {
        (method.upper(), _shape(path))
        for path, operations in app.openapi()["paths"].items()
        for method in operations
        if path.startswith("/v1/")
    }
    assert described - ways == LONG
    assert ways <= described


def _short(middleware: Any) -> bool:
    return middleware.cls is Shortcut


def _shape(path: str) -> str:
    return "/".join("{}" if part.startswith("{") else part for part in path.split("/"))
