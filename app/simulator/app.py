"""Walmart's endpoints: admit the call, choose its fault, apply its effect, answer."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import parse_qs

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from app.simulator import (
    admin,
    bodies,
    gateway,
    listing,
    notifying,
    page,
    returning,
    rules,
    shop_routes,
)
from app.simulator.accounts import TOKEN_SECONDS
from app.simulator.errors import (
    ORDERS,
    BadInput,
    Refusal,
    bad_content,
    gateway_error,
    not_found,
    order_error,
)
from app.simulator.faults import InjectedFault
from app.simulator.ledger import Effect, ReceivedCall
from app.simulator.misbehaviour import CallWork, CutConnection, Misbehaviour
from app.simulator.names import OUT_OF_STOCK
from app.simulator.orders import SimulatedOrder
from app.simulator.returning import SimulatedReturn
from app.simulator.shapes import as_walmart
from app.simulator.world import UNKNOWN_SKU, World

Endpoint = Callable[[Request], Awaitable[Response]]
Enter = Callable[[World, Request, ReceivedCall], Mapping[str, str]]
Prepare = Callable[[World, Request, ReceivedCall, bytes], CallWork]
Rule = Callable[[SimulatedOrder, bytes, int], list[Effect]]
_SCOPES = ("reports", "item", "shipping", "price", "lagtime", "feeds", "returns", "orders",
           "rules", "inventory", "content")  # fmt: skip
_RULES: dict[str, Rule] = {
    "acknowledge": lambda order, _, now: rules.acknowledge(order, now),
    "shipping": lambda order, body, now: rules.ship(order, bodies.parse(body), now),
    "cancel": lambda order, body, now: rules.cancel(order, bodies.parse(body), now),
}


def create_app(
    *,
    now: Callable[[], int] = time.time_ns,
    monotonic: Callable[[], int] = time.monotonic_ns,
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    seed: int = 0,
    open_accounts: bool = True,
    token_seconds: int = TOKEN_SECONDS,
) -> Starlette:
    """Create a simulator with a state of its own, in memory.

    now and monotonic return nanoseconds. seed makes faults with a probability repeatable. With
    open_accounts any client id has an account, and any secret but "wrong" opens it; otherwise
    POST /simulator/accounts creates accounts. The event state.closing ends calls without an answer.
    """
    world = World(now, monotonic, seed, open_accounts, token_seconds)
    misbehaviour = Misbehaviour(lambda: now() // 1_000_000, sleep)
    endpoint = _Walmart(world, misbehaviour).endpoint
    routes = [
        endpoint("POST", "/v3/token", "token", _token, enter=gateway.enter_for_token),
        endpoint("GET", "/v3/token/detail", "token_detail", _token_detail),
        endpoint("GET", "/v3/orders", "list", _list),
        endpoint("GET", "/v3/orders/released", "released", _list),
        endpoint("GET", "/v3/orders/{po}", "read", _read),
        *(
            endpoint("POST", f"/v3/orders/{{po}}/{operation}", operation, _write)
            for operation in _RULES
        ),
        endpoint("GET", "/v3/inventory", "inventory_read", _read_stock),
        endpoint("PUT", "/v3/inventory", "inventory", _put_stock),
        endpoint("GET", "/v3/webhooks/eventTypes", "webhooks", _event_types),
        endpoint("GET", "/v3/webhooks/subscriptions", "webhooks", _subscriptions),
        endpoint("POST", "/v3/webhooks/subscriptions", "webhooks", _subscribe),
        endpoint("DELETE", "/v3/webhooks/subscriptions/{id}", "webhooks", _unsubscribe),
        endpoint("GET", "/v3/returns", "returns", _returns),
        endpoint("POST", "/v3/returns/{rma}/refund", "refund", _refund),
        *shop_routes.routes(endpoint),
        Route("/", page.handler(world, misbehaviour)),
        *admin.routes(world, misbehaviour),
    ]
    handlers = {BadInput: _unfit, HTTPException: _no_such_route}
    app = Starlette(routes=routes, exception_handlers=handlers)
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


def _token(world: World, request: Request, _: ReceivedCall, body: bytes) -> CallWork:
    grant = parse_qs(body.decode(errors="replace")).get("grant_type", [""])[0]

    def do() -> Mapping[str, Any]:
        if grant != "client_credentials":
            raise gateway_error(400, "INVALID_REQUEST_PARAM", "grant_type is not supported")
        return {
            "access_token": world.accounts.grant(*gateway.credentials(request)),
            "token_type": "Bearer",
            "expires_in": world.token_seconds,
        }

    return CallWork(do, do)


def _token_detail(world: World, request: Request, _: ReceivedCall, __: bytes) -> CallWork:
    token = world.accounts.admit(gateway.access_token(request))

    def do() -> Mapping[str, Any]:
        return {
            "expire_at": str(token.until),
            "issued_at": str(token.issued_at),
            "is_valid": True,
            "is_channel_match": True,
            "scopes": dict.fromkeys(_SCOPES, "full_access"),
        }

    return CallWork(do, do)


def _list(world: World, request: Request, call: ReceivedCall, _: bytes) -> CallWork:
    def do(lag: InjectedFault | None = None) -> Mapping[str, Any]:
        orders, past = world.of(call.client_id), world.past(lag)
        return listing.find(
            {n: past.get(id(each), each) for n, each in orders.items()} if past else orders,
            request.query_params,
            world.now(),
            released=call.operation == "released",
        )

    return CallWork(do, do, do)


def _read(world: World, _: Request, call: ReceivedCall, __: bytes) -> CallWork:
    def do(lag: InjectedFault | None = None) -> Mapping[str, Any]:
        order = world.order(call.client_id, call.purchase_order_id or "")
        return {"order": as_walmart(world.past(lag).get(id(order), order))}

    return CallWork(do, do, do)


def _write(world: World, request: Request, call: ReceivedCall, body: bytes) -> CallWork:
    read = _read(world, request, call, body)

    def do() -> Mapping[str, Any]:
        order = world.order(call.client_id, call.purchase_order_id or "")
        with world.changing(order):
            effects = _RULES[call.operation](order, body, world.now())
        world.ledger.apply(call, order.purchase_order_id, effects)
        for effect in effects:
            # A cancellation with this reason sets the stock level to zero.
            if effect.reason == OUT_OF_STOCK:
                world.set_stock(call.client_id, order.lines[effect.line].sku, None, 0)
        return {"order": as_walmart(order)}

    return CallWork(do, read.do)


def _stocked(request: Request) -> tuple[str, str | None]:
    """Return the SKU and ship node of a call. Raises Walmart's 404 for an unknown SKU."""
    sku = request.query_params.get("sku", "")
    if not sku or sku.startswith(UNKNOWN_SKU):
        raise order_error(404, f"CONTENT_NOT_FOUND.{ORDERS}", "No item found", "sku")
    return sku, request.query_params.get("shipNode")


def _read_stock(world: World, request: Request, call: ReceivedCall, _: bytes) -> CallWork:
    def do(lag: InjectedFault | None = None) -> Mapping[str, Any]:
        sku, node = _stocked(request)
        key = (call.client_id, sku, node)
        return _stock(sku, world.past(lag).get(key, world.stock.get(key, 0)))

    return CallWork(do, do, do)


def _put_stock(world: World, request: Request, call: ReceivedCall, body: bytes) -> CallWork:
    def do() -> Mapping[str, Any]:
        sku, node = _stocked(request)
        asked = bodies.part(bodies.parse(body), "quantity").get("amount")
        if type(asked) is not int or asked < 0:
            raise bad_content("amount is not a number of units", "quantity")
        world.set_stock(call.client_id, sku, node, asked)
        world.ledger.apply(call, "", [Effect("inventory", sku, asked, reference=node)])
        return _stock(sku, asked)

    return CallWork(do, _read_stock(world, request, call, body).do)


def _event_types(_: World, __: Request, ___: ReceivedCall, ____: bytes) -> CallWork:
    def do() -> Mapping[str, Any]:
        return {"events": notifying.event_types()}

    return CallWork(do, do)


def _subscriptions(world: World, _: Request, call: ReceivedCall, __: bytes) -> CallWork:
    def do() -> Mapping[str, Any]:
        return {"events": world.notifier.subscriptions(call.client_id)}

    return CallWork(do, do)


def _subscribe(world: World, request: Request, call: ReceivedCall, body: bytes) -> CallWork:
    def do() -> Mapping[str, Any]:
        return {"events": world.notifier.subscribe(call.client_id, bodies.parse(body))}

    return CallWork(do, _subscriptions(world, request, call, body).do)


def _unsubscribe(world: World, request: Request, call: ReceivedCall, body: bytes) -> CallWork:
    identifier = request.path_params["id"]

    def do() -> Mapping[str, Any]:
        world.notifier.unsubscribe(call.client_id, identifier)
        return {"subscriptionId": identifier, "message": "Successfully deleted subscription"}

    return CallWork(do, _subscriptions(world, request, call, body).do)


def _returns(world: World, request: Request, call: ReceivedCall, _: bytes) -> CallWork:
    def do(lag: InjectedFault | None = None) -> Mapping[str, Any]:
        returns, past = world.returns.get(call.client_id, {}), world.past(lag)
        shown = {number: past.get(id(each), each) for number, each in returns.items()}
        return returning.find(shown, request.query_params)

    return CallWork(do, do, do)


def _refund(world: World, request: Request, call: ReceivedCall, body: bytes) -> CallWork:
    number = request.path_params["rma"]

    def found() -> SimulatedReturn:
        one = world.returns.get(call.client_id, {}).get(number)
        if one is None:
            raise not_found()
        return one

    def read() -> Mapping[str, Any]:
        return {**_echo(body), "returnOrderId": found().number}

    def do() -> Mapping[str, Any]:
        returned = found()
        with world.changing(returned, *returned.orders):
            done = returning.refund(returned, body, world.now())
        for po, effects in done.items():
            world.ledger.apply(call, po, effects)
        return read()

    return CallWork(do, read)


def _echo(body: bytes) -> Mapping[str, Any]:
    asked = bodies.parse(body)
    return asked if isinstance(asked, dict) else {}


def _stock(sku: str, amount: int) -> Mapping[str, Any]:
    return {"sku": sku, "quantity": {"unit": "EACH", "amount": amount}}


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
