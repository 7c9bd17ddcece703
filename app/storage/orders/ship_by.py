"""The ship-by clock: marks orders that must be shipped soon, each once."""

from collections.abc import Sequence
from typing import Any

from app.domain.notification_kind import NotificationKind
from app.domain.orders.order_event import OrderEvent
from app.storage import occurrences, timeline
from app.storage.postgres import sql
from app.storage.postgres.database import Database
from app.storage.postgres.sharding import ShardedCommand, Sweep
from app.storage.timeline import NewId

BATCH = 200
"""Orders of one transaction."""

_NEAR = Sweep(
    """
      FROM orders d
     WHERE d.fulfillment_status IN ('open', 'partially_shipped') AND d.ship_by_warned_at IS NULL
       AND d.ship_by < now() + make_interval(secs => :before)""",
    """
    SELECT d.store_id, d.id <due>
     ORDER BY d.ship_by LIMIT :batch FOR UPDATE SKIP LOCKED
    """,
)
_LATE = "u.state IN ('pending', 'sending', 'retrying', 'verifying') AND NOT u.urgent"
_MAKE_URGENT = ShardedCommand(sql.read("orders/make_updates_urgent.sql", late=_LATE))
_MARK = ShardedCommand(sql.read("orders/mark_ship_by.sql", late=_LATE))


async def mark(database: Database, before: float, new_id: NewId) -> int:
    """Mark orders with unshipped units and less than before seconds until their ship-by time.

    Their updates go first from now on, and the warning is an event of the order's timeline.
    Returns the number of orders; if it is BATCH, there may be more.
    """
    turns = await _NEAR.turns(database, {"before": before})
    return sum([await _mark(database, stores, before, new_id) for stores in turns])


async def _mark(database: Database, stores: Sequence[int], before: float, new_id: NewId) -> int:
    async with database.begin() as connection:
        values = {"before": before, "batch": BATCH}
        near = (await _NEAR.execute(connection, stores, values)).all()
        if not near:
            return 0
        places: dict[str, Any] = {
            "stores": [row.store_id for row in near],
            "orders": [row.id for row in near],
        }
        await _MAKE_URGENT.execute(connection, places["stores"], places)
        marked = (await _MARK.execute(connection, places["stores"], places)).all()
        for row in marked:
            at = row.ship_by.isoformat().replace("+00:00", "Z")
            event = timeline.TimelineEvent(OrderEvent.SHIP_BY_NEAR, detail={"ship_by": at})
            await timeline.add(connection, row.store_id, row.id, event, new_id)
            # mutation: notify-ship-by
            await occurrences.report(
                connection, NotificationKind.SHIP_BY_NEAR, row.store_id, row.id, {"ship_by": at}
            )
    return len(marked)
