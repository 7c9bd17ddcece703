"""Middleware of every request: request id, body limits, response headers, metrics."""

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

from app import logs, tracing
from app.storage import audit
from app.tracing import Span, Work
from app.web import problems
from app.web.client_address import TrustedProxies
from app.web.path_rules import PathRule, PathRules, route_of, rule_of
from app.web.problem_codes import CODES
from app.web.refusals import Refusals
from app.web.request_rates import left_for

_REQUEST_ID = re.compile(r"[\x21-\x7e]{1,128}")
# 410 is that of a sign-in link that is used up or unknown.
_REFUSED = frozenset({401, 403, 410, 429})
_WRITES = frozenset({"POST", "PATCH", "PUT"})
_CHANGES = _WRITES | {"DELETE"}
_log = structlog.get_logger(__name__)
_PLAIN_CSP = "default-src 'none'; frame-ancestors 'none'"


class RequestObserver(Protocol):
    """Counts requests, for the metrics."""

    def request(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count an answered request. route is a path with its parameters in braces."""


@dataclass(slots=True)
class _Answered:
    """The answer to a request, as far as it is sent."""

    began: float
    """When the request came, by the clock of durations."""
    status: int = 500
    started: bool = False


class RequestMiddleware:
    """Middleware of every request. new_id makes the id of a request that has none."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        rules: PathRules,
        observer: RequestObserver,
        new_id: Callable[[], str],
        proxies: TrustedProxies,
        refusals: Refusals,
    ) -> None:
        self._app = app
        self._rules = rules
        self._observer = observer
        self._new_id = new_id
        self._proxies = proxies
        self._refusals = refusals

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        self._rules.assign(scope)
        sent = Headers(scope=scope)
        given = sent.get("x-request-id", "")
        request_id = given if _REQUEST_ID.fullmatch(given) else self._new_id()
        scope["waybill.request_id"] = request_id
        caller = tracing.valid_traceparent(sent.getlist("traceparent"))
        facts = {"method": scope["method"], "request_id": request_id}
        with tracing.span(Work.REQUEST, caller, **facts) as span:
            traceparent = span.traceparent or caller
            address = self._proxies.client(scope)
            origin = audit.origin.set(
                audit.Origin(None, address, request_id, traceparent=traceparent)
            )
            logs.now_about(request_id=request_id, trace_id=tracing.trace_id(traceparent))
            answered = _Answered(time.perf_counter())
            try:
                await self._answer(scope, receive, send, sent, answered)
            finally:
                self._observe(scope, answered, span)
                audit.origin.reset(origin)
                logs.about_nothing()

    async def _answer(
        self,
        scope: Scope,
        receive: Receive,
        send: Send,
        sent: Headers,
        answered: "_Answered",
    ) -> None:
        async def answer(message: Message) -> None:
            answered.started = True
            if message["type"] == "http.response.start":
                answered.status = message["status"]
                _add_headers(MutableHeaders(scope=message), scope["waybill.request_id"])
                left = left_for(scope)
                if left is not None:
                    message["headers"] += left
            await send(message)

        # mutation: interrupted-body
        try:
            await self._limited(scope, receive, answer, sent)
        except ClientDisconnect:
            # The connection closed before the end of the body: no answer can be sent.
            answered.status = 400
        except Exception:  # noqa: BLE001 - nothing outside of this answers the request
            # The caller gets a problem document, and the request id under which it is logged.
            _log.exception("request_failed", route=route_of(scope))
            if not answered.started:
                await _refuse(scope, receive, answer, "internal_error")

    def _observe(self, scope: Scope, answered: "_Answered", span: Span) -> None:
        """Count a request, and log it if it may have changed something; at debug any."""
        route = route_of(scope)
        seconds = time.perf_counter() - answered.began
        method, status = scope["method"], answered.status
        # A key that made too many requests was let in.
        if status in _REFUSED and scope.get(problems.PROBLEM) != "rate_limited":
            self._refusals.count(scope, audit.origin.get())
        span.note(route=route, status=status)
        if span.traceparent is not None:
            span.note(**logs.ids())
        self._observer.request(method, route, status, seconds)
        log = _log.info if method in _CHANGES else _log.debug
        # mutation: answered-in-log
        log(
            "answered",
            method=method,
            route=route,
            status=status,
            seconds=round(seconds, 4),
        )

    async def _limited(self, scope: Scope, receive: Receive, send: Send, headers: Headers) -> None:
        rule = rule_of(scope)
        refused = _refusal(scope, headers, rule)
        if refused is not None:
            await _refuse(scope, receive, send, refused)
            return
        seen, names, limit = 0, 0, rule.limit

        async def counted() -> Message:
            nonlocal seen, names
            message = await receive()
            body = message.get("body", b"")
            seen += len(body)
            if limit.names is not None:
                # Each name in JSON has a colon, and counting them is cheaper than decoding.
                # mutation: name-count-limit
                names += body.count(b":")
            if seen > limit.size or names > (limit.names or names):
                # The only exception that FastAPI passes on while it reads a body.
                raise HTTPException(413, limit.sentence)
            return message

        await self._app(scope, counted, send)


def _refusal(scope: Scope, headers: Headers, rule: PathRule) -> str | None:
    """The code of a problem that path and headers show, before a body is read."""
    # PostgreSQL stores no NUL. Other bytes that are not UTF-8 are replaced.
    if "\x00" in scope["path"]:
        return "not_found"
    if b"%00" in scope["query_string"]:
        return "invalid"
    length = headers.get("content-length", "0")
    if length.isdecimal() and int(length) > rule.limit.size:
        return "body_too_large"
    has_body = length != "0" or "transfer-encoding" in headers
    if scope["method"] in _WRITES and has_body:
        media_type = headers.get("content-type", "").partition(";")[0].strip().lower()
        if not rule.accepts(media_type):
            return "unsupported_media_type"
    return None


async def _refuse(scope: Scope, receive: Receive, send: Send, code: str) -> None:
    status, detail = CODES[code]
    if code == "invalid":
        detail = "NUL characters are not allowed in a query."
    elif code == "body_too_large":
        detail = rule_of(scope).limit.sentence
    elif code == "unsupported_media_type":
        detail = rule_of(scope).media_sentence
    headers = {"connection": "close"}
    answer = problems.problem(Request(scope), status, code, detail, headers=headers)
    await answer(scope, receive, send)


def _add_headers(headers: MutableHeaders, request_id: str) -> None:
    headers["X-Request-ID"] = request_id
    headers["X-Content-Type-Options"] = "nosniff"
    headers.setdefault("Referrer-Policy", "no-referrer")
    headers.setdefault("Cache-Control", "no-store")
    headers.setdefault("Content-Security-Policy", _PLAIN_CSP)
