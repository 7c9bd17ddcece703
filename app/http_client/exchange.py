"""One HTTP try: send it, read the answer within bounds, classify it, keep the evidence.

Only this module and the transport know httpx; its exceptions are translated here. What differs
between systems, such as headers and errors, is their dialect.
"""

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import httpx
import structlog

from app import logs, tracing
from app.http_client import call as calls
from app.http_client import redaction
from app.http_client.call import ApiError, Call, ErrorClass
from app.http_client.transport import Http, pieces
from app.tracing import Work
from app.version import VERSION

_log = structlog.get_logger(__name__)
MAX_ANSWER_BYTES = 2 * 1024 * 1024
JSON = "application/json"
_ERROR = 400
# Amounts of money stay exact.
_read_json = json.JSONDecoder(parse_float=str).decode

_FAILURES: tuple[tuple[type[Exception], str], ...] = (
    (httpx.ConnectTimeout, calls.CONNECT_TIMEOUT),
    (httpx.ConnectError, calls.CONNECT_ERROR),
    (httpx.PoolTimeout, calls.POOL_TIMEOUT),
    (httpx.UnsupportedProtocol, calls.UNUSABLE_ADDRESS),
    (httpx.InvalidURL, calls.UNUSABLE_ADDRESS),
    (httpx.ReadTimeout, calls.READ_TIMEOUT),
    (httpx.WriteTimeout, calls.WRITE_TIMEOUT),
    (TimeoutError, calls.DEADLINE),
    (httpx.DecodingError, calls.ANSWER_UNREADABLE),
    (httpx.HTTPError, calls.CONNECTION_LOST),
    (OSError, calls.CONNECTION_LOST),
)


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """A request to send."""

    operation: str
    method: str
    path: str
    headers: Mapping[str, str] = field(repr=False)
    """Headers of this request, with the credentials."""
    content: str | None = None
    secrets: tuple[str, ...] = field(default=(), repr=False)
    """Values that the evidence must not contain."""
    query: str = ""
    """Begins with `?`, and is sent as it is. The evidence's path does not contain it."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a system speaks HTTP."""

    headers: Callable[[str], Mapping[str, str]]
    """Its own request headers, by the correlation id of the try."""
    faults: Callable[[object, str, int | None], tuple[ApiError, ...]]
    """The errors in an answer, by its decoded JSON (None means unreadable), text and status."""
    classify: Callable[[int | None, str | None, Sequence[ApiError]], ErrorClass | None]
    """The class of a failed try, by its status, failure and errors."""
    tokens_left: Callable[[Mapping[str, str]], int | None]
    """Calls left in the rate limit, by the answer's headers."""
    replenish_in: Callable[[Mapping[str, str], datetime], timedelta | None]
    """Time until a call is accepted again, by the answer's headers."""
    own: Callable[[object], bool] | None = None
    """Whether decoded JSON is an answer of the system; the evidence shows no other."""


@dataclass(frozen=True, slots=True)
class HttpReply:
    """The answer to a request. It may contain tokens and a buyer's address, so it is not stored."""

    call: Call
    """The redacted evidence."""
    payload: object = field(default=None, repr=False)
    """Decoded JSON."""
    text: str = field(default="", repr=False)
    """The body as it came."""


@dataclass(slots=True)
class _RawReply:
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytearray = field(default_factory=bytearray)
    failure: str | None = None


class Exchange:
    """Makes HTTP tries at one base URL. It has no state.

    now returns aware times, new_correlation_id a new id for each try.
    """

    def __init__(
        self,
        http: Http,
        *,
        base_url: str,
        dialect: Dialect,
        now: Callable[[], datetime],
        new_correlation_id: Callable[[], str],
    ) -> None:
        self._http = http
        self._base_url = base_url.rstrip("/")
        self._dialect = dialect
        self._now = now
        self._new_correlation_id = new_correlation_id

    async def send(self, wanted: HttpRequest, deadline: float) -> HttpReply:
        """Make the try. A failure of the network is returned as evidence, not raised.

        deadline is a time of the running loop's clock (`loop.time()`): nothing begins after it, and
        a try in progress is cut off.
        """
        correlation_id = self._new_correlation_id()
        facts = {"operation": wanted.operation, "method": wanted.method}
        with tracing.span(Work.CALL, correlation_id=correlation_id, **facts) as span:
            reply = await self._sent(wanted, correlation_id, deadline)
            call = reply.call
            span.note(status=call.status, failure=call.failure)
        logs.now_about(correlation_id=correlation_id)
        _log.debug(
            "called",
            operation=call.operation,
            status=call.status,
            failure=call.failure,
            seconds=round((call.ended_at - call.started_at).total_seconds(), 4),
        )
        return reply

    async def _sent(self, wanted: HttpRequest, correlation_id: str, deadline: float) -> HttpReply:
        headers = {
            "User-Agent": f"waybill/{VERSION}",
            "Accept": JSON,
            "Content-Type": JSON,
            # A compressed answer could unpack to more than the cap in one piece.
            "Accept-Encoding": "identity",
            **self._dialect.headers(correlation_id),
            **wanted.headers,
        }
        started_at = self._now()
        reply = _RawReply()
        if asyncio.get_running_loop().time() >= deadline:
            reply.failure = calls.NO_TIME_LEFT
        else:
            await self._transfer(wanted, headers, deadline, reply)
        # mutation: large-answer-parsing
        if len(reply.body) <= redaction.MOST_EVIDENCE:
            return self._evidence(wanted, correlation_id, started_at, reply)
        # Reading a large answer takes long enough that other stores' calls would wait for it.
        return await asyncio.to_thread(self._evidence, wanted, correlation_id, started_at, reply)

    async def _transfer(
        self, wanted: HttpRequest, headers: Mapping[str, str], deadline: float, reply: _RawReply
    ) -> None:
        content = (wanted.content or "").encode()
        try:
            async with (
                asyncio.timeout_at(deadline),
                self._http.stream(
                    wanted.method,
                    self._base_url,
                    wanted.path + wanted.query,
                    headers=headers,
                    content=content,
                ) as response,
            ):
                # A plain dict: a look at httpx's headers visits all of them.
                reply.status, reply.headers = response.status_code, dict(response.headers.items())
                await _read(response, reply)
        except tuple(kind for kind, _ in _FAILURES) as error:
            reply.failure = next(word for kind, word in _FAILURES if isinstance(error, kind))

    def _evidence(
        self, wanted: HttpRequest, correlation_id: str, started_at: datetime, reply: _RawReply
    ) -> HttpReply:
        ended_at, dialect = self._now(), self._dialect
        text, payload, readable = _decode(bytes(reply.body))
        found = dialect.faults(payload if readable else None, text, reply.status)
        failure = reply.failure
        if failure is None and not readable and not (found and (reply.status or 0) >= _ERROR):
            failure = calls.ANSWER_UNREADABLE
        call = Call(
            operation=wanted.operation,
            method=wanted.method,
            path=wanted.path,
            started_at=started_at,
            ended_at=ended_at,
            correlation_id=correlation_id,
            request=redaction.redact(wanted.content, wanted.secrets) if wanted.content else None,
            status=reply.status,
            response=self._shown(text, payload, wanted) if reply.status is not None else None,
            codes=tuple(fault.code for fault in found if fault.code),
            failure=failure,
            tokens_left=dialect.tokens_left(reply.headers),
            replenish_in=dialect.replenish_in(reply.headers, ended_at),
            faults=found,
            error_class=dialect.classify(reply.status, failure, found),
        )
        return HttpReply(call, payload, text)

    def _shown(self, text: str, payload: object, wanted: HttpRequest) -> str:
        own = self._dialect.own
        if own is not None and text and not own(payload):
            # A stranger at a wrong address may have answered: the store must not see its body.
            return f"[{len(text)} characters that are no answer of this system's]"
        return redaction.redact(text, wanted.secrets)


async def _read(response: httpx.Response, reply: _RawReply) -> None:
    # mutation: compressed-answer-unpacking
    async for chunk in pieces(response):
        reply.body += chunk
        if len(reply.body) > MAX_ANSWER_BYTES:
            reply.failure = calls.ANSWER_TOO_LARGE
            return


def _decode(body: bytes) -> tuple[str, object, bool]:
    """Return text, decoded JSON, and whether it could be read. An empty body decodes to None."""
    if not body.strip():
        return "", None, True
    try:
        text = body.decode("utf-8-sig")
        return text, _read_json(text), True
    except (ValueError, RecursionError):
        return body.decode("utf-8", "replace"), None, False
