"""The probes of a process that serves nothing else: a poller's /livez and /readyz."""

from collections.abc import Callable

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from app.web.health import Ready


def create_probes(*, stopped: Callable[[], str | None], ready: Ready) -> Starlette:
    """Make the app. Both answer None, or a sentence on why not: 200, or 503 with the sentence."""

    async def livez(_: Request) -> Response:
        return _answer("alive", stopped())

    async def readyz(_: Request) -> Response:
        return _answer("ready", await ready())

    return Starlette(routes=[Route("/livez", livez), Route("/readyz", readyz)])


def _answer(status: str, why_not: str | None) -> Response:
    if why_not is None:
        return JSONResponse({"status": status})
    return JSONResponse({"status": f"not {status}", "detail": why_not}, status_code=503)
