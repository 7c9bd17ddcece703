"""What a process answers beside the API: the probes of a poller, and metrics on their own port.

No module that a poller imports for them imports FastAPI (decision 0027).
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol

import structlog
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

_log = structlog.get_logger(__name__)
Ready = Callable[[], Awaitable[str | None]]
"""Returns None, or the reason why requests cannot be served."""
DRAINING = "The process is about to stop."


class MetricsSource(Protocol):
    """The metrics that `/metrics` exposes."""

    def request(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count an answered request. route is a path with its parameters in braces."""

    async def refresh(self) -> None:
        """Update the gauges that are read from the database."""

    def render(self) -> tuple[bytes, str]:
        """The exposition text, and its content type."""


def create_probes(
    *, stopped: Callable[[], str | None], ready: Ready, draining: asyncio.Event
) -> Starlette:
    """Create the app. stopped and ready return None, or the reason for a 503.

    draining is set when the process is about to stop: it is not ready any more.
    """

    async def livez(_: Request) -> Response:
        return _answer("alive", stopped())

    async def readyz(_: Request) -> Response:
        return _answer("ready", DRAINING if draining.is_set() else await ready())

    return Starlette(routes=[Route("/livez", livez), Route("/readyz", readyz)])


def create_metrics_app(metrics: MetricsSource) -> Starlette:
    """Create the app of a port that answers /metrics and nothing else."""

    async def answer(_: Request) -> Response:
        return await exposition(metrics)

    return Starlette(routes=[Route("/metrics", answer)])


async def exposition(metrics: MetricsSource) -> Response:
    """Answer with the metrics as of now."""
    await metrics.refresh()
    text, content_type = metrics.render()
    return Response(text, headers={"content-type": content_type})


def _answer(status: str, why_not: str | None) -> Response:
    if why_not is None:
        return JSONResponse({"status": status})
    _log.warning("not_available", code=f"not_{status}", cause=why_not)
    return JSONResponse({"status": f"not {status}", "detail": why_not}, status_code=503)
