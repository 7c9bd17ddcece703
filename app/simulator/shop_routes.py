"""Routes of the simulated Commerce."""

from collections.abc import Callable, Mapping
from typing import Any

from starlette.requests import Request
from starlette.routing import Route

from app.simulator import bodies, shop
from app.simulator.ledger import Effect, ReceivedCall
from app.simulator.misbehaviour import CallWork
from app.simulator.world import World

# Commerce's operations, as faults name them.
ORDERS, COMMENTS, STOCK = "commerce_orders", "commerce_comments", "commerce_stock"
_AT = "/rest/{store_code}/V1"


def enter(_: World, request: Request, __: ReceivedCall) -> Mapping[str, str]:
    """Admit a call. Raises Refusal."""
    shop.admit(request.headers.get("authorization", ""))
    return {}


def routes(endpoint: Callable[..., Route]) -> list[Route]:
    """Return the routes of the shop. endpoint: the simulator's own factory of routes."""
    return [
        endpoint("GET", f"{_AT}/orders", ORDERS, _search, enter=enter),
        endpoint("POST", f"{_AT}/orders", ORDERS, _save, enter=enter),
        endpoint("GET", f"{_AT}/orders/{{id:int}}", ORDERS, _read, enter=enter),
        endpoint("POST", f"{_AT}/orders/{{id:int}}/comments", COMMENTS, _comment, enter=enter),
        endpoint("GET", f"{_AT}/store/storeViews", ORDERS, _views, enter=enter),
        endpoint(
            "GET",
            f"{_AT}/inventory/get-product-salable-quantity/{{sku}}/{{stock:int}}",
            STOCK,
            _salable,
            enter=enter,
        ),
    ]


def _code(request: Request) -> str:
    code: str = request.path_params["store_code"]
    return code


def _work(do: Callable[[], Any], unchanged: Callable[[], Any] | None = None) -> CallWork:
    return CallWork(do, unchanged or do)


def _search(world: World, request: Request, _: ReceivedCall, __: bytes) -> CallWork:
    return _work(lambda: world.shops.open(_code(request)).search(request.query_params))


def _views(world: World, request: Request, _: ReceivedCall, __: bytes) -> CallWork:
    return _work(lambda: world.shops.views(_code(request)))


def _read(world: World, request: Request, _: ReceivedCall, __: bytes) -> CallWork:
    number = request.path_params["id"]
    return _work(lambda: world.shops.open(_code(request)).order(number))


def _save(world: World, request: Request, call: ReceivedCall, body: bytes) -> CallWork:
    def do() -> Mapping[str, Any]:
        entity = _json(body).get("entity")
        known = isinstance(entity, dict) and "entity_id" in entity
        saved = world.shops.open(_code(request)).save(entity)
        what = "commerce_payment" if known else "commerce_order"
        number = str(saved.get("ext_order_id") or "")
        world.ledger.apply(call, number, [Effect(what, saved["increment_id"], 1)])
        return saved

    return _work(do, dict)


def _comment(world: World, request: Request, call: ReceivedCall, body: bytes) -> CallWork:
    def do() -> bool:
        opened, number = world.shops.open(_code(request)), request.path_params["id"]
        opened.comment(number, _json(body))
        order = opened.order(number)
        text = str(order["status_histories"][-1]["comment"])
        what = Effect("commerce_comment", order["increment_id"], 1, reference=text)
        world.ledger.apply(call, str(order.get("ext_order_id") or ""), [what])
        return True

    return _work(do, lambda: False)


def _salable(world: World, request: Request, _: ReceivedCall, __: bytes) -> CallWork:
    return _work(lambda: world.shops.open(_code(request)).salable(request.path_params["sku"]))


def _json(body: bytes) -> Mapping[str, Any]:
    read = bodies.parse(body)
    return read if isinstance(read, dict) else {}
