"""Things that happened to an order and stand nowhere else: corrections, retries, dismissals."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app.storage.postgres.database import Connection
from app.storage.tables import events

NewId = Callable[[int], UUID]


@dataclass(frozen=True, slots=True)
class TimelineEvent:
    """One entry for an order's timeline; actor is the name of the API key, None for Waybill."""

    what: str
    actor: str | None = None
    update_id: UUID | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)


async def add(
    connection: Connection, store_id: int, order_id: UUID, event: TimelineEvent, ids: NewId
) -> None:
    """Write an entry in the transaction of what it tells."""
    await connection.execute(
        sa.insert(events).values(
            store_id=store_id,
            id=ids(store_id),
            order_id=order_id,
            update_id=event.update_id,
            what=event.what,
            actor=event.actor,
            detail=dict(event.detail),
        )
    )
