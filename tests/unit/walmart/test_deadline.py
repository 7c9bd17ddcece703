"""The total deadline of a call, against real sockets: httpx time-outs apply to each wait only."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from app.http_client.transport import open_http
from app.walmart import errors
from app.walmart.client import WalmartClient
from app.walmart.token import TokenCache
from tests.harness.waiting import SLOWNESS
from tests.unit.walmart.builders import ACCOUNT, NOW, PO, an_order
from tests.unit.walmart.sockets import listening

Respond = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
BODY: dict[str, object] = {"orderShipment": {}}
TOKEN = b'{"access_token":"t","expires_in":900}'


async def drip(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """An answer that never ends, sent one byte at a time."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    while True:
        writer.write(b" ")
        await writer.drain()
        await asyncio.sleep(0.01)


async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """An answer cut in the middle."""
    whole = json.dumps(an_order()).encode()
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(whole))
    writer.write(whole[:40])


async def say_nothing(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    """No answer until the client disconnects."""
    await reader.read()


@asynccontextmanager
async def a_server(respond: Respond, *, token: bool = True) -> AsyncIterator[str]:
    """A server that answers token requests at once (unless given a handler) and others as given."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await reader.readuntil(b"\r\n\r\n"):
            lines = head.lower().split(b"\r\n")
            length = next((line[15:] for line in lines if b"content-length" in line), b"0")
            await reader.readexactly(int(length))
            if not (token and head.startswith(b"POST /v3/token ")):
                await respond(reader, writer)
                return
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(TOKEN), TOKEN))

    async with listening(serve) as url:
        yield url


@asynccontextmanager
async def a_client(base_url: str, seconds: float) -> AsyncIterator[WalmartClient]:
    async with open_http(timeout=30, max_connections=2) as http:
        yield WalmartClient(
            http,
            base_url=base_url,
            timeout=seconds,
            now=lambda: NOW,
            tokens=lambda exchange: TokenCache(exchange, now=lambda: NOW, sleep=at_once),
        )


async def at_once(_: float) -> None:
    """A sleep that takes no time."""


@pytest.mark.parametrize(
    ("respond", "failure"),
    [(drip, "deadline"), (say_nothing, "deadline"), (hang_up, "connection_lost")],
)
async def test_a_write_without_a_whole_answer_is_unclear(respond: Respond, failure: str) -> None:
    # On a busy machine the token alone takes half a second.
    async with a_server(respond) as url, a_client(url, 2 * SLOWNESS) as client:
        with pytest.raises(errors.CallUnclear) as raised:
            await client.ship(ACCOUNT, PO, BODY)
    assert raised.value.call is not None
    assert raised.value.call.failure == failure


async def test_a_token_request_that_uses_up_the_deadline_leaves_the_write_unsent() -> None:
    async with a_server(say_nothing, token=False) as url, a_client(url, 0.2) as client:
        calls = (client.ship(ACCOUNT, PO, BODY) for _ in range(3))
        results = await asyncio.gather(*calls, return_exceptions=True)
    assert {type(result) for result in results} == {errors.NotSent}


async def test_nothing_is_sent_after_the_deadline() -> None:
    async with a_server(drip) as url, a_client(url, 0) as client:
        with pytest.raises(errors.NotSent) as raised:
            await client.ship(ACCOUNT, PO, BODY)
    assert raised.value.call is not None
    assert raised.value.call.failure == "no_time_left"


async def test_a_refused_connection_is_not_sent() -> None:
    async with a_server(drip) as url:
        pass
    async with a_client(url, 2) as client:
        with pytest.raises(errors.NotSent) as raised:
            await client.ship(ACCOUNT, PO, BODY)
    assert raised.value.call is not None
    assert raised.value.call.failure == "connect_error"


@pytest.mark.parametrize("base_url", ["ftp://127.0.0.1", "127.0.0.1:80", "http://[broken"])
async def test_an_unusable_address_is_not_sent(base_url: str) -> None:
    async with a_client(base_url, 2) as client:
        with pytest.raises(errors.NotSent):
            await client.ship(ACCOUNT, PO, BODY)


async def test_nothing_is_sent_to_a_server_without_tls() -> None:
    async def speak_plainly(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()
        await writer.wait_closed()

    async with await asyncio.start_server(speak_plainly, "127.0.0.1", 0) as server:
        url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with a_client(url, 5) as client:
            with pytest.raises(errors.NotSent) as raised:
                await client.ship(ACCOUNT, PO, BODY)
    assert raised.value.call is not None
    assert raised.value.call.failure == "connect_error"


async def test_proxy_settings_of_the_environment_are_ignored(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    async with a_server(hang_up) as url, a_client(url, 2) as client:
        with pytest.raises(errors.CallUnclear):
            await client.ship(ACCOUNT, PO, BODY)
