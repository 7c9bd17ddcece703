"""Walmart's endpoints: admit a call, choose its fault, do its work, answer."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from app.simulator import admin, gateway, operations, page, shop_routes
from app.simulator.accounts import TOKEN_SECONDS
from app.simulator.edge import KnownCallers
from app.simulator.errors import (
    ORDERS,
    BadInput,
    Refusal,
    order_error,
)
from app.simulator.ledger import ReceivedCall
from app.simulator.misbehaviour import CallWork, CutConnection, Misbehaviour
from app.simulator.world import World

Endpoint = Callable[[Request], Awaitable[Response]]
Enter = Callable[[World, Request, ReceivedCall], Mapping[str, str]]
Prepare = Callable[[World, Request, ReceivedCall, bytes], CallWork]
"""Returns the work of a call; raises Refusal."""


def create_app(
    *,
    now: Callable[[], int] = time.time_ns,
    monotonic: Callable[[], int] = time.monotonic_ns,
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    seed: int = 0,
    open_accounts: bool = True,
    token_seconds: int = TOKEN_SECONDS,
    names: Iterable[str] = (),
) -> Starlette:
    """Create a simulator with a state of its own, in memory.

    now and monotonic return nanoseconds. seed makes faults with a probability repeatable. With
    open_accounts any client id has an account, and any secret but "wrong" opens it; otherwise
    POST /simulator/accounts creates accounts. names: see `edge.py`. The event state.closing ends
    calls without an answer.
    """
    world = World(now, monotonic, seed, open_accounts, token_seconds)
    misbehaviour = Misbehaviour(lambda: now() // 1_000_000, sleep)
    endpoint = _Walmart(world, misbehaviour).endpoint
    routes = [
        endpoint(
            "POST", "/v3/token", "token", operations.grant_token, enter=gateway.enter_for_token
        ),
        endpoint("GET", "/v3/token/detail", "token_detail", operations.describe_token),
        endpoint("GET", "/v3/orders", "list", operations.list_orders),
        endpoint("GET", "/v3/orders/released", "released", operations.list_orders),
        endpoint("GET", "/v3/orders/{po}", "read", operations.read_order),
        *(
            endpoint("POST", f"/v3/orders/{{po}}/{name}", operation, operations.change_order)
            for name, operation in operations.ORDER_PATHS.items()
        ),
        endpoint("GET", "/v3/inventory", "inventory_read", operations.read_stock),
        endpoint("PUT", "/v3/inventory", "inventory", operations.put_stock),
        endpoint("GET", "/v3/webhooks/eventTypes", "webhooks", operations.list_event_types),
        endpoint("GET", "/v3/webhooks/subscriptions", "webhooks", operations.list_subscriptions),
        endpoint("POST", "/v3/webhooks/subscriptions", "webhooks", operations.subscribe),
        endpoint("DELETE", "/v3/webhooks/subscriptions/{id}", "webhooks", operations.unsubscribe),
        endpoint("GET", "/v3/returns", "returns", operations.list_returns),
        endpoint("POST", "/v3/returns/{rma}/refund", "refund", operations.refund_return),
        *shop_routes.routes(endpoint),
        Route("/", page.handler(world, misbehaviour)),
        *admin.routes(world, misbehaviour),
    ]
    handlers = {BadInput: _unfit, HTTPException: _no_such_route}
    edge = [Middleware(KnownCallers, names=tuple(names))]
    app = Starlette(routes=routes, exception_handlers=handlers, middleware=edge)
    app.state.closing = misbehaviour.closing
    return app


class _Walmart:
    """Creates the endpoints; they differ only in what they do."""

    def __init__(self, world: World, misbehaviour: Misbehaviour) -> None:
        self._world, self._misbehaviour = world, misbehaviour

    def endpoint(
        self,
        method: str,
        path: str,
        operation: str,
        prepare: Prepare,
        *,
        enter: Enter = gateway.enter,
    ) -> Route:
        """Create the route of an operation. enter admits a call, prepare returns its work."""

        async def answer(request: Request) -> Response:
            call = self._hear(request, operation)
            headers: Mapping[str, str] = {}
            try:
                headers = enter(self._world, request, call)
                work = prepare(self._world, request, call, await request.body())
                response = await self._answer(request, call, work)
            except Refusal as refusal:
                response = _refused(refusal)
            except ClientDisconnect:
                response = CutConnection()
            for name, value in headers.items():
                response.headers.setdefault(name, value)
            if not isinstance(response, CutConnection):
                call.status = response.status_code
            return response

        return Route(path, answer, methods=[method])

    async def _answer(self, request: Request, call: ReceivedCall, work: CallWork) -> Response:
        fault = self._world.faults.take(call.operation, call.client_id, call.purchase_order_id)
        if fault is None:
            return JSONResponse(work.do())
        call.fault = fault.kind
        return await self._misbehaviour.answer(fault, request, call, work)

    def _hear(self, request: Request, operation: str) -> ReceivedCall:
        code: str | None = request.path_params.get("store_code")
        if code is not None:
            client_id = code
        elif operation == "token":
            client_id = gateway.credentials(request)[0]
        else:
            owner = self._world.accounts.owner(gateway.access_token(request))
            client_id = gateway.in_market(owner, request)
        po: str | None = request.path_params.get("po")
        correlation_id = request.headers.get("wm_qos.correlation_id", "")
        return self._world.ledger.record_call(operation, client_id, po, correlation_id)


def _refused(refusal: Refusal) -> Response:
    if refusal.body is None:
        return PlainTextResponse("Bad Request", refusal.status, refusal.headers)
    return JSONResponse(refusal.body, refusal.status, refusal.headers)


async def _unfit(_: Request, error: Exception) -> Response:
    return JSONResponse({"error": str(error)}, getattr(error, "status", 400))


async def _no_such_route(_: Request, error: Exception) -> Response:
    """Answer an unknown path or method as Walmart does."""
    status = getattr(error, "status_code", 404)
    code = "METHOD_NOT_ALLOWED" if status == 405 else "URI_NOT_FOUND"  # noqa: PLR2004 - of HTTP
    refusal = order_error(status, f"{code}.{ORDERS}", str(getattr(error, "detail", error)))
    return JSONResponse(refusal.body, status, getattr(error, "headers", None))
