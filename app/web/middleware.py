"""What every request goes through: an id, a limit on its body, headers, a count."""

import re
import time
from collections.abc import Callable
from typing import Protocol

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.web import problems
from app.web.codes import CODES

MAX_BODY = 1024 * 1024
# Files of many rows.
MAX_FILE = 16 * MAX_BODY
_FILES = frozenset({"/v1/shipments/bulk", "/v1/cancellations/bulk"})
_FILE_TYPES = frozenset({"text/csv", "application/x-ndjson", "application/jsonl"})
_REQUEST_ID = re.compile(r"[\x21-\x7e]{1,128}")
_WRITES = frozenset({"POST", "PATCH", "PUT"})
_log = structlog.get_logger(__name__)
_PLAIN_CSP = "default-src 'none'; frame-ancestors 'none'"


class RequestObserver(Protocol):
    """Who counts requests: metrics."""

    def request(self, method: str, route: str, status: int, seconds: float) -> None:
        """A request was answered."""


class Edge:
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
        seen, most = 0, _most(scope)

        async def counted() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > most:
                # FastAPI lets this one through while it reads a body, and no other.
                raise HTTPException(413)
            return message

        await self._app(scope, counted, send)


def _refusal(scope: Scope, headers: Headers) -> str | None:
    # No database takes a NUL, and no client means one. Other bytes that are no text are replaced.
    if "\x00" in scope["path"]:
        return "not_found"
    if b"%00" in scope["query_string"]:
        return "invalid"
    length = headers.get("content-length", "0")
    if length.isdecimal() and int(length) > _most(scope):
        return "body_too_large"
    has_body = length != "0" or "transfer-encoding" in headers
    if scope["method"] in _WRITES and has_body:
        kind = headers.get("content-type", "").partition(";")[0].strip().lower()
        if scope["path"] in _FILES:
            return None if kind in _FILE_TYPES else "unsupported_media_type"
        if kind != "application/json" and not kind.endswith("+json"):
            return "unsupported_media_type"
    return None


def _most(scope: Scope) -> int:
    return MAX_FILE if scope["path"] in _FILES else MAX_BODY


async def _refuse(scope: Scope, receive: Receive, send: Send, code: str) -> None:
    status, meaning = CODES[code]
    headers = {"connection": "close"}
    detail = "NUL characters are not allowed in a query." if code == "invalid" else meaning
    answer = problems.problem(Request(scope), status, code, detail, headers=headers)
    await answer(scope, receive, send)


def _add_headers(headers: MutableHeaders, request_id: str) -> None:
    headers["X-Request-ID"] = request_id
    headers["X-Content-Type-Options"] = "nosniff"
    headers.setdefault("Referrer-Policy", "no-referrer")
    headers.setdefault("Cache-Control", "no-store")
    headers.setdefault("Content-Security-Policy", _PLAIN_CSP)
