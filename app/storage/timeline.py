"""Events in an order's timeline that no other table has: corrections, retries, dismissals."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app.domain.orders.order_event import OrderEvent
from app.storage.postgres.database import Connection
from app.storage.tables import events

NewId = Callable[[int], UUID]
WAYBILL = "waybill"
"""The actor of what Waybill does by itself."""


@dataclass(frozen=True, slots=True)
class TimelineEvent:
    """One event in an order's timeline."""

    what: OrderEvent
    actor: str | None = None
    """The name of the API key. None means Waybill itself, as `WAYBILL` does."""
    update_id: UUID | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)


async def add(
    connection: Connection, store_id: int, order_id: UUID, event: TimelineEvent, ids: NewId
) -> None:
    """Write an event, in the transaction of the change that it describes."""
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


async def add_passed_over(
    connection: Connection,
    place: tuple[int, UUID],
    items: Sequence[int],
    actor: str,
    ids: NewId,
) -> None:
    """Write which Commerce items of a request belong to no line, if there are any.

    place: the order's store and id.
    """
    if items:
        event = TimelineEvent(
            OrderEvent.COMMERCE_ITEMS_PASSED_OVER, actor, detail={"items": list(items)}
        )
        # mutation: passed-over-in-timeline
        await add(connection, *place, event, ids)


async def has(
    connection: Connection, store_id: int, order_id: UUID, what: str, detail: Mapping[str, Any]
) -> bool:
    """Whether the timeline has an event of this kind with this detail."""
    statement = sa.select(sa.literal(1)).where(
        events.c.store_id == store_id,
        events.c.order_id == order_id,
        events.c.what == what,
        events.c.detail == dict(detail),
    )
    return (await connection.execute(statement.limit(1))).first() is not None
