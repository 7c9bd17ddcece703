"""Refusals as Commerce words them: {message, parameters, errors, code, trace}.

Commerce answers 400 to whatever cannot be done as asked, state or content, and its clients go by
that (Adobe, "Web API response"). The stable code and the request's id stand beside it.
"""

import json
from collections.abc import Mapping, Sequence
from http import HTTPStatus

from fastapi.responses import Response

from app.domain.errors import Problem

PREFIX = "/rest/"
_BAD_REQUEST = frozenset({HTTPStatus.CONFLICT, HTTPStatus.UNPROCESSABLE_ENTITY})


def refusal(
    status: int,
    code: str,
    message: str,
    *,
    errors: Sequence[Problem] = (),
    more: bool = False,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Answer with Commerce's error body.

    more: errors has the first things that are wrong only. Commerce's shape has no field for that,
    so the last of its errors says it.
    """
    status = HTTPStatus.BAD_REQUEST if status in _BAD_REQUEST else status
    others = [{"message": each.message, "parameters": [each.pointer]} for each in errors[1:]]
    if more:
        text = f"More than {len(errors)} things are wrong; these are the first of them."
        others.append({"message": text, "parameters": []})
    body = {
        "message": message,
        "errors": others,
        "code": int(status),
        "parameters": [],
        "trace": None,
        "error_code": code,
    }
    content = json.dumps(body).encode()
    return Response(content, status, headers=dict(headers or {}), media_type="application/json")
