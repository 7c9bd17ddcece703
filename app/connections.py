"""Connections of the web server: how many there may be, and how long a header may take.

A client that opens connections and never finishes a request would otherwise take every file
descriptor, and then nobody is answered.
"""

import asyncio
import resource
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import structlog
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

# Seconds from a connection, or from the first byte of a next request, to the end of its header.
HEADER_SECONDS = 10.0
# Bytes of a header that is not complete yet.
_MOST_HEADER = 64 * 1024
MOST_CONNECTIONS = 4000
# File descriptors for the database, calls to other systems, files.
_RESERVED = 256
_MOST_DESCRIPTORS = 65_536
_LOG_EVERY = 60.0
_log = structlog.get_logger(__name__)


def most_connections() -> int:
    """Take all file descriptors that the process may have; answers for how many connections."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MOST_DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, _MOST_DESCRIPTORS)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        soft = wanted
    available = _MOST_DESCRIPTORS if soft == resource.RLIM_INFINITY else soft
    return max(min(MOST_CONNECTIONS, available - _RESERVED), 1)


@dataclass(slots=True)
class Limits:
    """The limits of one server. What is closed for them is counted, and logged once a minute."""

    connections: int
    header_seconds: float = HEADER_SECONDS
    _closed: dict[str, int] = field(default_factory=dict)
    _logged_at: dict[str, float] = field(default_factory=dict)

    def closed(self, event: str, now: float) -> None:
        """A connection was closed for a limit."""
        count = self._closed[event] = self._closed.get(event, 0) + 1
        if now - self._logged_at.get(event, float("-inf")) < _LOG_EVERY:
            return
        self._logged_at[event], self._closed[event] = now, 0
        _log.warning(event, closed=count, connections=self.connections)


class LimitedProtocol(HttpToolsProtocol):
    """uvicorn's protocol with a limit on connections, and on the time and size of a header.

    The body of a request may take as long as it does. One that is still coming after the answer
    was given has as long as a header has.
    """

    def __init__(self, *arguments: Any, limits: Limits, **named: Any) -> None:  # noqa: ANN401 - uvicorn's
        super().__init__(*arguments, **named)
        self._limits = limits
        self._timer: asyncio.TimerHandle | None = None
        # Whether the next bytes are of a header, whether one has begun, and how long it is by now.
        self._in_header, self._partial, self._header_bytes = True, True, 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Refuse a connection that is too many."""
        super().connection_made(transport)  # type: ignore[arg-type]
        if len(self.connections) > self._limits.connections:
            self._close("connection_refused")
        else:
            self._arm()

    def data_received(self, data: bytes) -> None:
        """Let a header that is not complete after these bytes end in time, and not grow."""
        self._partial = self._in_header
        super().data_received(data)
        if self._partial:
            self._arm()
            self._header_bytes += len(data)
            if self._header_bytes > _MOST_HEADER:
                self._close("header_too_large")

    def on_headers_complete(self) -> None:
        """The header is there."""
        self._in_header, self._partial, self._header_bytes = False, False, 0
        self._disarm()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """The request is there; what comes next is a header."""
        self._in_header = True
        self._disarm()
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Of a request that was answered before all of it came, the rest is waited for briefly."""
        super().on_response_complete()
        if not self._in_header and self.cycle.response_complete:
            self._arm()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection ended."""
        self._disarm()
        super().connection_lost(exc)

    def _arm(self) -> None:
        if self._timer is None:
            self._timer = self.loop.call_later(self._limits.header_seconds, self._late)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _late(self) -> None:
        self._timer = None
        self._close("header_timeout")

    def _close(self, event: str) -> None:
        self._limits.closed(event, self.loop.time())
        self._disarm()
        # Those that come in the same turn of the loop are counted without it.
        self.connections.discard(self)
        self.transport.abort()


def limited(limits: Limits) -> Callable[..., LimitedProtocol]:
    """A maker of protocols for uvicorn, which hands over everything but the limits."""

    def protocol(*arguments: Any, **named: Any) -> LimitedProtocol:  # noqa: ANN401 - uvicorn's
        return LimitedProtocol(*arguments, limits=limits, **named)

    return protocol
