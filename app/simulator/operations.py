"""Work of each of Walmart's operations: what it reads or changes, and its answer.

A function takes the world, the request, the call's record and the body, and returns the work of
the call. The work raises Refusal where Walmart refuses; a fault decides whether it is done.
"""

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qs

from starlette.requests import Request

from app.simulator import bodies, gateway, listing, notifying, refunding, returning, rules
from app.simulator.errors import ORDERS, bad_content, gateway_error, not_found, order_error
from app.simulator.faults import InjectedFault
from app.simulator.ledger import Effect, ReceivedCall
from app.simulator.misbehaviour import CallWork
from app.simulator.names import OUT_OF_STOCK
from app.simulator.orders import SimulatedOrder
from app.simulator.returning import SimulatedReturn
from app.simulator.shapes import as_walmart
from app.simulator.world import UNKNOWN_SKU, World

Rule = Callable[[SimulatedOrder, bytes, int], list[Effect]]
_SCOPES = ("reports", "item", "shipping", "price", "lagtime", "feeds", "returns", "orders",
           "rules", "inventory", "content")  # fmt: skip
ORDER_RULES: dict[str, Rule] = {
    "acknowledge": lambda order, _, now: rules.acknowledge(order, now),
    "shipping": lambda order, body, now: rules.ship(order, bodies.parse(body), now),
    "cancel": lambda order, body, now: rules.cancel(order, bodies.parse(body), now),
    "order_refund": lambda order, body, now: refunding.refund(order, bodies.parse(body), now),
}
"""Rules of the writes of an order, by operation."""
ORDER_PATHS = {
    "acknowledge": "acknowledge",
    "shipping": "shipping",
    "cancel": "cancel",
    "refund": "order_refund",
}
"""Operations of the writes of an order, by the last part of their paths."""


def grant_token(world: World, request: Request, _: ReceivedCall, body: bytes) -> CallWork:
    """Grant an access token."""
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


def describe_token(world: World, request: Request, _: ReceivedCall, __: bytes) -> CallWork:
    """Describe the access token of the call."""
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


def list_orders(world: World, request: Request, call: ReceivedCall, _: bytes) -> CallWork:
    """List orders, or those that are not acknowledged yet."""

    def do(lag: InjectedFault | None = None) -> Mapping[str, Any]:
        orders, past = world.of(call.client_id), world.past(lag)
        return listing.find(
            {n: past.get(id(each), each) for n, each in orders.items()} if past else orders,
            request.query_params,
            world.now(),
            released=call.operation == "released",
        )

    return CallWork(do, do, do)


def read_order(world: World, _: Request, call: ReceivedCall, __: bytes) -> CallWork:
    """Read one order."""

    def do(lag: InjectedFault | None = None) -> Mapping[str, Any]:
        order = world.order(call.client_id, call.purchase_order_id or "")
        return {"order": as_walmart(world.past(lag).get(id(order), order))}

    return CallWork(do, do, do)


def change_order(world: World, request: Request, call: ReceivedCall, body: bytes) -> CallWork:
    """Acknowledge, ship or cancel lines of an order."""
    read = read_order(world, request, call, body)

    def do() -> Mapping[str, Any]:
        order = world.order(call.client_id, call.purchase_order_id or "")
        with world.changing(order):
            effects = ORDER_RULES[call.operation](order, body, world.now())
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


def read_stock(world: World, request: Request, call: ReceivedCall, _: bytes) -> CallWork:
    """Read the stock level of a SKU."""

    def do(lag: InjectedFault | None = None) -> Mapping[str, Any]:
        sku, node = _stocked(request)
        key = (call.client_id, sku, node)
        return _stock(sku, world.past(lag).get(key, world.stock.get(key, 0)))

    return CallWork(do, do, do)


def put_stock(world: World, request: Request, call: ReceivedCall, body: bytes) -> CallWork:
    """Set the stock level of a SKU."""

    def do() -> Mapping[str, Any]:
        sku, node = _stocked(request)
        asked = bodies.part(bodies.parse(body), "quantity").get("amount")
        if type(asked) is not int or asked < 0:
            raise bad_content("amount is not a number of units", "quantity")
        world.set_stock(call.client_id, sku, node, asked)
        world.ledger.apply(call, "", [Effect("inventory", sku, asked, reference=node)])
        return _stock(sku, asked)

    return CallWork(do, read_stock(world, request, call, body).do)


def list_event_types(_: World, __: Request, ___: ReceivedCall, ____: bytes) -> CallWork:
    """List the events that a seller can subscribe to."""

    def do() -> Mapping[str, Any]:
        return {"events": notifying.event_types()}

    return CallWork(do, do)


def list_subscriptions(world: World, _: Request, call: ReceivedCall, __: bytes) -> CallWork:
    """List a seller's subscriptions."""

    def do() -> Mapping[str, Any]:
        return {"events": world.notifier.subscriptions(call.client_id)}

    return CallWork(do, do)


def subscribe(world: World, request: Request, call: ReceivedCall, body: bytes) -> CallWork:
    """Subscribe a seller to events."""

    def do() -> Mapping[str, Any]:
        return {"events": world.notifier.subscribe(call.client_id, bodies.parse(body))}

    return CallWork(do, list_subscriptions(world, request, call, body).do)


def unsubscribe(world: World, request: Request, call: ReceivedCall, body: bytes) -> CallWork:
    """Delete a subscription."""
    identifier = request.path_params["id"]

    def do() -> Mapping[str, Any]:
        world.notifier.unsubscribe(call.client_id, identifier)
        return {"subscriptionId": identifier, "message": "Successfully deleted subscription"}

    return CallWork(do, list_subscriptions(world, request, call, body).do)


def list_returns(world: World, request: Request, call: ReceivedCall, _: bytes) -> CallWork:
    """List returns."""

    def do(lag: InjectedFault | None = None) -> Mapping[str, Any]:
        returns, past = world.returns.get(call.client_id, {}), world.past(lag)
        shown = {number: past.get(id(each), each) for number, each in returns.items()}
        return returning.find(shown, request.query_params)

    return CallWork(do, do, do)


def refund_return(world: World, request: Request, call: ReceivedCall, body: bytes) -> CallWork:
    """Refund lines of a return."""
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
