"""Refusals in the form of Commerce's REST API: {message, parameters, errors, code, trace}.

Commerce answers 400 to every request that it cannot carry out, for its content or for the state of
the order, and its clients expect that (Adobe, "Web API response"). `error_code` is Waybill's code.
"""

import json
from http import HTTPStatus

from fastapi.responses import Response

from app.web.problem_documents import Rejection

_BAD_REQUEST = frozenset({HTTPStatus.CONFLICT, HTTPStatus.UNPROCESSABLE_ENTITY})


def render(rejection: Rejection) -> Response:
    """Render a refusal as Commerce's error body.

    Its form has no field for `more`, so the last error states it.
    """
    errors, status = rejection.errors, rejection.status
    status = HTTPStatus.BAD_REQUEST if status in _BAD_REQUEST else status
    others = [{"message": each.message, "parameters": [each.pointer]} for each in errors[1:]]
    # mutation: commerce-error-list-truncation
    if rejection.more:
        text = f"More than {len(errors)} errors; these are the first."
        others.append({"message": text, "parameters": []})
    body = {
        "message": rejection.detail,
        "errors": others,
        "code": int(status),
        "parameters": [],
        "trace": None,
        "error_code": rejection.code,
    }
    content = json.dumps(body).encode()
    return Response(content, status, dict(rejection.headers), media_type="application/json")
