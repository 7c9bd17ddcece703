"""Fast path of `POST /v1/orders/{order_id}/shipments`, which skips FastAPI's dispatch.

FastAPI resolves the dependencies of a route for each request, a quarter of the processor time of an
accepted shipment (decisions 0017 and 0030). This middleware calls the endpoint itself for a plain
request: an id as Waybill writes it, no query, a bearer key, a JSON object that fits `ShipmentIn`.
It refuses nothing because of its form. Any other request goes to FastAPI, so the answers are the
same bytes on both paths.
"""

import json
import re
from uuid import UUID

from fastapi import Request, Response
from pydantic import ValidationError
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.storage.postgres.retry import again
from app.web import problems
from app.web.dependencies import WRITE
from app.web.v1.shipment_schemas import ShipmentIn
from app.web.v1.shipments import router, ship_order

_PATH = re.compile(r"/v1/orders/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})/shipments")
_BEARER = re.compile(r"Bearer ([\x21-\x7e]+)")
_JSON = frozenset({"application/json", "application/json; charset=utf-8"})
# The metrics name a request by the path of scope["route"].
_ROUTE = Route(router.prefix, ship_order, methods=["POST"])


class FastShipment:
    """ASGI middleware that answers plain requests to ship an order."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the request, or pass it to the app."""
        found = _PATH.fullmatch(scope["path"]) if scope["type"] == "http" else None
        # mutation: fast-path-query
        if not found or scope["method"] != "POST" or scope["query_string"]:
            await self._app(scope, receive, send)
            return
        scope["route"] = _ROUTE
        request, received = Request(scope, receive), list[bytes]()
        try:
            answer = await _answer(request, UUID(found[1]), received)
        except Exception as error:
            answer = await problems.show(request, error)
            if answer is None:
                raise
        await (answer or self._app)(scope, _replay(received, receive), send)


async def _answer(request: Request, order: UUID, received: list[bytes]) -> Response | None:
    """The endpoint's answer; None leaves the request to FastAPI. received gets the body."""
    bearer = _BEARER.fullmatch(request.headers.get("authorization", ""))
    if bearer is None or request.headers.get("content-type") not in _JSON:
        return None
    context = await WRITE.open(request, bearer[1])
    received.append(await request.body())
    try:
        # As FastAPI does it: model_validate_json() differs in corner cases.
        found = json.loads(received[0])
        body = ShipmentIn.model_validate(found)
    except (ValueError, RecursionError, ValidationError):
        return None
    return await again(lambda: ship_order(context, order, body))


def _replay(received: list[bytes], receive: Receive) -> Receive:
    """A receive that returns first the body that was received, then what follows it."""

    async def replayed() -> Message:
        # mutation: fast-path-body
        if received:
            return {"type": "http.request", "body": received.pop(), "more_body": False}
        return await receive()

    return replayed
