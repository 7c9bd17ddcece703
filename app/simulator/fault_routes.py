"""Admin routes of faults: injected faults, held effects, lagging reads and rate limits."""

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import asdict

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from app.simulator import bodies
from app.simulator.errors import BadInput
from app.simulator.faults import OPERATIONS
from app.simulator.misbehaviour import Misbehaviour
from app.simulator.world import World


def routes(world: World, misbehaviour: Misbehaviour) -> Iterator[Route]:
    """Return the routes of faults under /simulator."""
    handlers = _FaultRoutes(world, misbehaviour)
    answers: list[tuple[str, str, Callable[[Request], Awaitable[Response]]]] = [
        ("POST", "/faults", handlers.add_fault),
        ("GET", "/faults", handlers.faults),
        ("DELETE", "/faults", handlers.clear_faults),
        ("DELETE", "/faults/{id:int}", handlers.remove_fault),
        ("GET", "/held", handlers.held),
        ("POST", "/held", handlers.let_land),
        ("DELETE", "/held", handlers.forget_held),
        ("DELETE", "/history", handlers.forget_history),
        ("POST", "/rates", handlers.limit),
        ("DELETE", "/rates", handlers.clear_rates),
    ]
    return (Route(f"/simulator{path}", to, methods=[method]) for method, path, to in answers)


class _FaultRoutes:
    def __init__(self, world: World, misbehaviour: Misbehaviour) -> None:
        self._world, self._misbehaviour = world, misbehaviour

    async def add_fault(self, request: Request) -> Response:
        fault = self._world.faults.add(await bodies.admin_body(request))
        return JSONResponse({"id": fault.id}, 201)

    async def faults(self, _: Request) -> Response:
        return JSONResponse({"faults": self._world.faults.listed()})

    async def clear_faults(self, _: Request) -> Response:
        self._world.faults.clear()
        return Response(status_code=204)

    async def remove_fault(self, request: Request) -> Response:
        if not self._world.faults.remove(request.path_params["id"]):
            raise BadInput("there is no such fault; it may have been used up", 404)
        return Response(status_code=204)

    async def held(self, _: Request) -> Response:
        return JSONResponse({"held": [asdict(call) for call, _ in self._misbehaviour.held]})

    async def let_land(self, _: Request) -> Response:
        landed, refused = self._misbehaviour.let_land()
        return JSONResponse({"landed": landed, "refused": refused})

    async def forget_held(self, _: Request) -> Response:
        self._misbehaviour.held.clear()
        return Response(status_code=204)

    async def forget_history(self, _: Request) -> Response:
        self._world.history.clear()
        return Response(status_code=204)

    async def limit(self, request: Request) -> Response:
        wanted = await bodies.admin_body(request)
        operation, client_id = bodies.text(wanted, "operation"), wanted.get("client_id")
        if operation not in OPERATIONS or not isinstance(client_id, str | None):
            raise BadInput(f"operation must be one of {', '.join(OPERATIONS)}, client_id a text")
        capacity, refill = (
            bodies.number(wanted, "capacity"),
            bodies.number(wanted, "refill_per_second"),
        )
        self._world.buckets.limit(client_id, operation, capacity, refill)
        return Response(status_code=204)

    async def clear_rates(self, _: Request) -> Response:
        self._world.buckets.clear()
        return Response(status_code=204)
