"""Limits on connections of the web server: their number, and how long one may make no progress.

Without them, clients that never finish a request or never read an answer would hold connections
for ever, until no other client gets an answer.
"""

import asyncio
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import structlog
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from app.cli.lingering import AnsweringTransport

# Seconds from the connection, or from the first byte of a later request, to the end of its header.
# mutation: header-seconds
HEADER_SECONDS = 10.0
# Seconds without a byte of an incomplete body.
BODY_SECONDS = 10.0
# Seconds in which a client reads nothing of an answer.
ANSWER_SECONDS = 30.0
# Bytes of an incomplete header.
_MOST_HEADER = 64 * 1024
# Bytes of trailers and chunk extensions.
_MOST_TRAILERS = 8 * 1024
_LOG_EVERY = 60.0
_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Limits:
    """The limits of one server. Closed connections are counted, and logged once a minute."""

    connections: int
    header_seconds: float = HEADER_SECONDS
    body_seconds: float = BODY_SECONDS
    answer_seconds: float = ANSWER_SECONDS
    _closed: dict[str, int] = field(default_factory=dict)
    _logged_at: dict[str, float] = field(default_factory=dict)

    def closed(self, event: str, now: float) -> None:
        """Count a connection that was closed for a limit."""
        count = self._closed[event] = self._closed.get(event, 0) + 1
        if now - self._logged_at.get(event, float("-inf")) < _LOG_EVERY:
            return
        self._logged_at[event], self._closed[event] = now, 0
        _log.warning(event, closed=count, connections=self.connections)


class LimitedProtocol(HttpToolsProtocol):
    """uvicorn's protocol with limits on connections, times and sizes.

    A header has a total time. A body or an answer may take any time while it makes progress. A body
    that goes on after the answer has the time of a header, also if the answer ends the connection.
    """

    _answering: AnsweringTransport

    def __init__(self, *arguments: Any, limits: Limits, **named: Any) -> None:  # noqa: ANN401 - uvicorn's
        super().__init__(*arguments, **named)
        self._limits = limits
        # Timers of receiving and of sending.
        self._timer: asyncio.TimerHandle | None = None
        self._send_timer: asyncio.TimerHandle | None = None
        # Whether a header comes next, whether it has begun, whether the last bytes were of a body,
        # and how many bytes have come since then that were not.
        self._in_header, self._partial, self._progress, self._extra = True, True, False, 0
        # Whether the client had to wait for us when the timer was set.
        self._blocked = False
        # The request that the app handles. uvicorn's own `cycle` is the last one received.
        self._answered: RequestResponseCycle | None = None
        # Bytes that waited for the client at the last check.
        self._unsent = math.inf

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Refuse a connection above the limit."""
        super().connection_made(transport)  # type: ignore[arg-type]
        self._answering = AnsweringTransport(self.transport, lambda: not self._in_header)
        # mutation: connection-limit
        if len(self.connections) > self._limits.connections:
            self._close("connection_refused")
        else:
            self._arm("header_timeout")

    def data_received(self, data: bytes) -> None:
        """Check that a header ends in time, a body makes progress, and neither grows too large."""
        if self._answering.lingers:
            return
        self._partial, self._progress = self._in_header, False
        super().data_received(data)
        # mutation: progress-beside-body
        if self._partial:
            self._arm("header_timeout")
            self._count(data, _MOST_HEADER, "header_too_large")
        elif not self._in_header:
            if not self._progress:
                # mutation: trailer-size-limit
                self._count(data, _MOST_TRAILERS, "trailers_too_large")
            # mutation: slow-body-progress
            elif not self.cycle.response_complete:
                self._disarm()
            # mutation: body-timeout
            self._arm("body_timeout")
        self._watch()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep the fields of a header, and drop trailers."""
        # mutation: trailers-are-not-headers
        if self._in_header:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Note that the header is complete."""
        super().on_headers_complete()
        self.cycle.transport = self._answering
        self._in_header, self._partial, self._progress, self._extra = False, False, True, 0
        self._disarm()

    def on_body(self, body: bytes) -> None:
        """Note that the body makes progress."""
        self._progress, self._extra = True, 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Note that the request is complete; a header comes next."""
        self._in_header, self._extra = True, 0
        self._disarm()
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Wait briefly for the rest of a request that was answered before it was complete."""
        if self._answering.lingers:
            self.pipeline.clear()
        super().on_response_complete()
        if not self._in_header and self.cycle.response_complete:
            self._disarm()
            self._arm("header_timeout")
        self._watch()

    def timeout_keep_alive_handler(self) -> None:
        """Close an idle connection once the client has read its whole answer."""
        super().timeout_keep_alive_handler()
        self._watch()

    def pause_writing(self) -> None:
        """Watch a client that reads more slowly than the app writes."""
        super().pause_writing()
        self._watch()

    def resume_writing(self) -> None:
        """Note that the client has read."""
        super().resume_writing()
        self._unsent = math.inf

    def connection_lost(self, exc: Exception | None) -> None:
        """End the timers, and notify the app."""
        self._disarm()
        if self._send_timer is not None:
            self._send_timer.cancel()
        if self._answered is not None and not self._answered.response_complete:
            # mutation: write-after-disconnect
            self._answered.disconnected = True
        super().connection_lost(exc)

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:  # noqa: ANN401 - uvicorn's
        self._answered = cycle
        super()._start_asgi_task(cycle, app)

    def _arm(self, event: str) -> None:
        if self._timer is None:
            limits = self._limits
            seconds = limits.body_seconds if event == "body_timeout" else limits.header_seconds
            self._blocked = self._is_blocked()
            self._timer = self.loop.call_later(seconds, self._late, event)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _late(self, event: str) -> None:
        self._timer = None
        if self._answering.lingers:
            self.transport.close()
            self._watch()
            return
        # mutation: blocked-body
        if self._blocked:
            self._arm(event)
        else:
            self._close(event)

    def _is_blocked(self) -> bool:
        # Whether the client can or must send nothing before the app goes on.
        return self.flow.read_paused or (
            not self._in_header and self.cycle.waiting_for_100_continue
        )

    def _count(self, data: bytes, most: int, event: str) -> None:
        self._extra += len(data)
        if self._extra > most:
            self._close(event)

    def _watch(self) -> None:
        # There is no callback for a closing connection with unread data.
        # mutation: unread-rest-of-answer
        if self._send_timer is None and (self.flow.write_paused or self.transport.is_closing()):
            self._unsent = self.transport.get_write_buffer_size()
            if self._unsent:
                seconds = self._limits.answer_seconds
                self._send_timer = self.loop.call_later(seconds, self._check_sent)

    def _check_sent(self) -> None:
        self._send_timer = None
        # mutation: slow-reader-progress
        if self.transport.get_write_buffer_size() >= self._unsent:
            # mutation: answer-timeout
            self._close("answer_timeout")
        else:
            self._watch()

    def _close(self, event: str) -> None:
        # mutation: header-timeout
        self._limits.closed(event, self.loop.time())
        self._disarm()
        # A connection made in the same turn of the loop must not be counted with it.
        self.connections.discard(self)
        self.transport.abort()


def limited(limits: Limits) -> Callable[..., LimitedProtocol]:
    """A factory of protocols for uvicorn, with these limits."""

    def protocol(*arguments: Any, **named: Any) -> LimitedProtocol:  # noqa: ANN401 - uvicorn's
        return LimitedProtocol(*arguments, limits=limits, **named)

    return protocol
