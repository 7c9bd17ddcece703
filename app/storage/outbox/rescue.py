"""Rescue of updates from pollers that stopped answering, with a note of the lost attempt."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app.domain.outbox.doubt import QUIET_PERIOD
from app.storage.postgres import sharding, sql
from app.storage.postgres.database import Connection, Database
from app.storage.tables import attempts
from app.storage.timeline import NewId

_BATCH = 500
LAPSED = sharding.Sweep(
    "FROM updates d WHERE d.state = 'sending' AND d.leased_until < now()",
    sql.read("outbox/rescue.sql"),
)


async def rescue(database: Database, new_id: NewId, quiet: float = QUIET_PERIOD) -> int:
    """Take back every update whose lease has ended; answers how many.

    quiet: seconds after the end of a lease in which a write may still take effect.
    """
    turns = await LAPSED.turns(database, {})
    return sum([await _rescue(database, stores, new_id, quiet) for stores in turns])


async def _rescue(database: Database, stores: Sequence[int], new_id: NewId, quiet: float) -> int:
    async with database.begin() as connection:
        lapsed = await rescue_lapsed(connection, stores, quiet)
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
                "request_id": each.request_id,
                "traceparent": each.traceparent,
            }
            for each in lapsed
        ]
        for row in rows:
            await connection.execute(sa.insert(attempts).values(**row))
    return len(lapsed)


@dataclass(frozen=True, slots=True)
class LapsedUpdate:
    """An update of a poller that stopped answering."""

    store_id: int
    id: UUID
    order_id: UUID | None
    attempts: int
    request_id: str | None
    traceparent: str | None
    leased_by: str
    leased_until: datetime


async def rescue_lapsed(
    connection: Connection, stores: Sequence[int], quiet: float
) -> list[LapsedUpdate]:
    """Take updates back whose lease has ended; stores: a turn of LAPSED.

    A write may have left as late as the last moment of the lease, so the update is in doubt until
    quiet seconds after it.
    """
    rows = await LAPSED.execute(connection, stores, {"limit": _BATCH, "quiet": quiet})
    return [LapsedUpdate(**row) for row in rows.mappings()]
