"""Connections of the web server: how many there may be, and how long one may make no progress.

A client that never finishes a request, or never reads an answer, would otherwise keep its
connections for ever, and with enough of them every other client from an answer.
"""

import asyncio
import math
import resource
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import structlog
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

# Seconds from a connection, or from the first byte of a next request, to the end of its header.
HEADER_SECONDS = 10.0
# Seconds without a byte of a body that is not complete.
BODY_SECONDS = 10.0
# Seconds in which a client takes nothing of an answer.
ANSWER_SECONDS = 30.0
# Bytes of a header that is not complete yet.
_MOST_HEADER = 64 * 1024
# Bytes beside a body's own: its trailers, and what may stand beside the size of a chunk.
_MOST_TRAILERS = 8 * 1024
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
    body_seconds: float = BODY_SECONDS
    answer_seconds: float = ANSWER_SECONDS
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
    """uvicorn's protocol with a limit on connections, and on the time and size of what they hold.

    A header has a time for all of it. A body, and an answer, may take as long as they do while
    they go on. A body that is still coming after the answer has as long as a header has.
    """

    def __init__(self, *arguments: Any, limits: Limits, **named: Any) -> None:  # noqa: ANN401 - uvicorn's
        super().__init__(*arguments, **named)
        self._limits = limits
        # For what is received, and for what is sent.
        self._timer: asyncio.TimerHandle | None = None
        self._look: asyncio.TimerHandle | None = None
        # Whether the next bytes are of a header, whether one has begun, whether the last bytes
        # were of a body, and how many have come since of which none was.
        self._in_header, self._partial, self._progress, self._beside = True, True, False, 0
        # Whether the client had to wait for us, when the timer was set.
        self._held = False
        # The request that the app has; uvicorn's own is the one that came last.
        self._answered: RequestResponseCycle | None = None
        # Bytes that waited for the client when it was last looked.
        self._unsent = math.inf

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Refuse a connection that is too many."""
        super().connection_made(transport)  # type: ignore[arg-type]
        if len(self.connections) > self._limits.connections:
            self._close("connection_refused")
        else:
            self._arm("header_timeout")

    def data_received(self, data: bytes) -> None:
        """Let a header end in time and a body go on, and neither grow beside what it is for."""
        self._partial, self._progress = self._in_header, False
        super().data_received(data)
        if self._partial:
            self._arm("header_timeout")
            self._count(data, _MOST_HEADER, "header_too_large")
        elif not self._in_header:
            if not self._progress:
                self._count(data, _MOST_TRAILERS, "trailers_too_large")
            elif not self.cycle.response_complete:
                self._disarm()
            self._arm("body_timeout")
        self._watch()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep what belongs to a header; what comes after a body has no use here."""
        if self._in_header:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """The header is there."""
        super().on_headers_complete()
        self._in_header, self._partial, self._progress, self._beside = False, False, True, 0
        self._disarm()

    def on_body(self, body: bytes) -> None:
        """The body goes on."""
        self._progress, self._beside = True, 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """The request is there; what comes next is a header."""
        self._in_header, self._beside = True, 0
        self._disarm()
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Of a request that was answered before all of it came, the rest is waited for briefly."""
        super().on_response_complete()
        if not self._in_header and self.cycle.response_complete:
            self._disarm()
            self._arm("header_timeout")
        self._watch()

    def timeout_keep_alive_handler(self) -> None:
        """Close, once the client has all of its answer, a connection on which nothing comes."""
        super().timeout_keep_alive_handler()
        self._watch()

    def pause_writing(self) -> None:
        """The client reads more slowly than it is answered."""
        super().pause_writing()
        self._watch()

    def resume_writing(self) -> None:
        """The client has read."""
        super().resume_writing()
        self._unsent = math.inf

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection ended."""
        self._disarm()
        if self._look is not None:
            self._look.cancel()
        if self._answered is not None and not self._answered.response_complete:
            self._answered.disconnected = True
        super().connection_lost(exc)

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:  # noqa: ANN401 - uvicorn's
        self._answered = cycle
        super()._start_asgi_task(cycle, app)

    def _arm(self, event: str) -> None:
        if self._timer is None:
            limits = self._limits
            seconds = limits.body_seconds if event == "body_timeout" else limits.header_seconds
            self._held = self._holds()
            self._timer = self.loop.call_later(seconds, self._late, event)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _late(self, event: str) -> None:
        self._timer = None
        if self._held:
            self._arm(event)
        else:
            self._close(event)

    def _holds(self) -> bool:
        # Whether nothing can come, or is to come, before the app goes on.
        return self.flow.read_paused or (
            not self._in_header and self.cycle.waiting_for_100_continue
        )

    def _count(self, data: bytes, most: int, event: str) -> None:
        self._beside += len(data)
        if self._beside > most:
            self._close(event)

    def _watch(self) -> None:
        # Where the connection is to close, nothing says that the rest is not read.
        if self._look is None and (self.flow.write_paused or self.transport.is_closing()):
            self._unsent = self.transport.get_write_buffer_size()
            if self._unsent:
                self._look = self.loop.call_later(self._limits.answer_seconds, self._looked)

    def _looked(self) -> None:
        self._look = None
        if self.transport.get_write_buffer_size() >= self._unsent:
            self._close("answer_timeout")
        else:
            self._watch()

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
