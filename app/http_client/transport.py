"""Transport: httpx's interface on aiohttp's connections.

httpx's own pool visits every connection for every request, and its HTTP parser is Python; both
were most of the cost of a delivery (decision 0007). The type of a failure decides whether a
shipment may be sent again at once, so it depends on the time of the failure: before a connection is
established nothing was sent, after that anything may have been.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from functools import cache
from typing import Self, cast

import aiohttp
import httpx

from app.http_client import ssrf_guard
from app.http_client.raw_request import RawRequest
from app.http_client.ssrf_guard import AddressGuard

# Headers that aiohttp would add by itself; only those given to httpx are sent.
_NOTHING_ADDED = ("User-Agent", "Accept", "Accept-Encoding", "Content-Type")
_KEEP_ALIVE_SECONDS = 20
# The waits for the pool, the connection and the TLS handshake have limits of their own. A quarter
# of the whole for each means that the whole cannot run out before something was sent.
_CONNECT_SHARE = 4


class Http:
    """httpx requests and responses on a transport, without httpx's client.

    Waybill uses none of the client's cookies, redirects, proxies, authentication and hooks, which
    were a tenth of the cost of a delivery. timeout is in seconds, for a call: a quarter of it for a
    free connection, and for a new one. The caller bounds the whole: timers for each read cost more.
    """

    def __init__(self, transport: httpx.AsyncBaseTransport, *, timeout: float) -> None:
        part = timeout / _CONNECT_SHARE
        self._transport = transport
        self._limits = httpx.Timeout(None, connect=part, pool=part).as_dict()

    async def __aenter__(self) -> Self:
        """Open no connection; the first request does."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close every connection."""
        await self._transport.aclose()

    @asynccontextmanager
    async def stream(
        self,
        method: str,
        base_url: str,
        target: str = "",
        *,
        headers: Mapping[str, str],
        content: bytes,
    ) -> AsyncIterator[httpx.Response]:
        """Send a request; the answer's body is read within the block. Raises httpx's exceptions.

        target: path and query, after a base URL without a slash at its end.
        """
        request = RawRequest(
            method, base_url, target, headers=headers, content=content, limits=self._limits
        )
        response = await self._transport.handle_async_request(request)
        try:
            yield response
        finally:
            await response.aclose()


def open_http(*, timeout: float, max_connections: int, guard: AddressGuard | None = None) -> Http:
    """Open the connection pool of the clients; the caller closes it.

    timeout is in seconds, for a call, which its caller bounds. Proxies from the environment are
    ignored, and redirects are not followed. guard: the SSRF guard, for addresses that come from a
    store's configuration; a connection that one guard allowed is never used under another.
    """
    transport = AiohttpTransport(
        max_connections=max_connections, keep_alive=_KEEP_ALIVE_SECONDS, guard=guard
    )
    return Http(transport, timeout=timeout)


def pieces(response: httpx.Response) -> AsyncIterator[bytes]:
    """The body of an answer to a request with `Accept-Encoding: identity`.

    Raises DecodingError for a compressed body: a small piece may decompress to any size.
    """
    coding = response.headers.get("Content-Encoding", "").strip().casefold()
    # mutation: compressed-answer-detection
    if coding not in {"", "identity"}:
        raise httpx.DecodingError("The answer is compressed.")
    return aiter(cast("httpx.AsyncByteStream", response.stream))


class AiohttpTransport(httpx.AsyncBaseTransport):
    """A transport with at most max_connections; an idle connection is kept keep_alive seconds.

    httpx's time-outs apply, except the one for writing. Raises httpx's exceptions: PoolTimeout,
    ConnectTimeout, ConnectError and UnsupportedProtocol mean that nothing was sent; with the others
    something may have been.
    """

    def __init__(
        self, *, max_connections: int, keep_alive: float, guard: AddressGuard | None = None
    ) -> None:
        self._keep_alive = keep_alive
        self._slots = asyncio.Semaphore(max_connections)
        self._guard = guard
        # By scheme: the guard depends on whether the connection is encrypted.
        self._sessions: dict[str, aiohttp.ClientSession] = {}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request. The response streams its body, and the caller must close it."""
        raw = request if isinstance(request, RawRequest) else await RawRequest.of(request)
        limits = raw.extensions["timeout"]
        await self._enter(limits.get("pool"))
        try:
            with _translated(request):
                answer = await self._send(raw, limits)
        except BaseException:
            # mutation: slot-release-on-failure
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
            # A slot is free: a timer would cost more than taking it.
            await self._slots.acquire()
            return
        try:
            async with asyncio.timeout(seconds):
                await self._slots.acquire()
        except TimeoutError as error:
            raise httpx.PoolTimeout("All connections are in use.") from error

    async def _send(
        self, request: RawRequest, limits: Mapping[str, float | None]
    ) -> aiohttp.ClientResponse:
        address = request.address()
        scheme = address.scheme if self._guard else ""
        session = self._sessions.get(scheme)
        if session is None:
            session = self._sessions[scheme] = self._open(scheme)
        return await session.request(
            request.method,
            address,
            # aiohttp adds Content-Length and Host.
            headers=request.given,
            data=request.body or None,
            allow_redirects=False,
            timeout=_timeout(limits.get("connect"), limits.get("read")),
        )

    def _open(self, scheme: str) -> aiohttp.ClientSession:
        sockets = self._guard.sockets(encrypted=scheme == "https") if self._guard else None
        # The slots limit the connections; aiohttp's own limit would make a request wait twice.
        connector = aiohttp.TCPConnector(
            limit=0,
            keepalive_timeout=self._keep_alive,
            ssl=_ssl_context(),
            socket_factory=sockets,
        )
        return aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            skip_auto_headers=_NOTHING_ADDED,
        )


@cache
def _timeout(connect: float | None, read: float | None) -> aiohttp.ClientTimeout:
    return aiohttp.ClientTimeout(sock_connect=connect, sock_read=read)


@cache
def _ssl_context() -> ssl.SSLContext:
    """Return the shared TLS context: loading the certificates takes longer than a call."""
    return httpx.create_ssl_context()


class _Body(httpx.AsyncByteStream):
    """The body of an answer. A body that is not read to its end costs the connection."""

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
        """Return the connection to the pool, or close it if the body was not read to its end."""
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
        # mutation: connection-lost-after-request
        raise httpx.RemoteProtocolError(str(error), request=request) from error
