"""Routes and routers of Commerce's operations: their query parameters are Magento's.

Magento ignores query parameters that it does not know, and trims the answer of every method by
`fields` (Webapi/Controller/Rest/SynchronousRequestProcessor.php: an answer that is an array; a
number or boolean stays as it is).
"""

import json
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from pydantic import BaseModel

from app.web.commerce import response_fields
from app.web.route import Endpoint, Operation, OperationRouter


class CommerceOperation(Operation):
    """A route under /rest. Its answer has the fields that the request wants."""

    # mutation: unknown-parameters-of-commerce
    any_parameters = True

    def __init__(self, path: str, endpoint: Endpoint, **more: Any) -> None:  # noqa: ANN401 - passed to FastAPI
        if _is_object(more.get("response_model")):
            extra = more.get("openapi_extra") or {}
            declared = [*extra.get("parameters", ()), response_fields.PARAMETER]
            more["openapi_extra"] = {**extra, "parameters": declared}
        super().__init__(path, endpoint, **more)

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler, which raises Invalid fields_invalid before it does anything."""
        handle = super().get_route_handler()

        async def handle_fields(request: Request) -> Response:
            text = request.query_params.get("fields")
            # mutation: commerce-response-fields
            if not text:
                return await handle(request)
            wanted = response_fields.parsed(text)
            return _trimmed(await handle(request), wanted)

        return handle_fields if _is_object(self.response_model) else handle


class CommerceRouter(OperationRouter):
    """A router of operations under /rest."""

    operation = CommerceOperation


def _is_object(model: object) -> bool:
    return isinstance(model, type) and issubclass(model, BaseModel)


def _trimmed(response: Response, wanted: response_fields.Wanted) -> Response:
    body = response_fields.trimmed(json.loads(bytes(response.body)), wanted)
    headers = {name: value for name, value in response.headers.items() if name != "content-length"}
    return Response(json.dumps(body), response.status_code, headers)
