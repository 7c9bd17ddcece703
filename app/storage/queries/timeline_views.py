"""The timeline of an order: accepted, attempted, settled, corrected, dismissed; oldest first."""

from collections.abc import Iterator, Mapping
from typing import Any
from uuid import UUID

from app.domain.orders.order_event import OrderEvent
from app.storage.postgres import sql
from app.storage.postgres.query import Reader
from app.storage.postgres.session import Row
from app.storage.postgres.sql import Statement
from app.storage.queries import update_views
from app.storage.queries.views import AttemptView, TimelineEntry, UpdateView

# One page shows the whole timeline; an order with more attempts or events shows the newest.
MOST = 500

_ORDER = Statement(
    "SELECT created_at, purchase_order_id FROM orders WHERE store_id = :store_id AND id = :order_id"
)
_EVENTS = sql.load("queries/list_newest_of_order.sql", table="events")
_ATTEMPTS = sql.load("queries/list_newest_of_order.sql", table="attempts")


async def timeline(reader: Reader, store_id: int, order_id: UUID) -> list[TimelineEntry]:
    """The order's timeline, with at most MOST attempts and MOST events, oldest first."""
    key = {"store_id": store_id, "order_id": order_id}
    found = await _ORDER.fetch(reader, key)
    if not found:
        return []
    known = (await update_views.of_orders(reader, [(store_id, order_id)]))[order_id]
    number = {"purchase_order_id": found[0]["purchase_order_id"]}
    entries = [
        TimelineEntry(found[0]["created_at"], OrderEvent.ORDER_REGISTERED, None, None, number)
    ]
    for update in known:
        entries += _of_update(update)
    entries += [_event(row) for row in await _rows(reader, _EVENTS, key)]
    entries += [_attempt(row) for row in await _rows(reader, _ATTEMPTS, key)]
    return sorted(entries, key=lambda entry: entry.at)


async def attempts_of_order(
    reader: Reader, store_id: int, order_id: UUID, most: int = MOST
) -> dict[UUID, list[AttemptView]]:
    """The newest attempts of an order by their update, oldest first, with their calls."""
    key = {"store_id": store_id, "order_id": order_id, "limit": most}
    found: dict[UUID, list[AttemptView]] = {}
    for row in reversed(await _ATTEMPTS.fetch(reader, key)):
        found.setdefault(row["update_id"], []).append(update_views.attempt_view(row))
    return found


async def _rows(reader: Reader, statement: Statement, key: Mapping[str, Any]) -> Iterator[Row]:
    newest_first = await statement.fetch(reader, {**key, "limit": MOST})
    # Rows of one moment keep the order in which they were written.
    return reversed(newest_first)


def _of_update(update: UpdateView) -> Iterator[TimelineEntry]:
    accepted = f"{update.kind}_accepted"
    yield TimelineEntry(update.created_at, accepted, update.requested_by, update.id, {})
    if update.finished_at is not None:
        detail = {"code": update.status_detail.code} if update.status_detail else {}
        what = f"{update.kind}_{update.state}"
        yield TimelineEntry(update.finished_at, what, update.dismissed_by, update.id, detail)


def _event(row: Row) -> TimelineEntry:
    return TimelineEntry(row["at"], row["what"], row["actor"], row["update_id"], row["detail"])


def _attempt(row: Row) -> TimelineEntry:
    detail = {
        "attempt": row["number"],
        "verdict": row["verdict"],
        "detail": row["detail"],
        "calls": [
            {key: call[key] for key in ("operation", "status", "codes", "correlation_id")}
            for call in row["calls"]
        ],
    }
    return TimelineEntry(row["ended_at"], OrderEvent.ATTEMPT, None, row["update_id"], detail)
