"""Pauses of a store's endpoints at Walmart, known to every poller.

A lane is a store and an update kind ("*" is all of them). While one is paused its updates
are not claimed; other lanes and other stores go on.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from app.storage.database import Connection
from app.storage.tables import lanes


@dataclass(frozen=True, slots=True)
class PausedLane:
    """A lane that stands still, and why."""

    store_id: int
    endpoint: str
    reason: str
    seconds: float


async def pause(connection: Connection, paused: Sequence[PausedLane]) -> None:
    """Let lanes stand still from now, at least as long as each is told; a longer pause stays."""
    longest = {
        (lane.store_id, lane.endpoint): lane for lane in sorted(paused, key=lambda p: p.seconds)
    }
    # In one order everywhere, so that two pollers that pause the same lanes never deadlock.
    for _, lane in sorted(longest.items()):
        until = sa.func.now() + sa.func.make_interval(0, 0, 0, 0, 0, 0, lane.seconds)
        statement = insert(lanes).values(
            store_id=lane.store_id, endpoint=lane.endpoint, reason=lane.reason, paused_until=until
        )
        await connection.execute(
            statement.on_conflict_do_update(
                index_elements=[lanes.c.store_id, lanes.c.endpoint],
                set_={
                    "paused_until": sa.func.greatest(
                        lanes.c.paused_until, statement.excluded.paused_until
                    ),
                    "reason": statement.excluded.reason,
                },
            )
        )


async def paused_until(connection: Connection, store_id: int, kind: str) -> datetime | None:
    """Until when updates of that kind of the store stand still, if they do."""
    statement = sa.select(sa.func.max(lanes.c.paused_until)).where(
        lanes.c.store_id == store_id,
        lanes.c.endpoint.in_(["*", kind]),
        lanes.c.paused_until > sa.func.now(),
    )
    until: datetime | None = (await connection.execute(statement)).scalar_one()
    return until
