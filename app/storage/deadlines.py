"""The ship-by clock: orders that must leave soon are marked, once, before it is too late."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import UUID as PG_UUID

from app.storage import events
from app.storage.database import Database
from app.storage.events import NewId

# Orders of one transaction; the rest comes in the next.
BATCH = 200

_MARK = sa.text("""
    WITH near AS MATERIALIZED (
      SELECT store_id, id FROM orders
       WHERE fulfillment_status IN ('open', 'partially_shipped') AND ship_by_warned_at IS NULL
         AND ship_by < now() + make_interval(secs => :before)
       ORDER BY ship_by LIMIT :batch FOR UPDATE SKIP LOCKED)
    UPDATE orders o SET ship_by_warned_at = now(), updated_at = now()
      FROM near WHERE o.store_id = near.store_id AND o.id = near.id
    RETURNING o.store_id, o.id, o.ship_by
""")
_HURRY = sa.text("""
    UPDATE updates u SET urgent = true
      FROM unnest(:stores, :orders) AS o(store_id, order_id)
     WHERE u.store_id = o.store_id AND u.order_id = o.order_id
       AND u.state IN ('pending', 'sending', 'retrying', 'verifying') AND NOT u.urgent
""").bindparams(
    sa.bindparam("stores", type_=ARRAY(sa.Integer)),
    sa.bindparam("orders", type_=ARRAY(PG_UUID(as_uuid=True))),
)


async def mark(database: Database, before: float, new_id: NewId) -> int:
    """Mark orders with unshipped units whose ship-by time is less than before seconds away.

    Answers how many; BATCH of them says that there may be more. Their updates go first from
    now on, and the order's timeline tells when people were warned.
    """
    async with database.begin() as connection:
        found = (await connection.execute(_MARK, {"before": before, "batch": BATCH})).all()
        if not found:
            return 0
        places: dict[str, Any] = {
            "stores": [row.store_id for row in found],
            "orders": [row.id for row in found],
        }
        await connection.execute(_HURRY, places)
        for row in found:
            at = row.ship_by.isoformat().replace("+00:00", "Z")
            event = events.Event("ship_by_near", detail={"ship_by": at})
            await events.add(connection, row.store_id, row.id, event, new_id)
    return len(found)
