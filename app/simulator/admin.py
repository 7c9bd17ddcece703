"""The routes that play the buyer, the person in Seller Center and fate. Never expose them."""

from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from app.simulator.errors import not_found
from app.simulator.faults import BadFault
from app.simulator.orders import CANCELLED, OPEN, SHIPPED, Parcel, plainly
from app.simulator.rules import Effect
from app.simulator.world import TooManyOrders, World

Endpoint = Callable[[Request], Awaitable[Response]]


def routes(world: World) -> list[Route]:
    """Every route under /simulator."""
    return [
        Route("/simulator/orders", _place(world), methods=["POST"]),
        Route("/simulator/orders", _orders(world), methods=["GET"]),
        Route("/simulator/orders/{po}", _one(world), methods=["GET"]),
        Route("/simulator/orders/{po}/ship", _by_hand(world, SHIPPED), methods=["POST"]),
        Route("/simulator/orders/{po}/cancel", _by_hand(world, CANCELLED), methods=["POST"]),
        Route("/simulator/orders/{po}/intent-to-cancel", _intent(world), methods=["POST"]),
        Route("/simulator/ledger", _entries(world, "ledger"), methods=["GET"]),
        Route("/simulator/calls", _entries(world, "calls"), methods=["GET"]),
        Route("/simulator/faults", _add_fault(world), methods=["POST"]),
        Route("/simulator/faults", _faults(world), methods=["GET"]),
        Route("/simulator/faults", _clear_faults(world), methods=["DELETE"]),
        Route("/simulator/faults/{id:int}", _remove_fault(world), methods=["DELETE"]),
        Route("/simulator/rates", _rate(world), methods=["POST"]),
        Route("/simulator/clock", _clock(world), methods=["POST"]),
        Route("/simulator/reset", _reset(world), methods=["POST"]),
    ]


def _wrong(error: Exception) -> Response:
    name = type(error).__name__
    return JSONResponse({"error": f"{name}: {error}"}, 400)


def _place(world: World) -> Endpoint:
    async def endpoint(request: Request) -> Response:
        wanted = await request.json()
        try:
            placed = [world.place(each) for each in wanted.get("orders", [wanted])]
        except (KeyError, TypeError, ValueError, TooManyOrders) as error:
            return _wrong(error)
        shown = [plainly(order) for order in placed]
        return JSONResponse({"orders": shown} if "orders" in wanted else shown[0], 201)

    return endpoint


def _orders(world: World) -> Endpoint:
    async def endpoint(request: Request) -> Response:
        wanted = request.query_params.get("client_id")
        shown = [
            {"client_id": client_id, **plainly(order)}
            for client_id, orders in world.orders.items()
            if wanted in {None, client_id}
            for order in orders.values()
        ]
        return JSONResponse({"orders": shown})

    return endpoint


def _one(world: World) -> Endpoint:
    async def endpoint(request: Request) -> Response:
        client_id, order = world.anywhere(request.path_params["po"])
        return JSONResponse({"client_id": client_id, **plainly(order)})

    return endpoint


def _by_hand(world: World, status: str) -> Endpoint:
    """What a person does in Seller Center; without lines, to every open unit."""

    async def endpoint(request: Request) -> Response:
        client_id, order = world.anywhere(request.path_params["po"])
        wanted = (await request.json()).get("lines") or [
            {"line_number": line.number, "quantity": line.units(*OPEN)}
            for line in order.lines.values()
        ]
        effects = []
        for each in wanted:
            line = order.lines.get(str(each["line_number"]))
            if line is None:
                raise not_found()
            units = min(int(each.get("quantity", 1)), line.units(*OPEN))
            if units:
                line.move(units, OPEN, _parcel(status, units, each, world.now()))
                number = each.get("tracking_number")
                effects.append(Effect(line.number, units, number, each.get("reason")))
        world.note(client_id, order, f"{status.lower()}_by_hand", effects, "")
        return JSONResponse(plainly(order))

    return endpoint


def _parcel(status: str, units: int, wanted: dict[str, Any], now: int) -> Parcel:
    if status == CANCELLED:
        return Parcel(CANCELLED, units, None, wanted.get("reason", "SELLER_CANCEL_OUT_OF_STOCK"))
    tracking = {
        "shipDateTime": now,
        "carrierName": {"carrier": wanted.get("carrier", "UPS")},
        "methodCode": "Standard",
        "trackingNumber": wanted.get("tracking_number", "BYHAND"),
    }
    return Parcel(SHIPPED, units, tracking)


def _intent(world: World) -> Endpoint:
    async def endpoint(request: Request) -> Response:
        _, order = world.anywhere(request.path_params["po"])
        wanted = (await request.json()).get("lines") or list(order.lines)
        for number in wanted:
            order.lines[str(number)].intent_to_cancel = True
        return JSONResponse(plainly(order))

    return endpoint


def _entries(world: World, name: str) -> Endpoint:
    async def endpoint(request: Request) -> Response:
        wanted = dict(request.query_params)
        shown = [
            entry
            for entry in getattr(world, name)
            if all(str(entry.get(key)) == value for key, value in wanted.items())
        ]
        return JSONResponse({name: shown} if name == "calls" else {"entries": shown})

    return endpoint


def _add_fault(world: World) -> Endpoint:
    async def endpoint(request: Request) -> Response:
        try:
            fault = world.faults.add(await request.json())
        except BadFault as error:
            return _wrong(error)
        return JSONResponse({"id": fault.id}, 201)

    return endpoint


def _faults(world: World) -> Endpoint:
    async def endpoint(_: Request) -> Response:
        return JSONResponse({"faults": world.faults.listed()})

    return endpoint


def _clear_faults(world: World) -> Endpoint:
    async def endpoint(_: Request) -> Response:
        world.faults.clear()
        return Response(status_code=204)

    return endpoint


def _remove_fault(world: World) -> Endpoint:
    async def endpoint(request: Request) -> Response:
        removed = world.faults.remove(request.path_params["id"])
        return Response(status_code=204 if removed else 404)

    return endpoint


def _rate(world: World) -> Endpoint:
    async def endpoint(request: Request) -> Response:
        wanted = await request.json()
        try:
            world.buckets.limit(
                wanted.get("client_id"),
                wanted["operation"],
                float(wanted["capacity"]),
                float(wanted["refill_per_second"]),
            )
        except (KeyError, ValueError) as error:
            return _wrong(error)
        return Response(status_code=204)

    return endpoint


def _clock(world: World) -> Endpoint:
    async def endpoint(request: Request) -> Response:
        world.ahead_ns += int(float((await request.json())["advance_seconds"]) * 1e9)
        return JSONResponse({"now": world.now()})

    return endpoint


def _reset(world: World) -> Endpoint:
    async def endpoint(_: Request) -> Response:
        world.reset()
        return Response(status_code=204)

    return endpoint
