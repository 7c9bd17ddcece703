"""The transport against real sockets: what may have been sent, what was not, and in which bytes."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import httpx
import pytest

from app.http_client.ssrf_guard import INTERNAL_ALLOWED, INTERNAL_DENIED
from app.http_client.transport import Http, open_http
from tests.unit.walmart.sockets import listening

Respond = Callable[[bytes, asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


class Server:
    """Counts connections and records the requests it receives."""

    def __init__(self) -> None:
        self.url = ""
        self.connections = 0
        self.heads: list[bytes] = []


@asynccontextmanager
async def a_server(respond: Respond) -> AsyncIterator[Server]:
    seen = Server()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.connections += 1
        while not writer.is_closing():
            head = await reader.readuntil(b"\r\n\r\n")
            seen.heads.append(head)
            await respond(head, reader, writer)

    async with listening(serve) as url:
        seen.url = url
        yield seen


async def answer(_: bytes, __: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(OK)
    await writer.drain()


async def leave(_: bytes, __: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.close()


async def reset(_: bytes, __: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    connection = writer.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.close()


async def garble(_: bytes, __: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"this is no HTTP\r\n\r\n")
    writer.close()


async def hang(_: bytes, reader: asyncio.StreamReader, __: asyncio.StreamWriter) -> None:
    await reader.read()


async def asked(http: Http, url: str, method: str = "GET", **headers: str) -> httpx.Response:
    """Send a request and read all of its answer."""
    async with http.stream(method, url, headers=headers, content=b"") as response:
        await response.aread()
        return response


NOTHING_LEFT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.UnsupportedProtocol,
)


@pytest.mark.parametrize("respond", [leave, reset, garble])
async def test_a_connection_lost_after_the_request_is_never_reported_as_not_sent(
    respond: Respond,
) -> None:
    async with a_server(respond) as server, open_http(timeout=4, max_connections=2) as http:
        with pytest.raises(httpx.HTTPError) as raised:
            await asked(http, f"{server.url}/v3/orders/1/shipping", "POST")
    assert not isinstance(raised.value, NOTHING_LEFT)
    assert len(server.heads) == 1


async def test_a_lost_write_is_not_sent_again_on_another_connection() -> None:
    turns = iter([answer, leave])

    async def one_then_leave(head: bytes, *streams: object) -> None:
        await next(turns)(head, *streams)  # type: ignore[arg-type]

    async with a_server(one_then_leave) as server, open_http(timeout=4, max_connections=2) as http:
        await asked(http, f"{server.url}/first", "POST")
        with pytest.raises(httpx.HTTPError) as raised:
            await asked(http, f"{server.url}/second", "POST")
    assert not isinstance(raised.value, NOTHING_LEFT)
    assert [head.split()[1] for head in server.heads] == [b"/first", b"/second"]


async def test_a_connection_that_the_server_closed_while_idle_is_not_reused() -> None:
    async def answer_and_leave(
        head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await answer(head, reader, writer)
        writer.close()

    async with (
        a_server(answer_and_leave) as server,
        open_http(timeout=4, max_connections=1) as http,
    ):
        for _ in range(3):
            assert (await asked(http, f"{server.url}/", "POST")).status_code == 200
            await asyncio.sleep(0.05)
    assert server.connections == 3


async def test_connections_are_kept_alive_and_shared() -> None:
    async with a_server(answer) as server, open_http(timeout=4, max_connections=4) as http:
        for _ in range(5):
            await asyncio.gather(*(asked(http, f"{server.url}/") for _ in range(8)))
    assert server.connections <= 4
    assert len(server.heads) == 40


async def test_waiting_for_a_free_connection_ends_in_a_pool_timeout() -> None:
    async with a_server(hang) as server, open_http(timeout=0.8, max_connections=1) as http:
        first = asyncio.create_task(asked(http, f"{server.url}/"))
        await asyncio.sleep(0.05)
        with pytest.raises(httpx.PoolTimeout):
            await asked(http, f"{server.url}/")
        first.cancel()


async def test_a_connection_is_free_again_after_any_end_of_a_request() -> None:
    turns = iter([leave, reset, garble, hang, answer, answer])

    async def in_turn(head: bytes, *streams: object) -> None:
        await next(turns)(head, *streams)  # type: ignore[arg-type]

    async with a_server(in_turn) as server, open_http(timeout=2, max_connections=1) as http:
        for _ in range(3):
            with pytest.raises(httpx.HTTPError):
                await asked(http, f"{server.url}/", "POST")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await asked(http, f"{server.url}/", "POST")
        async with http.stream("GET", f"{server.url}/", headers={}, content=b"") as partly:
            assert partly.status_code == 200
        assert (await asked(http, f"{server.url}/")).json() == {}


async def test_a_request_is_sent_byte_for_byte() -> None:
    async with a_server(answer) as server, open_http(timeout=4, max_connections=1) as http:
        await asked(
            http,
            f"{server.url}/v3/orders/a%2Fb?nextCursor=x%3Dy%2Bz&a=b,c",
            **{"WM_SVC.NAME": "Walmart Marketplace", "Accept": "application/json"},
        )
    (head,) = server.heads
    assert head.startswith(b"GET /v3/orders/a%2Fb?nextCursor=x%3Dy%2Bz&a=b,c HTTP/1.1\r\n")
    lines = [line.lower() for line in head.split(b"\r\n")]
    assert b"wm_svc.name: walmart marketplace" in lines
    assert lines.count(b"accept: application/json") == 1
    assert sum(line.startswith(b"host:") for line in lines) == 1


@pytest.mark.parametrize("host", ["0.0.0.0", "169.254.169.254", "203.0.113.7"])  # noqa: S104
async def test_a_guarded_connection_to_a_forbidden_address_is_not_opened(
    host: str,
) -> None:
    async with (
        a_server(answer) as server,
        open_http(timeout=4, max_connections=1, guard=INTERNAL_ALLOWED) as http,
    ):
        allowed = await asked(http, f"{server.url}/rest/V1/orders")
        # 0.0.0.0 means this machine, where the server listens.
        with pytest.raises(httpx.UnsupportedProtocol):
            await asked(http, server.url.replace("127.0.0.1", host))
    assert allowed.status_code == 200
    assert len(server.heads) == 1


async def test_a_name_that_leads_to_this_machine_is_not_connected_to() -> None:
    """However it resolved when it was set: what decides is the address that is connected to."""
    async with (
        a_server(answer) as server,
        open_http(timeout=4, max_connections=1, guard=INTERNAL_DENIED) as http,
    ):
        with pytest.raises(httpx.UnsupportedProtocol):
            await asked(http, server.url.replace("127.0.0.1", "localhost"))
    assert server.heads == []


@pytest.mark.parametrize(
    "host", ["shop..example", ".shop.example", f"{'a' * 64}.example", "a\\b.example"]
)
async def test_a_host_that_does_not_resolve_is_an_unusable_address(host: str) -> None:
    async with open_http(timeout=4, max_connections=1) as http:
        with pytest.raises((httpx.UnsupportedProtocol, httpx.InvalidURL)):
            await asked(http, f"https://{host}/")
