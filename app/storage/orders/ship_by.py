"""The ship-by clock: orders that must leave soon are marked, once, before it is too late."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import UUID as PG_UUID

from app.storage import timeline
from app.storage.postgres.database import Database
from app.storage.postgres.sharding import ShardedStatement, Sweep
from app.storage.timeline import NewId

# Orders of one transaction; the rest comes in the next.
BATCH = 200

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
_OF_ORDERS = (
    sa.bindparam("stores", type_=ARRAY(sa.Integer)),
    sa.bindparam("orders", type_=ARRAY(PG_UUID(as_uuid=True))),
)
_LATE = "u.state IN ('pending', 'sending', 'retrying', 'verifying') AND NOT u.urgent"
# Whoever holds an update keeps no other order waiting: its own is marked in the next round.
_OVERDUE = ShardedStatement(
    f"""
    WITH free AS MATERIALIZED (
      SELECT u.store_id, u.id
        FROM updates u JOIN unnest(:stores, :orders) AS o(store_id, order_id)
          ON u.store_id = o.store_id AND u.order_id = o.order_id
       WHERE {_LATE} AND <u> AND <o>
         FOR UPDATE OF u SKIP LOCKED)
    UPDATE updates u SET urgent = true
      FROM free WHERE u.store_id = free.store_id AND u.id = free.id AND <u>
    """,  # noqa: S608 - only a constant of this module is put in
    *_OF_ORDERS,
)
_MARK = ShardedStatement(
    f"""
    UPDATE orders o SET ship_by_warned_at = now(), updated_at = now()
      FROM unnest(:stores, :orders) AS n(store_id, order_id)
     WHERE o.store_id = n.store_id AND o.id = n.order_id AND <o> AND <n>
       AND NOT EXISTS (SELECT FROM updates u
                        WHERE u.store_id = o.store_id AND u.order_id = o.id AND {_LATE} AND <u>)
    RETURNING o.store_id, o.id, o.ship_by
    """,  # noqa: S608 - as above
    *_OF_ORDERS,
)


async def mark(database: Database, before: float, new_id: NewId) -> int:
    """Mark orders with unshipped units whose ship-by time is less than before seconds away.

    Answers how many; BATCH of them says that there may be more. Their updates go first from
    now on, and the order's timeline tells when people were warned.
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
        await _OVERDUE.execute(connection, places["stores"], places)
        marked = (await _MARK.execute(connection, places["stores"], places)).all()
        for row in marked:
            at = row.ship_by.isoformat().replace("+00:00", "Z")
            event = timeline.TimelineEvent("ship_by_near", detail={"ship_by": at})
            await timeline.add(connection, row.store_id, row.id, event, new_id)
    return len(marked)
