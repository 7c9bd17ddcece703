"""Walmart's endpoints: who calls, what fault they meet, what takes effect, what is answered."""

import time
from collections.abc import Awaitable, Callable

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from app.simulator import admin, listing, misbehaviour, page, rules
from app.simulator.buckets import Buckets
from app.simulator.errors import ORDERS, Refusal, gateway_error, order_error
from app.simulator.faults import Fault, Faults
from app.simulator.misbehaviour import Deed
from app.simulator.orders import Order, as_walmart
from app.simulator.world import TOKEN_SECONDS, World

_WRONG_SECRET = "wrong"  # noqa: S105 - the one secret that is never accepted
_UNSUPPORTED = 500
Endpoint = Callable[[Request], Awaitable[Response]]


def create_app(*, now_ns: Callable[[], int] = time.time_ns, seed: int = 0) -> Starlette:
    """Make a Walmart of its own.

    Any client id and secret has an account, but for the secret "wrong". seed makes faults
    with a probability repeatable.
    """
    world = World(now_ns=now_ns, faults=Faults(seed), buckets=Buckets(now_ns))
    routes = [
        Route("/", page.handler(world)),
        Route("/v3/token", _token(world), methods=["POST"]),
        Route("/v3/token/detail", _token_detail(world), methods=["GET"]),
        Route("/v3/orders", _list(world, "list"), methods=["GET"]),
        Route("/v3/orders/released", _list(world, "released"), methods=["GET"]),
        Route("/v3/orders/{po}", _order(world, "read"), methods=["GET"]),
        *(
            Route(f"/v3/orders/{{po}}/{operation}", _order(world, operation), methods=["POST"])
            for operation in ("acknowledge", "shipping", "cancel")
        ),
        *admin.routes(world),
    ]
    return Starlette(routes=routes, exception_handlers={Refusal: _refused})


async def _refused(_: Request, refusal: Exception) -> Response:
    if not isinstance(refusal, Refusal):
        raise refusal
    return JSONResponse(refusal.body, refusal.status, refusal.headers)


def _token(world: World) -> Endpoint:
    async def endpoint(request: Request) -> Response:
        client_id, secret = misbehaviour.basic(request)
        _note(world, request, "token", client_id, None)
        fault = world.faults.take("token", client_id, None)
        if fault is not None:
            answered = await misbehaviour.before(fault, request, lambda: None)
            if answered is not None:
                return answered
        if not client_id or secret == _WRONG_SECRET:
            raise gateway_error(401, "UNAUTHORIZED", "Client ID or secret is wrong")
        granted = {
            "access_token": world.grant(client_id),
            "token_type": "Bearer",
            "expires_in": TOKEN_SECONDS,
        }
        return JSONResponse(granted)

    return endpoint


def _token_detail(world: World) -> Endpoint:
    async def endpoint(request: Request) -> Response:
        token = request.headers.get("wm_sec.access_token")
        world.account(token)
        until = world.tokens[token or ""][1]
        return JSONResponse(
            {
                "expire_at": str(until),
                "issued_at": str(until - TOKEN_SECONDS * 1000),
                "is_valid": True,
                "is_channel_match": True,
                "scopes": {"orders": "full_access", "inventory": "full_access"},
            }
        )

    return endpoint


def _list(world: World, operation: str) -> Endpoint:
    async def endpoint(request: Request) -> Response:
        client_id, fault, headers = _enter(world, request, operation, None)
        if fault is not None:
            answered = await misbehaviour.before(fault, request, lambda: None)
            if answered is not None:
                return answered
        found = listing.find(world, client_id, request.query_params, released=operation != "list")
        return JSONResponse(found, headers=headers)

    return endpoint


def _order(world: World, operation: str) -> Endpoint:
    async def endpoint(request: Request) -> Response:
        po = request.path_params["po"]
        client_id, fault, headers = _enter(world, request, operation, po)
        body = await request.body()
        deed = _deed(world, request, client_id, operation, body)
        if fault is not None:
            answered = await misbehaviour.before(fault, request, deed)
            if answered is not None:
                return answered
        before = as_walmart(world.order(client_id, po))
        order = deed() or world.order(client_id, po)
        shown = {"order": as_walmart(order)}
        if fault is not None:
            answered = await misbehaviour.after(fault, request, shown, {"order": before})
            if answered is not None:
                return answered
        return JSONResponse(shown, headers=headers)

    return endpoint


def _deed(world: World, request: Request, client_id: str, operation: str, body: bytes) -> Deed:
    """What the request does, to be done now, later or not at all."""

    def do() -> Order | None:
        order = world.order(client_id, request.path_params["po"])
        if operation == "read":
            return order
        if operation == "acknowledge":
            effects = rules.acknowledge(order)
        elif operation == "shipping":
            effects = rules.ship(order, misbehaviour.json_of(body), world.now())
        else:
            effects = rules.cancel(order, misbehaviour.json_of(body))
        call = request.headers.get("wm_qos.correlation_id", "")
        world.note(client_id, order, operation, effects, call)
        return order

    return do


def _enter(
    world: World, request: Request, operation: str, po: str | None
) -> tuple[str, Fault | None, dict[str, str]]:
    """Check who calls and how, as Walmart's gateway does."""
    token = request.headers.get("wm_sec.access_token")
    client_id = world.tokens.get(token or "", ("", 0))[0]
    _note(world, request, operation, client_id, po)
    client_id = world.account(token)
    for name in ("wm_qos.correlation_id", "wm_svc.name"):
        if not request.headers.get(name):
            text = f"Header {name.upper()} is missing"
            raise order_error(400, f"MISSING_REQUEST_HEADER.{ORDERS}", text, name.upper())
    if request.method == "POST" and "json" not in request.headers.get("content-type", ""):
        # Walmart answers so to a missing Content-Type, not 415.
        raise order_error(_UNSUPPORTED, f"SYSTEM_ERROR.{ORDERS}", "System error")
    fault = world.faults.take(operation, client_id, po)
    return client_id, fault, world.buckets.spend(client_id, operation)


def _note(world: World, request: Request, operation: str, client_id: str, po: str | None) -> None:
    world.calls.append(
        {
            "received_at": world.now_ns(),
            "operation": operation,
            "client_id": client_id,
            "purchase_order_id": po,
            "correlation_id": request.headers.get("wm_qos.correlation_id"),
        }
    )
