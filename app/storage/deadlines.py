"""The ship-by clock: orders that must leave soon are marked, once, before it is too late."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import UUID as PG_UUID

from app.storage import events
from app.storage.database import Database
from app.storage.events import NewId
from app.storage.forms import Statement
from app.storage.rounds import Round

# Orders of one transaction; the rest comes in the next.
BATCH = 200

_MARK = Round(
    """
      FROM orders d
     WHERE d.fulfillment_status IN ('open', 'partially_shipped') AND d.ship_by_warned_at IS NULL
       AND d.ship_by < now() + make_interval(secs => :before)""",
    """
    WITH near AS MATERIALIZED (
      SELECT d.store_id, d.id <due>
       ORDER BY d.ship_by LIMIT :batch FOR UPDATE SKIP LOCKED)
    UPDATE orders o SET ship_by_warned_at = now(), updated_at = now()
      FROM near WHERE o.store_id = near.store_id AND o.id = near.id AND <o>
    RETURNING o.store_id, o.id, o.ship_by
    """,
)
_HURRY = Statement(
    """
    UPDATE updates u SET urgent = true
      FROM unnest(:stores, :orders) AS o(store_id, order_id)
     WHERE u.store_id = o.store_id AND u.order_id = o.order_id AND <u> AND <o>
       AND u.state IN ('pending', 'sending', 'retrying', 'verifying') AND NOT u.urgent
    """,
    sa.bindparam("stores", type_=ARRAY(sa.Integer)),
    sa.bindparam("orders", type_=ARRAY(PG_UUID(as_uuid=True))),
)


async def mark(database: Database, before: float, new_id: NewId) -> int:
    """Mark orders with unshipped units whose ship-by time is less than before seconds away.

    Answers how many; BATCH of them says that there may be more. Their updates go first from
    now on, and the order's timeline tells when people were warned.
    """
    turns = await _MARK.turns(database, {"before": before})
    return sum([await _mark(database, stores, before, new_id) for stores in turns])


async def _mark(database: Database, stores: Sequence[int], before: float, new_id: NewId) -> int:
    async with database.begin() as connection:
        found = (await _MARK.execute(connection, stores, {"before": before, "batch": BATCH})).all()
        if not found:
            return 0
        places: dict[str, Any] = {
            "stores": [row.store_id for row in found],
            "orders": [row.id for row in found],
        }
        await _HURRY.execute(connection, places["stores"], places)
        for row in found:
            at = row.ship_by.isoformat().replace("+00:00", "Z")
            event = events.Event("ship_by_near", detail={"ship_by": at})
            await events.add(connection, row.store_id, row.id, event, new_id)
    return len(found)
