"""Reads what stores can send and read now: lanes, readings, announcements, comparisons."""

from collections.abc import Sequence

from app.domain.outbox.rate_limits import BLOCKED, BREAK_AFTER
from app.storage.postgres import sql
from app.storage.postgres.query import Reader
from app.storage.postgres.session import Row
from app.storage.postgres.sharding import ShardedQuery
from app.storage.postgres.sql import Statement
from app.storage.queries.views import (
    AnnouncementsView,
    BacklogView,
    ComparisonView,
    DeliveriesView,
    LaneHealthView,
    ReadingHealthView,
    StoreHealthView,
)

_STORES = ShardedQuery(sql.read("queries/list_store_health.sql"))
# A lane without calls in a row that failed, and without a pause, is free, whatever its reason was.
_LANES = Statement("""
    SELECT l.store_id, l.endpoint, l.reason, l.since, l.tokens,
           CASE WHEN l.paused_until > now() THEN l.paused_until END AS until,
           l.reason <> '' AND (l.paused_until > now() OR l.failures >= :failures) AS stopped
      FROM lanes AS l WHERE l.store_id = ANY(:stores::int[])
     ORDER BY l.store_id, l.endpoint
""")


async def store_health(reader: Reader, store_ids: Sequence[int]) -> dict[int, StoreHealthView]:
    """Stores by number, without their deliveries and backlogs."""
    values = {"stores": list(store_ids), "failures": BREAK_AFTER}
    lanes: dict[int, list[LaneHealthView]] = {}
    for row in await _LANES.fetch(reader, values):
        lanes.setdefault(row["store_id"], []).append(_lane(row))
    return {
        row["store_id"]: _store(row, lanes.get(row["store_id"], []))
        for row in await _STORES.fetch(reader, store_ids, values)
    }


def _lane(row: Row) -> LaneHealthView:
    stopped = row["stopped"]
    blocked = stopped and row["reason"] in BLOCKED
    return LaneHealthView(
        endpoint=row["endpoint"],
        state="blocked" if blocked else "paused" if stopped else "free",
        reason=row["reason"] if stopped else None,
        since=row["since"] if stopped else None,
        until=row["until"] if stopped else None,
        tokens=row["tokens"],
    )


def _store(row: Row, lanes: Sequence[LaneHealthView]) -> StoreHealthView:
    reading = comparison = None
    if row["importing"] is not None:
        reading = ReadingHealthView(
            row["finished_at"], row["read_until"], row["stopped"], row["unreadable"]
        )
    if row["compared_at"] is not None:
        comparison = ComparisonView(
            row["compared_at"],
            row["orders"],
            row["repaired"],
            row["differences"],
            row["comparison_stopped"],
        )
    return StoreHealthView(
        id=row["id"],
        name=row["name"],
        code=row["code"],
        market=row["market"],
        deliveries=DeliveriesView(0, 0, 0, 0, None, None),
        backlog=BacklogView(0, None, 0),
        lanes=tuple(lanes),
        reading=reading,
        announcements=AnnouncementsView(row["webhooks_since"], row["received_at"]),
        comparison=comparison,
    )
