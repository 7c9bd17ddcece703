"""Every refusal as a problem document (RFC 9457), out of one table from errors to statuses."""

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from pydantic import BaseModel, Field
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
from app.web.commerce import problems as commerce_errors
from app.web.problem_codes import CODES, title

_BY_FIELD = {
    "quantity": "invalid_quantity",
    "tracking_number": "tracking_number_invalid",
    "tracking_url": "tracking_url_invalid",
    "method_code": "method_code_invalid",
    "reason": "reason_invalid",
}
# Characters of a field's name: a client may send any, and has it repeated.
_SHOWN = 100
_MISSING = {"tracking_number": "tracking_number_required", "reason": "reason_required"}


def problems_of(errors: Sequence[Any]) -> tuple[int, list[Problem]]:
    """The status and the problems for a request that does not fit its schema."""
    if any(error["type"] == "json_invalid" for error in errors):
        return 400, [Problem("malformed_json", "The body is not JSON in UTF-8.")]
    if any(error["loc"][:1] == ("path",) for error in errors):
        name = next(str(e["loc"][1]) for e in errors if e["loc"][:1] == ("path",))
        what = name.removesuffix("_id")
        return 404, [Problem(f"{what}_not_found", f"There is no such {what}.")]
    return 422, [_problem(error) for error in errors]


def _problem(error: Mapping[str, Any]) -> Problem:
    place, *names = (str(name)[:_SHOWN] for name in error["loc"])
    field = names[-1] if names else ""
    pointer = "".join(f"/{_escaped(name)}" for name in names) if place == "body" else ""
    code, message = _code(error, field), _message(error)
    if place == "query":
        message = f"{field}: {message}"
    elif place == "header":
        code, message = "idempotency_key_invalid", f"Idempotency-Key: {message}"
    return Problem(code, message, pointer)


def _code(error: Mapping[str, Any], field: str) -> str:
    # A validator of ours names its code itself.
    named = (error.get("ctx") or {}).get("code")
    if named:
        return str(named)
    if error["type"] == "missing":
        return _MISSING.get(field, "required")
    if error["type"] == "extra_forbidden":
        return "unknown_field"
    return _BY_FIELD.get(field, "invalid")


def _message(error: Mapping[str, Any]) -> str:
    text = str(error["msg"]).removeprefix("Value error, ")
    return text[:1].upper() + text[1:] + ("" if text.endswith(".") else ".")


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")


MEDIA_TYPE = "application/problem+json"
# Problems in one document.
MOST = 50
STATUSES: Mapping[type[OrderError], int] = {
    Invalid: 422,
    Conflict: 409,
    Unknown: 404,
    Forbidden: 403,
    NotAvailable: 503,
    Busy: 503,
    Stale: 503,
}
_BY_STATUS = {
    400: "bad_request",
    401: "unauthorized",
    403: "scope_missing",
    404: "not_found",
    405: "method_not_allowed",
    413: "body_too_large",
    415: "unsupported_media_type",
}


class Unauthorized(Exception):
    """No valid API key came with the request, or no valid signature; the message says which."""


class ErrorItem(BaseModel):
    """One thing that is wrong, with the JSON pointer (RFC 6901) of its field."""

    pointer: str
    code: str
    message: str


class ProblemOut(BaseModel):
    """A problem document (RFC 9457): why nothing was done, for a program and for a person."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    code: str
    errors: list[ErrorItem] = Field(default=[], max_length=MOST)
    more: bool = Field(
        default=False,
        description=f"true: more than {MOST} things are wrong, and errors has the first of them.",
    )


def problem(
    request: Request,
    status: int,
    code: str,
    detail: str,
    *,
    errors: Sequence[Problem] = (),
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Answer with a problem document; on Commerce's doors in Commerce's shape."""
    path, shown, more = request.scope["path"], errors[:MOST], len(errors) > MOST
    if path.startswith(commerce_errors.PREFIX):
        return commerce_errors.refusal(
            status, code, detail, errors=shown, more=more, headers=headers
        )
    body: dict[str, Any] = {
        "type": f"/docs/problems#{code}",
        "title": title(status),
        "status": status,
        "detail": detail,
        "instance": path,
        "code": code,
    }
    items = [{"pointer": e.pointer, "code": e.code, "message": e.message} for e in shown]
    if items:
        body["errors"] = items
    if more:
        body["more"] = True
    content = json.dumps(body).encode()
    return Response(content, status, headers=dict(headers or {}), media_type=MEDIA_TYPE)


def install(app: FastAPI) -> None:
    """Let every error of the app become a problem document."""
    for kind, tell in _TOLD.items():
        app.add_exception_handler(kind, tell)


async def show(request: Request, error: Exception) -> Response | None:
    """The answer that an error becomes; None for a fault of ours."""
    for kind, tell in _TOLD.items():
        if isinstance(error, kind):
            return await tell(request, error)
    return None


async def _domain(request: Request, error: Exception) -> Response:
    assert isinstance(error, OrderError)  # noqa: S101 - registered for it
    status = STATUSES[type(error)]
    headers = {}
    if isinstance(error, NotAvailable):
        headers["Retry-After"] = str(error.retry_after)
    elif error.code == "idempotency_in_progress":
        headers["Retry-After"] = "1"
    return problem(request, status, error.code, str(error), errors=error.problems, headers=headers)


async def _unauthorized(request: Request, error: Exception) -> Response:
    headers = {"WWW-Authenticate": 'Bearer realm="waybill"'}
    detail = str(error) or CODES["unauthorized"].meaning
    return problem(request, 401, "unauthorized", detail, headers=headers)


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for it
    # One more than are shown says that there are more.
    status, found = problems_of(error.errors()[: MOST + 1])
    first = found[0]
    return problem(
        request,
        status,
        first.code,
        first.message,
        errors=found if status == HTTPStatus.UNPROCESSABLE_ENTITY else (),
    )


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for it
    code = _BY_STATUS.get(error.status_code, "bad_request")
    if error.status_code == HTTPStatus.BAD_REQUEST:
        # FastAPI answers so to a body that it cannot decode.
        code = "malformed_json"
    detail = CODES[code].meaning
    if error.status_code == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        # The edge says which limit the body is over.
        detail = error.detail
    return problem(request, error.status_code, code, detail, headers=error.headers)


_TOLD: Mapping[type[Exception], Callable[[Request, Exception], Awaitable[Response]]] = {
    OrderError: _domain,
    Unauthorized: _unauthorized,
    RequestValidationError: _invalid,
    HTTPException: _http,
}
