"""Refusals in the form of Commerce's REST API: {message, parameters, errors, code, trace}.

`errors` has every error, as Commerce has where there are several; `message` and `parameters` are
those of the first, as Commerce has where there is one (lib/internal/Magento/Framework of
magento/magento2: addError() of Exception/AbstractAggregateException.php, _renderMessages() of
Webapi/Rest/Response.php). The parameter is the JSON pointer of the field.

Commerce answers 400 to every request that it cannot carry out, for its content or for the state of
the order, and its clients expect that (Adobe, "Web API response"). `error_code` is Waybill's code,
`request_id` the one of the answer's X-Request-ID.
"""

import functools
import json
from collections.abc import Callable, Sized
from dataclasses import replace
from http import HTTPStatus
from typing import Any

from fastapi.responses import Response

from app.domain.errors import Conflict, Invalid, Problem
from app.web.problem_documents import Rejection
from app.web.route import Endpoint

# Fields of Waybill's requests, and the fields of Commerce's bodies that they are read from.
_OF_ITEM = {"quantity": "qty", "commerce_item_id": "order_item_id"}
_OF_TRACK = {
    "tracking_number": "track_number",
    "carrier_code": "carrier_code",
    "carrier_title": "title",
    # Commerce has no field for it: it is needed because of the carrier.
    "tracking_url": "carrier_code",
}
_BAD_REQUEST = frozenset({HTTPStatus.CONFLICT, HTTPStatus.UNPROCESSABLE_ENTITY})


def render(rejection: Rejection) -> Response:
    """Render a refusal as Commerce's error body.

    Its form has no field for `more`, so the last error states it.
    """
    errors, status = rejection.errors, rejection.status
    status = HTTPStatus.BAD_REQUEST if status in _BAD_REQUEST else status
    # mutation: commerce-field-of-first-error
    shown = [{"message": each.message, "parameters": _parameters(each)} for each in errors]
    # mutation: commerce-error-list-truncation
    if rejection.more:
        text = f"More than {len(errors)} errors; these are the first."
        shown.append({"message": text, "parameters": []})
    body = {
        "message": rejection.detail,
        "errors": shown,
        "code": int(status),
        "parameters": _parameters(errors[0]) if errors else [],
        "trace": None,
        "error_code": rejection.code,
        "request_id": rejection.scope.get("waybill.request_id", ""),
    }
    content = json.dumps(body).encode()
    return Response(content, status, dict(rejection.headers), media_type="application/json")


def in_fields_of_commerce(within: str = "") -> Callable[[Endpoint], Endpoint]:
    """Let refusals of an endpoint point to the fields of its body, instead of Waybill's own.

    within: the field of the body that has the shipment, track or credit memo. Empty means that the
    body is that.
    """

    def decorate(endpoint: Endpoint) -> Endpoint:
        @functools.wraps(endpoint)
        async def run(**values: Any) -> Response:  # noqa: ANN401 - FastAPI's own values
            try:
                return await endpoint(**values)
            except (Conflict, Invalid) as error:
                entity = getattr(values["body"], within) if within else values["body"]
                named = [_renamed(each, entity, within) for each in error.problems]
                raise type(error)(error.code, str(error), named) from error

        return run

    return decorate


def _renamed(problem: Problem, entity: object, within: str) -> Problem:
    base = f"/{within}" if within else ""
    if not problem.pointer or (base and problem.pointer.startswith(f"{base}/")):
        return problem
    above, _, name = problem.pointer.rpartition("/")
    if above:
        pointer = f"{above}/{_OF_ITEM.get(name, name)}"
    elif name in _OF_TRACK:
        pointer = _of_track(_OF_TRACK[name], getattr(entity, "tracks", None))
    else:
        pointer = problem.pointer
    # mutation: commerce-field-within-entity
    return replace(problem, pointer=f"{base}{pointer}")


def _of_track(field: str, tracks: Sized | None) -> str:
    """The pointer to a field of a track. tracks: None means that the body is the track."""
    if tracks is None:
        return f"/{field}"
    # A refusal does not say which of several packages it is about.
    return f"/tracks/0/{field}" if len(tracks) == 1 else "/tracks"


def _parameters(problem: Problem) -> list[str]:
    return [problem.pointer] if problem.pointer else []
