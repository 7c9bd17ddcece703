"""What happened to an order, oldest first: accepted, tried, settled, corrected, dismissed."""

from collections.abc import Iterator
from uuid import UUID

from app.storage.postgres.query import Reader, fetch
from app.storage.postgres.session import Row
from app.storage.queries import update_views
from app.storage.queries.views import TimelineEntry, UpdateView

# One page shows all of an order's life; an order that was tried more often shows its newest.
MOST = 500


_ORDER = "SELECT created_at, purchase_order_id FROM orders WHERE store_id = $1 AND id = $2"
# All of the order's are looked at: to find its newest among those of the store could take long.
_NEWEST = """
    WITH own AS MATERIALIZED (SELECT * FROM {table} WHERE store_id = $1 AND order_id = $2)
    SELECT * FROM own ORDER BY id DESC LIMIT $3::int
"""


async def timeline(reader: Reader, store_id: int, order_id: UUID) -> list[TimelineEntry]:
    """The order's timeline, at most MOST tries and as many events of it, oldest first."""
    found = await fetch(reader, _ORDER, store_id, order_id)
    if not found:
        return []
    known = (await update_views.of_orders(reader, [(store_id, order_id)]))[order_id]
    number = {"purchase_order_id": found[0]["purchase_order_id"]}
    entries = [TimelineEntry(found[0]["created_at"], "order_registered", None, None, number)]
    for update in known:
        entries += _of_update(update)
    entries += [_event(row) for row in await _rows(reader, "events", store_id, order_id)]
    entries += [_try(row) for row in await _rows(reader, "attempts", store_id, order_id)]
    return sorted(entries, key=lambda entry: entry.at)


async def _rows(reader: Reader, table: str, store_id: int, order_id: UUID) -> Iterator[Row]:
    newest_first = await fetch(reader, _NEWEST.format(table=table), store_id, order_id, MOST)
    # Of one moment, what was written first stays first.
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


def _try(row: Row) -> TimelineEntry:
    detail = {
        "attempt": row["number"],
        "verdict": row["verdict"],
        "detail": row["detail"],
        "calls": [
            {key: call[key] for key in ("operation", "status", "codes", "correlation_id")}
            for call in row["calls"]
        ],
    }
    return TimelineEntry(row["ended_at"], "attempt", None, row["update_id"], detail)
