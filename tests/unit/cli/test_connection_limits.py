"""The connection limits of the web server, on a real socket: how many connections, and for how long."""

import asyncio
import resource
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
import structlog
import uvloop

from app.cli import http_server, listener
from app.cli.connection_limits import Limits
from app.cli.descriptors import most_connections
from app.cli.shutdown import Shutdown
from tests.harness.waiting import limited

LIVEZ = b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 8\r\n\r\n"
CHUNKED = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
# Long enough for what must not happen meanwhile, also on a busy machine.
LONG, SHORT = 600.0, 1.0


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Answers with the body; /early and /last without reading it, /size/N with N bytes, /late later.

    /last ends the connection.
    """
    assert scope["type"] == "http"
    body, more = b"", scope["path"] not in {"/early", "/last"}
    if scope["path"] == "/late":
        await asyncio.sleep(3 * SHORT)
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        body, more = body + message["body"], message["more_body"]
    if scope["path"].startswith("/size/"):
        body = b"x" * int(scope["path"].removeprefix("/size/"))
    headers = [(b"content-length", str(len(body)).encode())]
    if scope["path"] == "/last":
        headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


class Client:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def send(self, data: bytes) -> None:
        with suppress(ConnectionError):
            self.writer.write(data)
            await self.writer.drain()

    async def answered(self) -> bytes | None:
        """Return the status line of the next answer after its header is read; None if it is closed."""
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            return (await self.reader.readuntil(b"\r\n\r\n")).partition(b"\r\n")[0]
        return None

    async def ended(self) -> None:
        """Wait until the server has closed the connection."""
        with suppress(ConnectionError):
            async with limited():
                assert await self.reader.read() == b""


class Server:
    def __init__(self, port: int) -> None:
        self.port, self.clients = port, list[Client]()

    async def connect(self, data: bytes = b"") -> Client:
        client = Client(*await asyncio.open_connection("127.0.0.1", self.port))
        self.clients.append(client)
        await client.send(data)
        return client

    async def alive(self) -> bool:
        client = await self.connect(LIVEZ)
        answer = await client.answered()
        client.writer.close()
        return answer == b"HTTP/1.1 200 OK"

    async def alive_again(self) -> None:
        """Wait until a new connection is answered."""
        async with limited():
            while not await self.alive():
                await asyncio.sleep(0.01)


@asynccontextmanager
async def serving(limits: Limits, app: Any = app) -> AsyncIterator[Server]:
    taken, shutdown = listener.take("127.0.0.1", 0), Shutdown()
    # A small receive buffer: unread bytes wait in the server, not in the kernel.
    taken.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    server = Server(taken.getsockname()[1])
    taken.listen()
    running = asyncio.create_task(http_server.answer(app, taken, shutdown, grace=1, limits=limits))
    try:
        yield server
    finally:
        for client in server.clients:
            client.writer.close()
        shutdown.now()
        await running


@pytest.fixture
def logged() -> Iterator[list[Any]]:
    with structlog.testing.capture_logs() as entries:
        yield entries


async def test_unfinished_headers_below_the_cap_do_not_block_other_clients() -> None:
    async with serving(Limits(20, LONG)) as server:
        for _ in range(15):
            await server.connect(b"GET /livez HTTP/1.1\r\nX-Slow: ")
        assert await server.alive()


async def test_connections_beyond_the_cap_are_closed_at_once_and_logged(logged: list[Any]) -> None:
    async with serving(Limits(5, LONG)) as server:
        kept = await server.connect(LIVEZ)
        assert await kept.answered()
        for _ in range(4):
            # Wait until each is accepted before the next one connects.
            client = await server.connect(LIVEZ)
            assert await client.answered()
            await client.send(b"GET")
        beyond = [await server.connect(b"GET / HTTP/1.1\r\n") for _ in range(20)]
        for client in beyond:
            await client.ended()
        # Connections below the cap are still answered.
        await kept.send(LIVEZ)
        assert await kept.answered() == b"HTTP/1.1 200 OK"
        server.clients[1].writer.close()
        await server.alive_again()
    refused = [each for each in logged if each["event"] == "connection_refused"]
    assert [(each["log_level"], each["connections"]) for each in refused] == [("warning", 5)]


@pytest.mark.parametrize(
    "begun", [b"", b"\r\n", b"GET / HT", b"GET / HTTP/1.1\r\nX-Slow: ", LIVEZ + b"GET / HTTP/1.1\r"]
)
async def test_a_header_that_is_not_complete_in_time_ends_its_connection(
    logged: list[Any], begun: bytes
) -> None:
    async with serving(Limits(1, SHORT)) as server:
        client = await server.connect(begun)
        if LIVEZ in begun:
            assert await client.answered()
            await client.send(b"\n")
        await client.ended()
        await server.alive_again()
    assert "header_timeout" in {each["event"] for each in logged}


async def test_a_header_sent_byte_by_byte_gets_no_extra_time() -> None:
    async with serving(Limits(5, SHORT)) as server:
        client = await server.connect(b"GET / HTTP/1.1\r\nX-Slow: ")

        async def drip() -> None:
            while True:
                await client.send(b"x")
                await asyncio.sleep(SHORT / 10)

        dripping = asyncio.create_task(drip())
        await client.ended()
        dripping.cancel()


async def test_an_endless_header_is_not_buffered(logged: list[Any]) -> None:
    async with serving(Limits(5, LONG)) as server:
        client = await server.connect(b"GET / HTTP/1.1\r\n" + b"X-Long: abcdefgh\r\n" * 10_000)
        await client.ended()
    assert "header_too_large" in {each["event"] for each in logged}


async def test_a_slow_body_that_makes_progress_is_not_cut() -> None:
    async with serving(Limits(5, SHORT, body_seconds=2 * SHORT)) as server:
        client = await server.connect(POST)
        for byte in b"abcdefgh":
            await asyncio.sleep(SHORT / 2)
            await client.send(bytes([byte]))
        assert await client.answered() == b"HTTP/1.1 200 OK"
        assert await client.reader.readexactly(8) == b"abcdefgh"
        # The next header on the same connection gets its own time.
        await client.send(LIVEZ)
        assert await client.answered() == b"HTTP/1.1 200 OK"


async def test_an_unread_body_after_the_answer_is_limited_like_a_header() -> None:
    async with serving(Limits(5, SHORT)) as server:
        client = await server.connect(POST.replace(b"POST /", b"POST /early") + b"abc")
        assert await client.answered() == b"HTTP/1.1 200 OK"

        async def drip() -> None:
            for _ in range(3):
                await client.send(b"x")
                await asyncio.sleep(SHORT / 10)

        await drip()
        await client.ended()


LAST = b"POST /last HTTP/1.1\r\nHost: x\r\n"


@pytest.mark.parametrize("header", [b"Content-Length: 9999999", b"Transfer-Encoding: chunked"])
async def test_a_client_that_still_sends_gets_an_answer_that_ends_its_connection(
    header: bytes,
) -> None:
    async with serving(Limits(1, LONG)) as server:
        client = await server.connect(LAST + header + b"\r\n\r\n")
        assert await client.answered() == b"HTTP/1.1 200 OK"
        for _ in range(50):
            # Raises if the connection was reset. Nothing in it is taken for a request.
            client.writer.write(LIVEZ * 1000)
            await client.writer.drain()
        await client.ended()
        client.writer.close()
        await server.alive_again()


async def test_a_client_that_sends_on_keeps_its_connection_no_longer_than_a_header(
    logged: list[Any],
) -> None:
    async with serving(Limits(1, SHORT)) as server:
        client = await server.connect(LAST + b"Content-Length: 8\r\n\r\n")
        assert await client.answered() == b"HTTP/1.1 200 OK"
        await client.ended()
        await server.alive_again()
    assert "header_timeout" not in {each["event"] for each in logged}


@pytest.mark.parametrize(
    "begun", [POST, POST + b"a", CHUNKED, CHUNKED + b"1\r\na\r\n", CHUNKED + b"1\r\na\r\n0\r\n"]
)
async def test_a_stalled_body_ends_its_connection(logged: list[Any], begun: bytes) -> None:
    async with serving(Limits(1, LONG, body_seconds=SHORT)) as server:
        client = await server.connect(begun)
        await client.ended()
        await server.alive_again()
    assert "body_timeout" in {each["event"] for each in logged}


async def test_only_bytes_of_the_body_itself_count_as_its_progress() -> None:
    async with serving(Limits(5, LONG, body_seconds=SHORT)) as server:
        client = await server.connect(CHUNKED + b"1;x=")

        async def drip() -> None:
            while True:
                await client.send(b"x")
                await asyncio.sleep(SHORT / 10)

        dripping = asyncio.create_task(drip())
        await client.ended()
        dripping.cancel()


@pytest.mark.parametrize(
    "request_", [b"Content-Length: 200000", b"Content-Length: 200000\r\nExpect: 100-continue"]
)
async def test_a_body_that_the_app_does_not_read_yet_is_not_cut(request_: bytes) -> None:
    async with serving(Limits(5, LONG, body_seconds=SHORT)) as server:
        client = await server.connect(
            b"POST /late HTTP/1.1\r\nHost: x\r\n" + request_ + b"\r\n\r\n"
        )
        if b"Expect" in request_:
            assert await client.answered() == b"HTTP/1.1 100 Continue"
        await client.send(b"x" * 200_000)
        assert await client.answered() == b"HTTP/1.1 200 OK"


@pytest.mark.parametrize(
    "endless", [b"a: b\r\n" * 10_000, b"x" * 100_000], ids=["many trailers", "long trailer"]
)
async def test_trailers_are_not_buffered(logged: list[Any], endless: bytes) -> None:
    async with serving(Limits(5, LONG)) as server:
        client = await server.connect(CHUNKED + b"1\r\n{\r\n0\r\na: b\r\n")
        if endless.startswith(b"x"):
            await client.send(b"a: ")
        for _ in range(20):
            await client.send(endless)
        await client.ended()
    assert "trailers_too_large" in {each["event"] for each in logged}


async def test_trailers_are_not_read_as_headers() -> None:
    seen = []

    async def noting(scope: Any, receive: Any, send: Any) -> None:
        await app(scope, receive, send)
        seen.append(scope["headers"])

    async with serving(Limits(5, LONG), noting) as server:
        client = await server.connect(CHUNKED + b"1\r\n{\r\n0\r\nAuthorization: b\r\n\r\n")
        assert await client.answered() == b"HTTP/1.1 200 OK"
    assert [name for name, _ in seen[0]] == [b"host", b"transfer-encoding"]


def silent(server: Server, request: bytes) -> socket.socket:
    """A client that never reads, with a small kernel buffer."""
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.connect(("127.0.0.1", server.port))
    client.sendall(request)
    client.settimeout(0)
    return client


@pytest.mark.parametrize(
    "request_",
    [
        b"GET /size/8000000 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /size/30000 HTTP/1.1\r\nHost: x\r\n\r\n" * 30,
        # Too little to slow the app down.
        b"GET /size/30000 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        b"GET /size/30000 HTTP/1.1\r\nHost: x\r\n\r\n",
    ],
    ids=["large", "many", "closing", "kept"],
)
async def test_a_client_that_does_not_read_an_answer_is_disconnected(
    logged: list[Any], request_: bytes
) -> None:
    async with serving(Limits(1, LONG, answer_seconds=SHORT)) as server:
        client = silent(server, request_)
        await server.alive_again()
        client.close()
    assert "answer_timeout" in {each["event"] for each in logged}


async def test_a_client_that_reads_nothing_and_sends_garbage_is_disconnected(
    logged: list[Any],
) -> None:
    async with serving(Limits(1, LONG, answer_seconds=SHORT)) as server:
        client = silent(server, b"GET /size/30000 HTTP/1.1\r\nHost: x\r\n\r\n")
        assert await asyncio.get_running_loop().sock_recv(client, 1)
        client.sendall(b"no request\r\n\r\n")
        await server.alive_again()
        client.close()
    assert "answer_timeout" in {each["event"] for each in logged}


def test_an_abandoned_answer_is_not_logged_as_an_error(caplog: pytest.LogCaptureFixture) -> None:
    async def run() -> None:
        async with serving(Limits(1, LONG, answer_seconds=SHORT)) as server:
            client = silent(server, b"GET /size/300000 HTTP/1.1\r\nHost: x\r\n\r\n" * 30)
            await server.alive_again()
            client.close()

    # This event loop raises on a write to a closed connection.
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run())
    assert "Exception" not in caplog.text


async def test_a_slow_reader_is_not_cut() -> None:
    async with serving(Limits(5, LONG, answer_seconds=2 * SHORT)) as server:
        client = silent(server, b"GET /size/800000 HTTP/1.1\r\nHost: x\r\n\r\n")
        loop, received = asyncio.get_running_loop(), 0
        while received < 800_000:
            for _ in range(50):
                piece = await loop.sock_recv(client, 2_000)
                assert piece or received >= 800_000
                received += len(piece)
            await asyncio.sleep(SHORT / 2)
        client.close()


def test_refused_connections_are_logged_once_a_minute(logged: list[Any]) -> None:
    limits = Limits(5)
    for now in (0.0, 1.0, 59.0, 60.0, 61.0):
        limits.closed("connection_refused", now)
    assert [each["closed"] for each in logged] == [1, 3]


def test_file_descriptors_suffice_for_the_connection_limit() -> None:
    most = most_connections()
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert 0 < most < soft
    assert most_connections() == most
