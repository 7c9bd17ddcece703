"""Stopped lanes: why a store's calls to Walmart or Commerce wait, shown on the store."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from app.domain.orders import fixes
from app.domain.outbox.rate_limits import BLOCKED, BREAK_AFTER, Endpoint, lanes_for
from app.domain.update import DUE, Kind
from app.storage.postgres.query import Reader
from app.storage.postgres.sharding import ShardedQuery
from app.storage.queries import update_views
from app.storage.queries.views import FixView, StatusDetail, UpdateView

# By the reason of a lane: its origin, a message, and what to do.
REASONS = {
    "credentials_rejected": (
        "waybill",
        "Walmart does not accept the store's client id and secret. Its updates wait.",
        "Correct them with PATCH /v1/stores/{store_id}; updates that wait are sent then.",
    ),
    "secret_unreadable": (
        "waybill",
        "No configured encryption key decrypts the store's Walmart secret. Its updates wait.",
        "Add the key to WAYBILL_ENCRYPTION_KEYS, or set the secret again.",
    ),
    "walmart_access_denied": (
        "waybill",
        "The store's Walmart keys lack the permission, or the address is wrong.",
        "Check the key's permissions in Walmart's Developer Portal; run waybill doctor.",
    ),
    "commerce_credentials_rejected": (
        "waybill",
        "Commerce rejects the store's access token, or the token lacks a permission. Updates wait.",
        "Set a new one with PATCH /v1/stores/{store_id}; docs/commerce.md has its permissions.",
    ),
    "commerce_access_denied": (
        "waybill",
        "The Commerce token lacks the permission, or the address is wrong.",
        "Check commerce.base_url and the permissions of the integration (docs/commerce.md).",
    ),
    "commerce_throttled": (
        "commerce",
        "Commerce throttles calls at the moment.",
        None,
    ),
    "commerce_unavailable": (
        "commerce",
        "Commerce is unavailable. Waybill sends a trial call from time to time.",
        None,
    ),
    "walmart_throttled": (
        "walmart",
        "Walmart throttles calls of this kind at the moment.",
        None,
    ),
    "walmart_unavailable": (
        "walmart",
        "Walmart is unavailable. Waybill sends a trial call from time to time.",
        None,
    ),
}


@dataclass(frozen=True, slots=True)
class StoppedLane:
    """A lane that is paused, or whose circuit breaker is open."""

    store_id: int
    endpoint: Endpoint
    reason: str
    since: datetime

    def detail(self, operation: str, store: UUID, update: UpdateView | None = None) -> StatusDetail:
        """The status detail that shows it. store: the id of the store."""
        fix = fixes.of_store(self.reason)
        links = {"store": f"/v1/stores/{store}"}
        if fix is not None:
            links["fix"] = update_views.store_links(store)[fix.action]
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
            params={"endpoint": self.endpoint.value},
            fix=FixView.of(fix),
            links=links,
        )


_STOPS = ShardedQuery("""
    SELECT store_id, endpoint, reason, since FROM lanes l
     WHERE store_id = ANY(:stores::int[]) AND <l> AND endpoint = ANY(:endpoints::text[])
       AND reason <> '' AND (paused_until > now() OR failures >= :failures::int)
     ORDER BY store_id, endpoint
""")


async def stops(reader: Reader, store_ids: Collection[int]) -> dict[int, list[StoppedLane]]:
    """The stopped lanes of some stores; a store without one is left out."""
    found: dict[int, list[StoppedLane]] = {}
    if not store_ids:
        return found
    stores = sorted(store_ids)
    values = {"stores": stores, "endpoints": sorted(Endpoint), "failures": BREAK_AFTER}
    for row in await _STOPS.fetch(reader, stores, values):
        stop = StoppedLane(row["store_id"], Endpoint(row["endpoint"]), row["reason"], row["since"])
        found.setdefault(stop.store_id, []).append(stop)
    return found


def of_order(stops: Collection[StoppedLane], known: Collection[UpdateView]) -> list[StatusDetail]:
    """Why open updates of an order wait for a stopped lane; each reason once."""
    details: dict[str, StatusDetail] = {}
    for update in known if stops else ():
        if update.state not in DUE:
            continue
        for stop in stops:
            concerned = stop.endpoint in lanes_for(Kind(update.kind), reads=False)
            if concerned and stop.reason in BLOCKED:
                details.setdefault(stop.reason, stop.detail(update.kind, update.store_id, update))
    return list(details.values())
