"""Probes and metrics, without an API key."""

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel

from app.web import problems
from app.web.probes import DRAINING, MetricsSource, Ready, exposition
from app.web.problem_documents import MEDIA_TYPE
from app.web.v1.responses import success

router = APIRouter(tags=["operations"])
# Left out where the metrics have a port of their own.
metrics_router = APIRouter(tags=["operations"])


class StatusOut(BaseModel):
    """The state of the process in one word."""

    status: str


@router.get(
    "/livez",
    operation_id="check_liveness",
    summary="Check that the process is alive",
    responses=success(200, StatusOut, {"status": "alive"}, "The process answers."),
)
async def check_liveness() -> StatusOut:
    """Answer as long as the event loop runs. Nothing else is checked."""
    return StatusOut(status="alive")


@router.get(
    "/readyz",
    operation_id="check_readiness",
    summary="Check that requests can be served",
    response_model=StatusOut,
    responses={
        **success(
            200,
            StatusOut,
            {"status": "ready"},
            "The database is reachable and writable, and its migrations are at head.",
        ),
        503: {
            "description": "Not ready; `detail` states the reason.",
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
                        "request_id": "7f1c9a52e0b84c6db2f0f9d1c3a4e5f6",
                    },
                }
            },
        },
    },
)
async def check_readiness(request: Request) -> Response:
    """Check that the database accepts writes and has the schema of this version.

    A process that is about to stop answers 503 `draining`, and still serves requests for a while.
    """
    # mutation: not-ready-while-draining
    if request.app.state.draining.is_set():
        return problems.problem(request, 503, "draining", DRAINING)
    ready: Ready = request.app.state.ready
    why_not = await ready()
    if why_not is not None:
        headers = {"Retry-After": "5"}
        return problems.problem(request, 503, "database_unavailable", why_not, headers=headers)
    return Response(b'{"status":"ready"}', media_type="application/json")


@metrics_router.get(
    "/metrics",
    operation_id="get_metrics",
    summary="Get metrics for Prometheus",
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
    """Counters of this process, and gauges of the database, which are equal in all processes.

    While the database is away, its gauges are absent and `waybill_database_up` is 0. Where
    `WAYBILL_METRICS_PORT` is set, that port answers instead.
    """
    metrics: MetricsSource = request.app.state.metrics
    return await exposition(metrics)
