"""/v1/health: how updates were delivered lately, and what holds them up now."""

from datetime import timedelta
from typing import Annotated, Literal
from uuid import UUID

from fastapi import Query, Response

from app.domain.errors import Invalid, Problem
from app.storage import queries
from app.storage.queries import HealthSpan
from app.storage.queries.views import HealthView
from app.web.dependencies import Reading, answer, respond
from app.web.route import OperationRouter
from app.web.v1 import examples
from app.web.v1.responses import problems, success

router = OperationRouter("/v1/health", "health")
MOST_HOURS = 2160
"""90 days, for which sums are kept."""
MOST_STEPS = 4320
"""Of one answer."""
STEPS = {
    "5m": timedelta(minutes=5),
    "30m": timedelta(minutes=30),
    "1h": timedelta(hours=1),
    "2h": timedelta(hours=2),
    "6h": timedelta(hours=6),
    "12h": timedelta(hours=12),
    "1d": timedelta(days=1),
}
_DELIVERIES = {
    "confirmed": 96,
    "first_try": 94,
    "after_retry": 2,
    "failed": 1,
    "p50_seconds": 0.38,
    "p99_seconds": 1.92,
}
_BACKLOG = {"waiting": 4, "oldest_at": "2026-11-23T13:58:20Z", "failed": 3}
_STORE = {
    "id": examples.STORE_ID,
    "name": "Main store",
    "code": "walmart_us",
    "market": "US",
    "deliveries": _DELIVERIES,
    "backlog": _BACKLOG,
    "lanes": [
        {
            "endpoint": "ship",
            "state": "paused",
            "reason": "walmart_throttled",
            "since": "2026-11-23T13:59:30Z",
            "until": "2026-11-23T14:00:08Z",
            "tokens": 0,
        }
    ],
    "reading": {
        "finished_at": "2026-11-23T13:59:50Z",
        "read_until": "2026-11-23T13:59:49Z",
        "stopped": None,
        "unread": 0,
    },
    "announcements": {
        "subscribed_since": "2026-11-01T08:00:00Z",
        "last_at": "2026-11-23T13:59:20Z",
    },
    "comparison": {
        "finished_at": "2026-11-23T13:35:00Z",
        "orders": 812,
        "repaired": 2,
        "differences": 1,
        "stopped": None,
    },
}
_HEALTH = {
    "since": "2026-11-23T13:30:00Z",
    "until": "2026-11-23T13:55:00Z",
    "step_minutes": 30,
    "deliveries": _DELIVERIES,
    "kinds": [{"kind": "shipment", "deliveries": _DELIVERIES}],
    "series": [{"starts_at": "2026-11-23T13:30:00Z", "deliveries": _DELIVERIES}],
    "backlog": _BACKLOG,
    "stores": [_STORE],
    "more_stores": False,
    "pollers": 2,
}


@router.get(
    "",
    operation_id="get_sync_health",
    summary="Get sync health",
    response_model=HealthView,
    responses=success(200, HealthView, _HEALTH, "The health of a store, or of all.")
    | problems("store_not_found", "store_id_required"),
)
async def get_sync_health(
    context: Reading,
    hours: Annotated[int, Query(ge=1, le=MOST_HOURS, description="How far back.")] = 24,
    step: Annotated[
        Literal["5m", "30m", "1h", "2h", "6h", "12h", "1d"],
        Query(description="Length of one step of `series`. Steps begin at multiples in UTC."),
    ] = "30m",
    store_id: UUID | None = None,
) -> Response:
    """Get how updates were delivered, step by step, and what each store can send and read now.

    Deliveries are summed up every five minutes, two minutes after their end. The sums are kept for
    90 days.
    """
    store = context.one_store(store_id, None)
    span = HealthSpan(hours, STEPS[step])
    if timedelta(hours=hours) > MOST_STEPS * span.step:
        message = f"At most {MOST_STEPS:,} steps are answered. Take a longer step or fewer hours."
        raise Invalid("invalid", message, [Problem("invalid", message, "/step")])
    async with context.app.database.direct.reading() as session:
        view = await queries.health(session, store, span)
    return respond(answer(200, view))
