"""Which orders changed lately, and how many there are of each status: hints for open pages."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from app.storage.postgres.query import Reader
from app.storage.postgres.sql import Statement

# Orders of a store that one look finds. Beyond, it says that there are more.
MOST = 500
# An order of a delivery that is tried again does not change itself, so attempts are looked at too.
_CHANGED = Statement("""
    SELECT l.store_id, o.id, o.at FROM lanes l CROSS JOIN LATERAL (
      SELECT o.id, o.updated_at AS at FROM orders o
       WHERE o.store_id = l.store_id AND o.updated_at > :since
       ORDER BY o.updated_at DESC LIMIT :most) o
     WHERE l.endpoint = '*' AND (:every::boolean OR l.store_id = ANY(:stores::int[]))
""")
_TRIED = Statement("""
    SELECT a.store_id, a.order_id AS id, a.ended_at AS at FROM attempts a
     WHERE a.ended_at > :since AND a.order_id IS NOT NULL
       AND (:every::boolean OR a.store_id = ANY(:stores::int[]))
     ORDER BY a.ended_at DESC LIMIT :most
""")
_COUNTS = Statement("""
    SELECT store_id, status, sum(orders)::bigint AS orders FROM (
      SELECT store_id, status, orders FROM order_counts
       WHERE :every::boolean OR store_id = ANY(:stores::int[])
      UNION ALL
      SELECT store_id, status, orders FROM order_count_changes
       WHERE :every::boolean OR store_id = ANY(:stores::int[])) found
     GROUP BY store_id, status
""")
_NOW = Statement("SELECT now() AS at")


@dataclass(frozen=True, slots=True)
class ChangedOrder:
    """An order that changed, and when, by the database's clock."""

    store_id: int
    id: UUID
    at: datetime


async def database_now(reader: Reader) -> datetime:
    """The database's time."""
    (row,) = await _NOW.fetch(reader)
    found: datetime = row["at"]
    return found


async def changed_orders(
    reader: Reader, since: datetime, stores: Collection[int] | None
) -> list[ChangedOrder]:
    """Orders that changed or were tried since then, the latest MOST of a store and MOST tried.

    stores: None means every store.
    """
    values = {"since": since, "most": MOST, "every": stores is None, "stores": list(stores or ())}
    rows = [*await _CHANGED.fetch(reader, values), *await _TRIED.fetch(reader, values)]
    return [ChangedOrder(row["store_id"], row["id"], row["at"]) for row in rows]


async def counts_by_store(
    reader: Reader, stores: Collection[int] | None
) -> dict[int, dict[str, int]]:
    """How many orders of each store are in each status. A status may be missing."""
    values = {"every": stores is None, "stores": list(stores or ())}
    found: dict[int, dict[str, int]] = {}
    for row in await _COUNTS.fetch(reader, values):
        found.setdefault(row["store_id"], {})[row["status"]] = row["orders"]
    return found
