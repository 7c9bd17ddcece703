"""The web server on a real socket, with few connections and little time for a header."""

import asyncio
import resource
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
import structlog

from app import listening
from app.connections import Limits, most_connections

LIVEZ = b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 8\r\n\r\n"
# Long for what must not happen meanwhile, so that a busy machine changes nothing.
LONG, SHORT = 600.0, 1.0
# Seconds after which what was broken is not waited for any more.
PATIENCE = 30.0


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Answers with the body; /early without reading it."""
    assert scope["type"] == "http"
    body, more = b"", scope["path"] != "/early"
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        body, more = body + message["body"], message["more_body"]
    length = str(len(body)).encode()
    await send(
        {"type": "http.response.start", "status": 200, "headers": [(b"content-length", length)]}
    )
    await send({"type": "http.response.body", "body": body})


class Client:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def send(self, data: bytes) -> None:
        with suppress(ConnectionError):
            self.writer.write(data)
            await self.writer.drain()

    async def answered(self) -> bytes | None:
        """The status line of the next answer, and its header read; None where it is closed."""
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            return (await self.reader.readuntil(b"\r\n\r\n")).partition(b"\r\n")[0]
        return None

    async def ended(self) -> None:
        """Wait until the server has closed the connection."""
        with suppress(ConnectionError):
            async with asyncio.timeout(PATIENCE):
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
        async with asyncio.timeout(PATIENCE):
            while not await self.alive():
                await asyncio.sleep(0.01)


@asynccontextmanager
async def serving(limits: Limits) -> AsyncIterator[Server]:
    taken, stop = listening.take("127.0.0.1", 0), asyncio.Event()
    server = Server(taken.getsockname()[1])
    taken.listen()
    running = asyncio.create_task(listening.answer(app, taken, stop, grace=1, limits=limits))
    try:
        yield server
    finally:
        for client in server.clients:
            client.writer.close()
        stop.set()
        await running


@pytest.fixture
def logged() -> Iterator[list[Any]]:
    with structlog.testing.capture_logs() as entries:
        yield entries


async def test_unfinished_headers_below_the_cap_keep_nobody_from_an_answer() -> None:
    async with serving(Limits(20, LONG)) as server:
        for _ in range(15):
            await server.connect(b"GET /livez HTTP/1.1\r\nX-Slow: ")
        assert await server.alive()


async def test_connections_beyond_the_cap_are_closed_at_once_and_logged(logged: list[Any]) -> None:
    async with serving(Limits(5, LONG)) as server:
        kept = await server.connect(LIVEZ)
        assert await kept.answered()
        for _ in range(4):
            # Each is known to be accepted before the next one comes.
            client = await server.connect(LIVEZ)
            assert await client.answered()
            await client.send(b"GET")
        beyond = [await server.connect(b"GET / HTTP/1.1\r\n") for _ in range(20)]
        for client in beyond:
            await client.ended()
        # Who is connected is answered all the same.
        await kept.send(LIVEZ)
        assert await kept.answered() == b"HTTP/1.1 200 OK"
        server.clients[1].writer.close()
        await server.alive_again()
    refused = [each for each in logged if each["event"] == "connection_refused"]
    assert [(each["log_level"], each["connections"]) for each in refused] == [("warning", 5)]


@pytest.mark.parametrize(
    "begun", [b"", b"\r\n", b"GET / HT", b"GET / HTTP/1.1\r\nX-Slow: ", LIVEZ + b"GET / HTTP/1.1\r"]
)
async def test_a_header_that_does_not_end_in_time_ends_its_connection(
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


async def test_a_header_that_comes_byte_by_byte_has_no_more_time_for_it() -> None:
    async with serving(Limits(5, SHORT)) as server:
        client = await server.connect(b"GET / HTTP/1.1\r\nX-Slow: ")

        async def drip() -> None:
            while True:
                await client.send(b"x")
                await asyncio.sleep(SHORT / 10)

        dripping = asyncio.create_task(drip())
        await client.ended()
        dripping.cancel()


async def test_a_header_without_end_is_not_collected(logged: list[Any]) -> None:
    async with serving(Limits(5, LONG)) as server:
        client = await server.connect(b"GET / HTTP/1.1\r\n" + b"X-Long: abcdefgh\r\n" * 10_000)
        await client.ended()
    assert "header_too_large" in {each["event"] for each in logged}


async def test_a_slow_but_honest_body_is_not_cut() -> None:
    async with serving(Limits(5, SHORT)) as server:
        client = await server.connect(POST)
        for byte in b"abcdefgh":
            await asyncio.sleep(SHORT / 4)
            await client.send(bytes([byte]))
        assert await client.answered() == b"HTTP/1.1 200 OK"
        assert await client.reader.readexactly(8) == b"abcdefgh"
        # The next header on the same connection has its own time.
        await client.send(LIVEZ)
        assert await client.answered() == b"HTTP/1.1 200 OK"


async def test_a_body_that_nobody_waits_for_any_more_ends_like_a_header() -> None:
    async with serving(Limits(5, SHORT)) as server:
        client = await server.connect(POST.replace(b"POST /", b"POST /early") + b"abc")
        assert await client.answered() == b"HTTP/1.1 200 OK"

        async def drip() -> None:
            for _ in range(3):
                await client.send(b"x")
                await asyncio.sleep(SHORT / 10)

        await drip()
        await client.ended()


def test_many_that_are_refused_are_logged_once_a_minute(logged: list[Any]) -> None:
    limits = Limits(5)
    for now in (0.0, 1.0, 59.0, 60.0, 61.0):
        limits.closed("connection_refused", now)
    assert [each["closed"] for each in logged] == [1, 3]


def test_there_are_more_descriptors_than_connections() -> None:
    most = most_connections()
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert 0 < most < soft
    assert most_connections() == most
