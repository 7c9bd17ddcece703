"""Why nothing goes to Walmart for a store, or to one of its endpoints: told once, on the store."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from app.orders.lane import BLOCKED, BREAK_AFTER, Endpoint, ways
from app.orders.update import DUE, Kind, State
from app.storage.database import Connection
from app.storage.tables import lanes
from app.storage.views import StatusDetail, UpdateView

# Reason of a lane: whose doing it is, a sentence, and what to do.
REASONS = {
    "credentials_rejected": (
        "waybill",
        "Walmart does not accept the store's client id and secret. Its updates wait.",
        "Correct them with PATCH /v1/stores/{store_id}; what waits goes out by itself.",
    ),
    "secret_unreadable": (
        "waybill",
        "No configured encryption key reads the store's Walmart secret. Its updates wait.",
        "Add the key to WAYBILL_ENCRYPTION_KEYS, or give the secret anew.",
    ),
    "walmart_access_denied": (
        "waybill",
        "Walmart does not let this store's keys do this, or the address is wrong.",
        "Check the key's permissions in Walmart's Developer Portal; run waybill doctor.",
    ),
    "commerce_credentials_rejected": (
        "waybill",
        "Commerce does not accept the store's access token, or it may not do this. Updates wait.",
        "Give a new one with PATCH /v1/stores/{store_id}; docs/commerce.md says what it needs.",
    ),
    "commerce_access_denied": (
        "waybill",
        "Commerce does not let the token do this, or its address is wrong.",
        "Check commerce.base_url and what the integration may do (docs/commerce.md).",
    ),
    "commerce_throttled": (
        "commerce",
        "Commerce takes no more calls for the moment.",
        None,
    ),
    "commerce_unavailable": (
        "commerce",
        "Commerce does not answer properly; a single call tries from time to time.",
        None,
    ),
    "walmart_throttled": (
        "walmart",
        "Walmart takes no more calls of this kind for the moment.",
        None,
    ),
    "walmart_unavailable": (
        "walmart",
        "Walmart does not answer properly; a single call tries from time to time.",
        None,
    ),
}


@dataclass(frozen=True, slots=True)
class Stop:
    """A lane that stands still or is only tried now and then."""

    store_id: int
    endpoint: Endpoint
    reason: str
    since: datetime

    def detail(self, operation: str, update: UpdateView | None = None) -> StatusDetail:
        """What a person is told of it."""
        origin, message, suggestion = REASONS.get(self.reason, ("waybill", self.reason, None))
        return StatusDetail(
            code=self.reason,
            origin=origin,
            operation=operation,
            update_id=update.id if update else None,
            message=message,
            field=None,
            suggestion=suggestion,
            retryable=True,
            occurred_at=self.since,
        )


async def stops(connection: Connection, store_ids: Collection[int]) -> dict[int, list[Stop]]:
    """What stands still, for each of some stores that has anything."""
    statement = (
        sa.select(lanes.c.store_id, lanes.c.endpoint, lanes.c.reason, lanes.c.since)
        .where(
            lanes.c.store_id.in_(sorted(store_ids)),
            lanes.c.reason != "",
            lanes.c.endpoint.in_(sorted(Endpoint)),
            sa.or_(lanes.c.paused_until > sa.func.now(), lanes.c.failures >= BREAK_AFTER),
        )
        .order_by(lanes.c.store_id, lanes.c.endpoint)
    )
    found: dict[int, list[Stop]] = {}
    for row in await connection.execute(statement):
        stop = Stop(row.store_id, Endpoint(row.endpoint), row.reason, row.since)
        found.setdefault(row.store_id, []).append(stop)
    return found


def of_order(stops: Collection[Stop], known: Collection[UpdateView]) -> list[StatusDetail]:
    """Why open updates of an order wait for more than their own sake; each reason once."""
    told: dict[str, StatusDetail] = {}
    for update in known:
        if State(update.state) not in DUE:
            continue
        for stop in stops:
            concerned = stop.endpoint in ways(Kind(update.kind), reads=False)
            if concerned and stop.reason in BLOCKED:
                told.setdefault(stop.reason, stop.detail(update.kind, update))
    return list(told.values())
