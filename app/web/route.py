"""What every operation of the API has in common beside FastAPI's own ways."""

import functools
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute

from app.storage.postgres.retry import again
from app.web.dependencies import RequireScope, bearer

Endpoint = Callable[..., Awaitable[Response]]


class Operation(APIRoute):
    """A route that checks the API key before it receives a body, and that is safe to repeat.

    FastAPI by itself receives and decodes the body first, from anybody. The endpoint is run again
    where a row is held or a session is stale (storage/postgres/retry.py): what was committed
    before is known then.
    """

    def __init__(self, path: str, endpoint: Endpoint, **more: Any) -> None:  # noqa: ANN401 - FastAPI's own
        super().__init__(path, _repeated(endpoint), **more)

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """FastAPI's handler, behind the doors of the route."""
        handle = super().get_route_handler()
        doors = [
            each.call for each in self.dependant.dependencies if isinstance(each.call, RequireScope)
        ]

        async def handle_known(request: Request) -> Response:
            for door in doors:
                await door(request, await bearer(request))
            return await handle(request)

        return handle_known if self.body_field else handle


def _repeated(endpoint: Endpoint) -> Endpoint:
    @functools.wraps(endpoint)
    async def run(**values: object) -> Response:
        return await again(lambda: endpoint(**values))

    return run
