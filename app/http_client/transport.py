"""How bytes travel: httpx's interface on aiohttp's connections.

httpx's own pool looks at every connection for every request, and its HTTP parser is Python;
both were most of what a delivery cost (decision 0007). The names of failures decide here
whether a shipment may be sent again at once, so they are told apart by when they happen:
before a connection stood nothing can have left, from then on anything may have.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from functools import cache
from typing import Self, cast

import aiohttp
import httpx
from yarl import URL

from app.http_client import ssrf_guard

# What aiohttp would add by itself; what is sent is what httpx was given.
_NOTHING_ADDED = ("User-Agent", "Accept", "Accept-Encoding", "Content-Type")
_KEEP_ALIVE_SECONDS = 20
# Waiting for the pool, connecting and the TLS handshake are limited one by one. A quarter of
# the whole for each means that the whole cannot run out before something was sent.
_CONNECT_SHARE = 4


class Http:
    """Requests and answers of httpx on a transport, without what its client adds to them.

    Cookies, redirects, proxies, authentication and hooks are none of ours, and were a tenth of
    what a delivery cost. timeout is in seconds, for one wait on the network.
    """

    def __init__(self, transport: httpx.AsyncBaseTransport, *, timeout: float) -> None:
        part = timeout / _CONNECT_SHARE
        self._transport = transport
        self._limits = httpx.Timeout(timeout, connect=part, pool=part).as_dict()

    async def __aenter__(self) -> Self:
        """Nothing is connected before the first request."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close every connection."""
        await self._transport.aclose()

    @asynccontextmanager
    async def stream(
        self, method: str, url: str, *, headers: Mapping[str, str], content: bytes
    ) -> AsyncIterator[httpx.Response]:
        """Send a request; the answer's body is read within the block. Raises httpx's exceptions."""
        # As a stream it is taken as it is; the length is counted, and the host named, below us.
        request = httpx.Request(
            method,
            url,
            headers=headers,
            stream=httpx.ByteStream(content),
            extensions={"timeout": self._limits},
        )
        response = await self._transport.handle_async_request(request)
        try:
            yield response
        finally:
            await response.aclose()


def open_http(*, timeout: float, max_connections: int, guarded: bool = False) -> Http:
    """Open the connection pool that clients work with; the caller closes it.

    timeout is in seconds, for one wait on the network. No proxy is taken from the environment
    and no redirect is followed. guarded: for addresses that a store's owner names, which are
    called by the rules of `app/http_client/ssrf_guard.py`.
    """
    transport = AiohttpTransport(
        max_connections=max_connections, keep_alive=_KEEP_ALIVE_SECONDS, guarded=guarded
    )
    return Http(transport, timeout=timeout)


async def pieces(response: httpx.Response) -> AsyncIterator[bytes]:
    """The answer's body as it comes, for a caller who asked with `Accept-Encoding: identity`.

    Raises DecodingError for a compressed one: a small piece of it may unpack to any size.
    """
    coding = response.headers.get("Content-Encoding", "").strip().casefold()
    if coding not in {"", "identity"}:
        raise httpx.DecodingError("The answer is compressed.")
    async for piece in cast("httpx.AsyncByteStream", response.stream):
        yield piece


class AiohttpTransport(httpx.AsyncBaseTransport):
    """At most max_connections at once; an idle one is kept keep_alive seconds.

    Requests are limited by httpx's own four time-outs, but for the one on writing. Raises
    httpx's exceptions: PoolTimeout, ConnectTimeout, ConnectError and UnsupportedProtocol where
    nothing left, the others where something may have.
    """

    def __init__(self, *, max_connections: int, keep_alive: float, guarded: bool = False) -> None:
        self._keep_alive = keep_alive
        self._slots = asyncio.Semaphore(max_connections)
        self._guarded = guarded
        # By scheme, for the guard has to know whether what is sent can be read on the way.
        self._sessions: dict[str, aiohttp.ClientSession] = {}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request; the answer's body is read as it comes, and must be closed."""
        limits = request.extensions.get("timeout", {})
        await self._enter(limits.get("pool"))
        try:
            with _translated(request):
                answer = await self._send(request, limits)
        except BaseException:
            self._slots.release()
            raise
        return httpx.Response(
            answer.status,
            headers=answer.raw_headers,
            stream=_Body(answer, request, self._slots),
            request=request,
        )

    async def aclose(self) -> None:
        """Close every connection."""
        for session in self._sessions.values():
            await session.close()

    async def _enter(self, seconds: float | None) -> None:
        if not self._slots.locked():
            # A timer would cost more than the slot.
            await self._slots.acquire()
            return
        try:
            async with asyncio.timeout(seconds):
                await self._slots.acquire()
        except TimeoutError as error:
            raise httpx.PoolTimeout("All connections are in use.") from error

    async def _send(
        self, request: httpx.Request, limits: dict[str, float | None]
    ) -> aiohttp.ClientResponse:
        scheme = request.url.scheme if self._guarded else ""
        session = self._sessions.get(scheme)
        if session is None:
            session = self._sessions[scheme] = self._open(scheme)
        return await session.request(
            request.method,
            _target(request),
            headers=request.headers.multi_items(),
            data=await request.aread() or None,
            allow_redirects=False,
            timeout=aiohttp.ClientTimeout(
                sock_connect=limits.get("connect"), sock_read=limits.get("read")
            ),
        )

    def _open(self, scheme: str) -> aiohttp.ClientSession:
        guard = ssrf_guard.guarded(encrypted=scheme == "https") if self._guarded else None
        # The slots are the limit; a second one would only be waited for twice.
        connector = aiohttp.TCPConnector(
            limit=0,
            keepalive_timeout=self._keep_alive,
            ssl=_ssl_context(),
            socket_factory=guard,
        )
        return aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            skip_auto_headers=_NOTHING_ADDED,
        )


def _target(request: httpx.Request) -> URL:
    """Where a request goes. Raises UnsupportedProtocol where no connection can be asked for."""
    try:
        target = URL(str(request.url), encoded=True)
    except ValueError as error:
        raise httpx.UnsupportedProtocol(str(error), request=request) from error
    if not ssrf_guard.can_be_looked_up(target.raw_host or ""):
        raise httpx.UnsupportedProtocol("No resolver takes the host's name.", request=request)
    return target


@cache
def _ssl_context() -> ssl.SSLContext:
    """One for all: to read the certificates of everybody takes longer than a call."""
    return httpx.create_ssl_context()


class _Body(httpx.AsyncByteStream):
    """An answer's body. What is not read to its end costs the connection."""

    def __init__(
        self, answer: aiohttp.ClientResponse, request: httpx.Request, slots: asyncio.Semaphore
    ) -> None:
        self._answer = answer
        self._request = request
        self._slots = slots
        self._closed = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with _translated(self._request):
            async for chunk in self._answer.content.iter_any():
                yield chunk

    async def aclose(self) -> None:
        """Give the connection back, or close it where the body was not read whole."""
        if self._closed:
            return
        self._closed = True
        if self._answer.content.at_eof():
            self._answer.release()
        else:
            self._answer.close()
        self._slots.release()


@contextmanager
def _translated(request: httpx.Request) -> Iterator[None]:
    try:
        yield
    except aiohttp.ConnectionTimeoutError as error:
        raise httpx.ConnectTimeout(str(error), request=request) from error
    except aiohttp.ClientConnectorCertificateError as error:
        raise httpx.ConnectError(str(error), request=request) from error
    except aiohttp.ClientConnectorError as error:
        if isinstance(error.os_error, ssrf_guard.ForbiddenAddress):
            raise httpx.UnsupportedProtocol(str(error.os_error), request=request) from error
        raise httpx.ConnectError(str(error), request=request) from error
    except (aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError) as error:
        raise httpx.UnsupportedProtocol(str(error), request=request) from error
    except aiohttp.ServerTimeoutError as error:
        raise httpx.ReadTimeout(str(error), request=request) from error
    except (aiohttp.ClientError, aiohttp.http.HttpProcessingError) as error:
        raise httpx.RemoteProtocolError(str(error), request=request) from error
