"""Updates of pollers that stopped answering: taken back, with a note of the lost try."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from app.orders.doubt import QUIET_PERIOD
from app.storage import updates
from app.storage.database import Database
from app.storage.events import NewId
from app.storage.tables import attempts


async def take_back(database: Database, new_id: NewId, quiet: float = QUIET_PERIOD) -> int:
    """Take back every update whose lease has ended; answers how many.

    quiet: seconds after the end of a lease in which a write may still take effect.
    """
    turns = await updates.LAPSED.turns(database, {})
    return sum([await _take_back(database, stores, new_id, quiet) for stores in turns])


async def _take_back(database: Database, stores: Sequence[int], new_id: NewId, quiet: float) -> int:
    async with database.begin() as connection:
        lapsed = await updates.take_back_lapsed(connection, stores, quiet)
        if not lapsed:
            return 0
        rows: list[dict[str, Any]] = [
            {
                "store_id": each.store_id,
                "id": new_id(each.store_id),
                "update_id": each.id,
                "order_id": each.order_id,
                "number": each.attempts,
                "poller": each.leased_by,
                "started_at": each.leased_until,
                "ended_at": sa.func.now(),
                "verdict": "poller_lost",
                "detail": "The poller stopped answering; Walmart is read before anything is sent.",
                "calls": [],
            }
            for each in lapsed
        ]
        for row in rows:
            await connection.execute(sa.insert(attempts).values(**row))
    return len(lapsed)
