"""Admin routes: they act as the buyer, as a person in Seller Center, and inject faults.

Never expose them: they require no key. Bodies are JSON objects, an error is {"error": text}.

POST /simulator/orders: client_id and lines [{sku, line_number?, name?, quantity?, unit_price?}],
with purchase_order_id?, customer_order_id?, ship_method?, ordered_at?, ship_by?, deliver_by?
(milliseconds since 1970) and status? (Created, Acknowledged); or {"orders": [such orders]}.
An account in another market is seller@ca or seller@mx.
GET /simulator/orders?client_id=, GET /simulator/orders/{po}: the state at "Walmart".
POST /simulator/orders/{po}/ship and /cancel with lines? [{line_number, quantity?,
tracking_number?, reason?}], and /intent-to-cancel with lines? [number]: done by hand.
GET /simulator/ledger and /simulator/calls: filtered by any field, and after=sequence.
POST /simulator/faults: kind, operation?, times? (null: forever) and the fields of `InjectedFault`.
GET /simulator/held: effects that the fault "held" delays; POST applies them in order and answers
how many were applied and how many refused; DELETE drops them.
DELETE /simulator/history: no read lags behind the present state.
POST /simulator/rates: operation, capacity, refill_per_second, client_id?
POST /simulator/clock: advance_seconds; late orders are canceled.
POST /simulator/accounts: client_id, client_secret.
GET /simulator/shops/{code}: the orders and the stock of a store's Commerce; POST .../stock: sku,
quantity. POST /simulator/reset; DELETE of orders, faults, faults/{id}, rates.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from app.simulator import bodies, by_hand, fault_routes, return_routes, rules
from app.simulator.errors import BadInput
from app.simulator.ledger import Entry, ReceivedCall, select
from app.simulator.misbehaviour import Misbehaviour
from app.simulator.orders import CANCELLED, SHIPPED
from app.simulator.shapes import plainly
from app.simulator.world import World

_LONGEST_JUMP = 400 * 86_400.0


def routes(world: World, misbehaviour: Misbehaviour) -> list[Route]:
    """Every route under /simulator."""
    handlers = _AdminRoutes(world, misbehaviour)
    answers: list[tuple[str, str, Callable[[Request], Awaitable[Response]]]] = [
        ("POST", "/accounts", handlers.register),
        ("POST", "/orders", handlers.place),
        ("GET", "/orders", handlers.orders),
        ("DELETE", "/orders", handlers.forget_orders),
        ("GET", "/orders/{po}", handlers.order),
        ("POST", "/orders/{po}/ship", handlers.ship),
        ("POST", "/orders/{po}/cancel", handlers.cancel),
        ("POST", "/orders/{po}/intent-to-cancel", handlers.want_to_cancel),
        ("POST", "/orders/{po}/mend", handlers.mend),
        ("POST", "/orders/{po}/words", handlers.rename),
        ("POST", "/webhooks", handlers.silence),
        ("GET", "/stock", handlers.stock),
        ("GET", "/shops/{store_code}", handlers.shop),
        ("POST", "/shops/{store_code}/stock", handlers.fill_shop),
        ("GET", "/ledger", handlers.ledger),
        ("GET", "/calls", handlers.calls),
        ("POST", "/clock", handlers.advance),
        ("POST", "/reset", handlers.reset),
    ]
    own = [Route(f"/simulator{path}", to, methods=[method]) for method, path, to in answers]
    return [*own, *return_routes.routes(world), *fault_routes.routes(world, misbehaviour)]


def _done() -> Response:
    return Response(status_code=204)


class _AdminRoutes:
    """The endpoints. They raise BadInput for a request that they cannot fulfil."""

    def __init__(self, world: World, misbehaviour: Misbehaviour) -> None:
        self._world, self._misbehaviour = world, misbehaviour

    async def register(self, request: Request) -> Response:
        wanted = await bodies.admin_body(request)
        self._world.accounts.register(
            bodies.text(wanted, "client_id"), bodies.text(wanted, "client_secret")
        )
        return _done()

    async def place(self, request: Request) -> Response:
        wanted = await bodies.admin_body(request)
        several = wanted.get("orders", [wanted])
        if not isinstance(several, list):
            raise BadInput("orders is a list of orders")
        placed = self._world.place(several)
        for client_id, order in placed:
            self._announce(client_id, "PO_CREATED", order.purchase_order_id)
        shown = [plainly(*each) for each in placed]
        return JSONResponse({"orders": shown} if "orders" in wanted else shown[0], 201)

    async def orders(self, request: Request) -> Response:
        wanted = request.query_params.get("client_id")
        shown = [
            plainly(client_id, order)
            for client_id, orders in self._world.orders.items()
            if wanted in {None, client_id}
            for order in orders.values()
        ]
        return JSONResponse({"orders": shown})

    async def forget_orders(self, _: Request) -> Response:
        self._world.forget_orders()
        return _done()

    async def order(self, request: Request) -> Response:
        return JSONResponse(plainly(*self._found(request)))

    async def ship(self, request: Request) -> Response:
        return await self._by_hand(request, SHIPPED)

    async def cancel(self, request: Request) -> Response:
        return await self._by_hand(request, CANCELLED)

    async def _by_hand(self, request: Request, status: str) -> Response:
        client_id, order = self._found(request)
        wanted = (await bodies.admin_body(request)).get("lines")
        with self._world.changing(order):
            effects = by_hand.move(order, status, wanted, self._world.now())
        self._world.ledger.apply_by_hand(client_id, order.purchase_order_id, effects)
        if status == CANCELLED:
            self._announce(client_id, "PO_LINE_AUTOCANCELLED", order.purchase_order_id)
        return JSONResponse(plainly(client_id, order))

    async def want_to_cancel(self, request: Request) -> Response:
        client_id, order = self._found(request)
        wanted = (await bodies.admin_body(request)).get("lines")
        with self._world.changing(order):
            by_hand.want_to_cancel(order, wanted, self._world.now())
        self._announce(client_id, "INTENT_TO_CANCEL", order.purchase_order_id)
        return JSONResponse(plainly(client_id, order))

    async def stock(self, _: Request) -> Response:
        shown = [
            {"client_id": client_id, "sku": sku, "ship_node": node, "quantity": units}
            for (client_id, sku, node), units in self._world.stock.items()
        ]
        return JSONResponse({"stock": shown})

    async def shop(self, request: Request) -> Response:
        opened = self._world.shops.open(request.path_params["store_code"])
        return JSONResponse({"orders": list(opened.orders.values()), "stock": opened.stock})

    async def fill_shop(self, request: Request) -> Response:
        wanted = await bodies.admin_body(request)
        sku, units = wanted.get("sku"), wanted.get("quantity")
        if not isinstance(sku, str) or type(units) is not int:
            raise BadInput("a shop's stock is a sku and a quantity")
        opened = self._world.shops.open(request.path_params["store_code"])
        opened.stock[sku] = units
        return JSONResponse({"stock": opened.stock})

    async def mend(self, request: Request) -> Response:
        client_id, order = self._found(request)
        with self._world.changing(order):
            order.garbled = False
            for line in order.lines.values():
                line.changed_at = self._world.now()
        return JSONResponse(plainly(client_id, order))

    async def rename(self, request: Request) -> Response:
        client_id, order = self._found(request)
        words = await bodies.admin_body(request)
        with self._world.changing(order):
            order.words = {status: str(word) for status, word in words.items()}
            for line in order.lines.values():
                line.changed_at = self._world.now()
        return JSONResponse(plainly(client_id, order))

    def _announce(self, client_id: str, what: str, purchase_order_id: str) -> None:
        payload = {"purchaseOrderId": purchase_order_id}
        self._world.notifier.publish(client_id, "ORDER_UPDATES", what, payload)

    async def silence(self, request: Request) -> Response:
        self._world.notifier.silent = (await bodies.admin_body(request)).get("silent") is True
        return _done()

    def _found(self, request: Request) -> Any:  # noqa: ANN401 - client id and order
        return self._world.anywhere(
            request.path_params["po"], request.query_params.get("client_id")
        )

    async def ledger(self, request: Request) -> Response:
        shown = select(self._world.ledger.entries, Entry, request.query_params)
        return JSONResponse({"entries": shown["found"], "dropped": shown["dropped"]})

    async def calls(self, request: Request) -> Response:
        shown = select(self._world.ledger.calls, ReceivedCall, request.query_params)
        return JSONResponse({"calls": shown["found"], "dropped": shown["dropped"]})

    async def advance(self, request: Request) -> Response:
        seconds = bodies.number(await bodies.admin_body(request), "advance_seconds")
        if not 0 <= seconds <= _LONGEST_JUMP:
            raise BadInput("advance_seconds goes forward, by 400 days at most")
        self._world.advance(seconds)
        late = self._cancel_late()
        return JSONResponse({"now": self._world.now(), "canceled": late})

    def _cancel_late(self) -> list[str]:
        """Cancel orders that are late by Walmart's clock; return their numbers."""
        late = []
        for client_id, orders in self._world.orders.items():
            for number, order in orders.items():
                with self._world.changing(order):
                    effects = rules.cancel_late(order, self._world.now())
                if effects:
                    self._world.ledger.apply_by_hand(client_id, number, effects)
                    self._announce(client_id, "PO_LINE_AUTOCANCELLED", number)
                    late.append(number)
        return late

    async def reset(self, _: Request) -> Response:
        self._world.reset()
        self._misbehaviour.forget()
        return _done()
