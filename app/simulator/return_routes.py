"""Admin routes of returns: buyers request and cancel them, parcels arrive, Walmart refunds."""

from collections.abc import Awaitable, Callable, Iterator

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from app.simulator import bodies, returning
from app.simulator.errors import BadInput
from app.simulator.returning import SimulatedReturn
from app.simulator.world import World


def routes(world: World) -> Iterator[Route]:
    """Return the routes of returns under /simulator."""
    handlers = _ReturnRoutes(world)
    answers: list[tuple[str, Callable[[Request], Awaitable[Response]]]] = [
        ("/orders/{po}/return", handlers.send_back),
        ("/returns/{rma}/refund", handlers.refund),
        ("/returns/{rma}/cancel", handlers.cancel),
        ("/returns/{rma}/arrive", handlers.arrive),
        ("/returns/{rma}/mend", handlers.mend),
        ("/returns/{rma}/lose-line", handlers.lose_line),
    ]
    return (Route(f"/simulator{path}", to, methods=["POST"]) for path, to in answers)


class _ReturnRoutes:
    def __init__(self, world: World) -> None:
        self._world = world

    async def send_back(self, request: Request) -> Response:
        po, client = request.path_params["po"], request.query_params.get("client_id")
        client_id, order = self._world.anywhere(po, client)
        made = self._world.open_return(client_id, order, await bodies.admin_body(request))
        return JSONResponse(returning.as_walmart(made), 201)

    async def refund(self, request: Request) -> Response:
        client_id, made = self._found(request)
        with self._world.changing(made, *made.orders):
            done = returning.refund_all(made, self._world.now())
        for po, effects in done.items():
            self._world.ledger.apply_by_hand(client_id, po, effects)
        return JSONResponse(returning.as_walmart(made))

    async def cancel(self, request: Request) -> Response:
        _, made = self._found(request)
        wanted = await bodies.admin_body(request)
        with self._world.changing(made):
            returning.cancel(made, wanted, self._world.now())
        return JSONResponse(returning.as_walmart(made))

    async def arrive(self, request: Request) -> Response:
        _, made = self._found(request)
        with self._world.changing(made):
            made.arrived_at = made.changed_at = self._world.now()
        return JSONResponse(returning.as_walmart(made))

    async def mend(self, request: Request) -> Response:
        _, made = self._found(request)
        with self._world.changing(made):
            made.garbled, made.changed_at = False, self._world.now()
        return JSONResponse(returning.as_walmart(made))

    async def lose_line(self, request: Request) -> Response:
        _, made = self._found(request)
        with self._world.changing(made):
            made.lines.pop()
            made.changed_at = self._world.now()
        return JSONResponse(returning.as_walmart(made))

    def _found(self, request: Request) -> tuple[str, SimulatedReturn]:
        number = request.path_params["rma"]
        for client_id, returns in self._world.returns.items():
            if number in returns:
                return client_id, returns[number]
        raise BadInput(f"there is no return {number}", 404)
