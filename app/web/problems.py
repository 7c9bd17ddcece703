"""Exceptions as HTTP answers: one table from exception to handler, one from error to status.

The form of an answer is that of the request's path (`path_rules.py`).
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from http import HTTPStatus

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from app.domain.errors import (
    Busy,
    Conflict,
    Forbidden,
    Invalid,
    NotAvailable,
    OrderError,
    Problem,
    Stale,
    Unknown,
)
from app.web.path_rules import route_of, rule_of
from app.web.problem_codes import CODES
from app.web.problem_documents import MOST, Rejection
from app.web.schema_problems import problems_of

STATUSES: Mapping[type[OrderError], int] = {
    Invalid: 422,
    Conflict: 409,
    Unknown: 404,
    Forbidden: 403,
    NotAvailable: 503,
    Busy: 503,
    Stale: 503,
}
PROBLEM = "waybill.problem"
"""The key of the code of a refusal in the scope of its request."""
_BY_STATUS = {
    400: "bad_request",
    401: "unauthorized",
    403: "scope_missing",
    404: "not_found",
    405: "method_not_allowed",
    413: "body_too_large",
    415: "unsupported_media_type",
}
_log = structlog.get_logger(__name__)
_ABOUT_CONTENT = frozenset(
    {HTTPStatus.BAD_REQUEST, HTTPStatus.CONFLICT, HTTPStatus.UNPROCESSABLE_ENTITY}
)


class Unauthorized(Exception):
    """The request has no valid API key or signature. The message names which one."""


class TooManyAttempts(Exception):
    """The address of a request had too many wrong keys."""

    def __init__(self, retry_after: int) -> None:
        self.retry_after = retry_after
        """Seconds until it may try again."""
        super().__init__(CODES["too_many_attempts"].meaning)


class RateLimited(Exception):
    """The API key of a request made too many."""

    def __init__(self, retry_after: int) -> None:
        self.retry_after = retry_after
        """Seconds until it may make another."""
        super().__init__(CODES["rate_limited"].meaning)


def problem(
    request: Request,
    status: int,
    code: str,
    detail: str,
    *,
    errors: Sequence[Problem] = (),
    headers: Mapping[str, str] | None = None,
    cause: str | None = None,
) -> Response:
    """Refuse a request, in the form of its path. The first MOST errors are shown.

    A refused content has at least one error; without a field of its own it is about the whole body.
    cause: of a 503, for the log. None means that detail states it.
    """
    request.scope[PROBLEM] = code
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        # mutation: logged-503
        _log.warning(
            "not_available", code=code, cause=cause or detail, route=route_of(request.scope)
        )
    # mutation: refusal-with-a-pointer
    errors = errors or ([Problem(code, detail)] if status in _ABOUT_CONTENT else [])
    # mutation: problem-list-limit
    rejection = Rejection(
        request.scope,
        status,
        code,
        detail,
        errors=errors[:MOST],
        more=len(errors) > MOST,
        headers=headers or {},
    )
    return rule_of(request.scope).render(rejection)


def install(app: FastAPI) -> None:
    """Register the handlers of the exceptions that become refusals."""
    for kind, handler in _HANDLERS.items():
        app.add_exception_handler(kind, handler)


async def show(request: Request, error: Exception) -> Response | None:
    """The answer to an exception; None for one that no handler knows."""
    for kind, handler in _HANDLERS.items():
        if isinstance(error, kind):
            return await handler(request, error)
    return None


async def _domain(request: Request, error: Exception) -> Response:
    assert isinstance(error, OrderError)  # noqa: S101 - registered for it
    status = STATUSES[type(error)]
    headers, cause = {}, None
    if isinstance(error, NotAvailable):
        headers["Retry-After"] = str(error.retry_after)
        cause = error.cause
    elif error.code == "idempotency_in_progress":
        headers["Retry-After"] = "1"
    problems = error.problems
    return problem(
        request, status, error.code, str(error), errors=problems, headers=headers, cause=cause
    )


async def _unauthorized(request: Request, error: Exception) -> Response:
    headers = {"WWW-Authenticate": 'Bearer realm="waybill", OAuth realm="waybill"'}
    detail = str(error) or CODES["unauthorized"].meaning
    return problem(request, 401, "unauthorized", detail, headers=headers)


async def _too_many(request: Request, error: Exception) -> Response:
    assert isinstance(error, TooManyAttempts | RateLimited)  # noqa: S101 - registered for both
    code = "rate_limited" if isinstance(error, RateLimited) else "too_many_attempts"
    headers = {"Retry-After": str(error.retry_after)}
    return problem(request, 429, code, str(error), headers=headers)


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for it
    # One more than is shown, so that problem() sees that there are more.
    status, found = problems_of(error.errors()[: MOST + 1])
    first = found[0]
    shown = found if status == HTTPStatus.UNPROCESSABLE_ENTITY else ()
    return problem(request, status, first.code, first.message, errors=shown)


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for it
    code = _BY_STATUS.get(error.status_code, "bad_request")
    if error.status_code == HTTPStatus.BAD_REQUEST:
        # FastAPI raises it for a body that it cannot decode.
        code = "malformed_json"
    detail = CODES[code].meaning
    if error.status_code == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        # RequestMiddleware raises it with the limit that the body exceeds.
        detail = error.detail
    return problem(request, error.status_code, code, detail, headers=error.headers)


_HANDLERS: Mapping[type[Exception], Callable[[Request, Exception], Awaitable[Response]]] = {
    OrderError: _domain,
    Unauthorized: _unauthorized,
    TooManyAttempts: _too_many,
    RateLimited: _too_many,
    RequestValidationError: _invalid,
    HTTPException: _http,
}
