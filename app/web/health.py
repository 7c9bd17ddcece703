"""Probes and metrics: for the machines that watch, without a key."""

from collections.abc import Awaitable, Callable
from typing import Protocol

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel

from app.web import problems
from app.web.problem_documents import MEDIA_TYPE
from app.web.v1.responses import success

router = APIRouter(tags=["operations"])
Ready = Callable[[], Awaitable[str | None]]


class MetricsSource(Protocol):
    """What `/metrics` shows."""

    def request(self, method: str, route: str, status: int, seconds: float) -> None:
        """A request was answered."""

    async def refresh(self) -> None:
        """Bring gauges up to date."""

    def render(self) -> tuple[bytes, str]:
        """The text, and its content type."""


class StatusOut(BaseModel):
    """One word."""

    status: str


@router.get(
    "/livez",
    operation_id="check_liveness",
    summary="Is the process alive?",
    responses=success(200, StatusOut, {"status": "alive"}, "The process answers."),
)
async def check_liveness() -> StatusOut:
    """Answer as long as the process turns; nothing else is looked at."""
    return StatusOut(status="alive")


@router.get(
    "/readyz",
    operation_id="check_readiness",
    summary="Can requests be served?",
    response_model=StatusOut,
    responses={
        **success(
            200,
            StatusOut,
            {"status": "ready"},
            "Database reachable and taking writes, migrations at head.",
        ),
        503: {
            "description": "Not ready; `detail` says why.",
            "content": {
                MEDIA_TYPE: {
                    "schema": {"$ref": "#/components/schemas/ProblemOut"},
                    "example": {
                        "type": "/docs/problems#database_unavailable",
                        "title": "Service Unavailable",
                        "status": 503,
                        "detail": "The database cannot be reached now.",
                        "instance": "/readyz",
                        "code": "database_unavailable",
                    },
                }
            },
        },
    },
)
async def check_readiness(request: Request) -> Response:
    """Look whether the database takes writes and its schema is the one this version needs."""
    ready: Ready = request.app.state.ready
    why_not = await ready()
    if why_not is not None:
        headers = {"Retry-After": "5"}
        return problems.problem(request, 503, "database_unavailable", why_not, headers=headers)
    return Response(b'{"status":"ready"}', media_type="application/json")


@router.get(
    "/metrics",
    operation_id="get_metrics",
    summary="Metrics for Prometheus",
    response_class=Response,
    responses={
        200: {
            "description": "Prometheus text format.",
            "content": {
                "text/plain": {
                    "schema": {"type": "string", "maxLength": 10_000_000},
                    "example": "waybill_oldest_due_seconds 0.0\n",
                }
            },
        }
    },
)
async def get_metrics(request: Request) -> Response:
    """Counts of this process, and gauges out of the database that hold for all of them."""
    metrics: MetricsSource = request.app.state.metrics
    await metrics.refresh()
    text, content_type = metrics.render()
    return Response(text, headers={"content-type": content_type})
