"""Problem documents (RFC 9457), the form in which most paths answer a refusal."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from fastapi.responses import Response
from pydantic import BaseModel, Field
from starlette.types import Scope

from app.domain.errors import Problem
from app.web.problem_codes import title

MEDIA_TYPE = "application/problem+json"
# Errors in one document.
MOST = 50


class ErrorItem(BaseModel):
    """One error, with the JSON pointer (RFC 6901) of its field in the body.

    A parameter of the query or the header is a slash and its name; the whole request is empty.
    """

    pointer: str
    code: str
    message: str


class ProblemOut(BaseModel):
    """A problem document (RFC 9457): why a request was refused, for programs and for people."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    code: str
    request_id: str = Field(
        description="`X-Request-ID` of the answer: what the log says of this request has it."
    )
    errors: list[ErrorItem] = Field(default=[], max_length=MOST)
    more: bool = Field(
        default=False,
        description=f"true: there are more than {MOST} errors, and `errors` has the first {MOST}.",
    )


@dataclass(frozen=True, slots=True)
class Rejection:
    """A refused request, before it is rendered in the form of its path."""

    scope: Scope
    """The ASGI scope of the request."""
    status: int
    code: str
    """A key of CODES."""
    detail: str
    errors: Sequence[Problem] = ()
    """At most MOST."""
    more: bool = False
    """Whether there are more errors than these."""
    headers: Mapping[str, str] = field(default_factory=dict)


Renderer = Callable[[Rejection], Response]


def render(rejection: Rejection) -> Response:
    """Render a refusal as a problem document."""
    body: dict[str, Any] = {
        "type": f"/docs/problems#{rejection.code}",
        "title": title(rejection.status),
        "status": rejection.status,
        "detail": rejection.detail,
        "instance": rejection.scope["path"],
        "code": rejection.code,
        "request_id": rejection.scope.get("waybill.request_id", ""),
    }
    if rejection.errors:
        body["errors"] = [
            {"pointer": each.pointer, "code": each.code, "message": each.message}
            for each in rejection.errors
        ]
    if rejection.more:
        body["more"] = True
    content = json.dumps(body).encode()
    return Response(content, rejection.status, dict(rejection.headers), media_type=MEDIA_TYPE)
