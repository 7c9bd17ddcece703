"""Reading an answer: a large one is read outside the event loop's thread."""

import asyncio
import gzip
import json
import threading
from collections.abc import Mapping
from datetime import UTC, datetime

import httpx
import pytest

from app.http_client import call as calls
from app.http_client.call import ApiError
from app.http_client.exchange import MAX_ANSWER_BYTES, Dialect, Exchange, HttpReply, HttpRequest
from app.http_client.redaction import MAX_CHARACTERS, MOST_EVIDENCE
from app.http_client.transport import Http

NOW = datetime(2026, 11, 24, tzinfo=UTC)


class Asked:
    """An error reader that records the thread in which it runs."""

    def __init__(self) -> None:
        self.threads: list[int] = []

    def __call__(self, _: object, __: str, ___: object) -> tuple[ApiError, ...]:
        self.threads.append(threading.get_ident())
        return ()


def _no_headers(_: str) -> Mapping[str, str]:
    return {}


async def answered(body: bytes, asked: Asked, coding: str | None = None) -> HttpReply:
    headers = {} if coding is None else {"Content-Encoding": coding}
    stream = httpx.ByteStream(body)
    transport = httpx.MockTransport(lambda _: httpx.Response(200, headers=headers, stream=stream))
    async with Http(transport, timeout=5) as http:
        exchange = Exchange(
            http,
            base_url="https://x.example",
            dialect=Dialect(
                _no_headers, asked, lambda *_: None, lambda _: None, lambda _, __: None
            ),
            now=lambda: NOW,
            new_correlation_id=lambda: "c",
        )
        deadline = asyncio.get_running_loop().time() + 5
        return await exchange.send(HttpRequest("read", "GET", "/", {}), deadline)


@pytest.mark.parametrize(("size", "here"), [(MOST_EVIDENCE, True), (MOST_EVIDENCE + 1, False)])
async def test_only_a_small_answer_is_read_in_the_event_loops_thread(size: int, here: bool) -> None:
    asked = Asked()
    body = json.dumps({"a": "x" * (size - len('{"a": ""}'))}).encode()
    assert len(body) == size
    found = await answered(body, asked)
    assert (asked.threads == [threading.get_ident()]) is here
    assert found.payload == json.loads(body)


async def test_a_large_answer_is_read_whole_and_kept_in_part() -> None:
    payload = {f"key-{number}": "canary@shop.example" for number in range(50_000)}
    body = json.dumps(payload, indent=1).encode()
    assert MOST_EVIDENCE < len(body) < MAX_ANSWER_BYTES
    found = await answered(body, Asked())
    assert found.payload == payload
    assert found.call.response is not None
    assert len(found.call.response) <= MAX_CHARACTERS
    assert "canary" not in found.call.response


async def test_an_answer_above_the_limit_is_not_read() -> None:
    found = await answered(b'"' + b"x" * MAX_ANSWER_BYTES + b'"', Asked())
    assert found.call.failure == calls.ANSWER_TOO_LARGE


@pytest.mark.parametrize("coding", ["gzip", "gzip, gzip", "GZIP", "br", "deflate"])
async def test_a_compressed_answer_is_not_unpacked(coding: str) -> None:
    found = await answered(gzip.compress(gzip.compress(b'{"a": 1}')), Asked(), coding)
    assert found.call.failure == calls.ANSWER_UNREADABLE
    assert found.call.status == 200
    assert (found.text, found.payload) == ("", None)


@pytest.mark.parametrize("coding", [None, "", "identity", " Identity "])
async def test_an_answer_that_is_not_compressed_is_read(coding: str | None) -> None:
    found = await answered(b'{"a": 1}', Asked(), coding)
    assert (found.payload, found.call.failure) == ({"a": 1}, None)
