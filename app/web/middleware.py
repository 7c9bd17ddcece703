"""What every request goes through: an id, a limit on its body, headers, a count."""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.web import problems
from app.web.problem_codes import CODES


@dataclass(frozen=True, slots=True)
class Limit:
    """What a body may hold: bytes, and values with a name where it is read as JSON by a schema.

    Each such value can be a fault of its own, and is one where its name is unknown.
    """

    size: int
    names: int | None = None

    @property
    def sentence(self) -> str:
        """The limit for a person."""
        size = f"{self.size // MIB} MiB" if self.size >= MIB else f"{self.size // 1024} KiB"
        names = f" and {self.names:,} named values" if self.names else ""
        return f"A body has at most {size}{names} at this address. Split the request."


MIB = 1024 * 1024
USUAL = Limit(MIB // 4, 5_000)
# Orders of 1,000 lines, and stock levels.
MANY = Limit(MIB, 20_000)
# What other systems send has their measure, and no schema of ours.
HOOK = Limit(MIB)
# Files of many rows.
FILE = Limit(16 * MIB)
_FILES = frozenset({"/v1/shipments/bulk", "/v1/cancellations/bulk"})
_MANY = re.compile(r"/v1/(?:orders|stores/[^/]+/inventory)")
_HOOKS = "/webhooks/"
_FILE_TYPES = frozenset({"text/csv", "application/x-ndjson", "application/jsonl"})
_REQUEST_ID = re.compile(r"[\x21-\x7e]{1,128}")
_WRITES = frozenset({"POST", "PATCH", "PUT"})
_log = structlog.get_logger(__name__)
_PLAIN_CSP = "default-src 'none'; frame-ancestors 'none'"


class RequestObserver(Protocol):
    """Who counts requests: metrics."""

    def request(self, method: str, route: str, status: int, seconds: float) -> None:
        """A request was answered."""


class RequestMiddleware:
    """Wraps the app. new_id makes a request id where the caller gave none."""

    def __init__(
        self, app: ASGIApp, *, observer: RequestObserver, new_id: Callable[[], str]
    ) -> None:
        self._app = app
        self._observer = observer
        self._new_id = new_id

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        given = headers.get("x-request-id", "")
        request_id = given if _REQUEST_ID.fullmatch(given) else self._new_id()
        structlog.contextvars.bind_contextvars(request_id=request_id)
        began, status, started = time.perf_counter(), 500, False

        async def answer(message: Message) -> None:
            nonlocal status, started
            started = True
            if message["type"] == "http.response.start":
                status = message["status"]
                _add_headers(MutableHeaders(scope=message), request_id)
            await send(message)

        try:
            await self._limited(scope, receive, answer, headers)
        except ClientDisconnect:
            # The body broke off, and there is no one to answer.
            status = 400
        except Exception:  # noqa: BLE001 - the outermost place where one can be told
            # Whatever it was, the caller gets a problem document with the id to ask about.
            _log.exception("request_failed", path=scope["path"])
            if not started:
                await _refuse(scope, receive, answer, "internal_error")
        finally:
            structlog.contextvars.unbind_contextvars("request_id")
            route = getattr(scope.get("route"), "path", "unknown")
            seconds = time.perf_counter() - began
            self._observer.request(scope["method"], route, status, seconds)

    async def _limited(self, scope: Scope, receive: Receive, send: Send, headers: Headers) -> None:
        refused = _refusal(scope, headers)
        if refused is not None:
            await _refuse(scope, receive, send, refused)
            return
        seen, names, limit = 0, 0, limit_of(scope)

        async def counted() -> Message:
            nonlocal seen, names
            message = await receive()
            body = message.get("body", b"")
            seen += len(body)
            if limit.names is not None:
                # Each name in JSON has a colon; looking for them costs less than decoding.
                names += body.count(b":")
            if seen > limit.size or names > (limit.names or names):
                # FastAPI lets this one through while it reads a body, and no other.
                raise HTTPException(413, limit.sentence)
            return message

        await self._app(scope, counted, send)


def _refusal(scope: Scope, headers: Headers) -> str | None:
    # No database takes a NUL, and no client means one. Other bytes that are no text are replaced.
    if "\x00" in scope["path"]:
        return "not_found"
    if b"%00" in scope["query_string"]:
        return "invalid"
    length = headers.get("content-length", "0")
    if length.isdecimal() and int(length) > limit_of(scope).size:
        return "body_too_large"
    has_body = length != "0" or "transfer-encoding" in headers
    if scope["method"] in _WRITES and has_body:
        kind = headers.get("content-type", "").partition(";")[0].strip().lower()
        if scope["path"] in _FILES:
            return None if kind in _FILE_TYPES else "unsupported_media_type"
        if kind != "application/json" and not kind.endswith("+json"):
            return "unsupported_media_type"
    return None


def limit_of(scope: Scope) -> Limit:
    """What a body may hold at an address."""
    path: str = scope["path"]
    if path in _FILES:
        return FILE
    if path.startswith(_HOOKS):
        return HOOK
    return MANY if _MANY.fullmatch(path) else USUAL


async def _refuse(scope: Scope, receive: Receive, send: Send, code: str) -> None:
    status, meaning = CODES[code]
    headers = {"connection": "close"}
    detail = meaning
    if code == "invalid":
        detail = "NUL characters are not allowed in a query."
    elif code == "body_too_large":
        detail = limit_of(scope).sentence
    answer = problems.problem(Request(scope), status, code, detail, headers=headers)
    await answer(scope, receive, send)


def _add_headers(headers: MutableHeaders, request_id: str) -> None:
    headers["X-Request-ID"] = request_id
    headers["X-Content-Type-Options"] = "nosniff"
    headers.setdefault("Referrer-Policy", "no-referrer")
    headers.setdefault("Cache-Control", "no-store")
    headers.setdefault("Content-Security-Policy", _PLAIN_CSP)
