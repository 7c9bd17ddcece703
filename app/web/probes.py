"""The probes of a poller, which serves nothing else: /livez and /readyz.

No module that a poller imports for them imports FastAPI (decision 0027).
"""

from collections.abc import Awaitable, Callable

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

Ready = Callable[[], Awaitable[str | None]]
"""Returns None, or the reason why requests cannot be served."""


def create_probes(*, stopped: Callable[[], str | None], ready: Ready) -> Starlette:
    """Create the app. stopped and ready return None, or the reason for a 503."""

    async def livez(_: Request) -> Response:
        return _answer("alive", stopped())

    async def readyz(_: Request) -> Response:
        return _answer("ready", await ready())

    return Starlette(routes=[Route("/livez", livez), Route("/readyz", readyz)])


def _answer(status: str, why_not: str | None) -> Response:
    if why_not is None:
        return JSONResponse({"status": status})
    return JSONResponse({"status": f"not {status}", "detail": why_not}, status_code=503)
