"""Commerce events: one row for each shipment, cancellation or credit memo of Commerce.

A row has everything that Commerce's webhooks and I/O events have said about it so far. It waits
while its order is not known, is refused while it cannot be carried out, and otherwise stays, so
that the same event is recognised again.
"""

import dataclasses
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from app.domain.errors import Unknown
from app.domain.ids import store_of
from app.domain.orders.shipping import TRACK_NOT_SENT
from app.storage import audit
from app.storage.postgres import sql
from app.storage.postgres.database import Connection, Database
from app.storage.postgres.sharding import Sweep
from app.storage.tables import commerce_event_ids, commerce_events, orders

table = commerce_events
WAITING, REFUSED, DONE, DISMISSED = "waiting", "refused", "done", "dismissed"
OPEN = (WAITING, REFUSED)
# Why a credit memo is refused while no Walmart return has the credited units.
NO_RETURN = "no_open_return"
# Events that a poller carries out in one go, and seconds until it retries those it could not.
BATCH, _AGAIN = 20, 30.0
# Why a row waits: for its order, or, if it is a track, for its shipment.
NOT_LINKED, NOT_TOLD = "order_not_linked", "shipment_not_told"
# Why an event is refused while an update of its order may still take effect.
IN_DOUBT = "order_in_doubt"
_TAKE_EVENTS = sql.read("commerce/take_events.sql")
_TAKE_LINKED = Sweep(
    """
      FROM commerce_events d
     WHERE d.state = 'waiting' AND d.code = 'order_not_linked' AND d.order_id IS NOT NULL
       AND d.due_at <= now()""",
    _TAKE_EVENTS,
    since="d.due_at",
)
_TAKE_UNDOUBTED = Sweep(
    sql.read("commerce/events_out_of_doubt.sql"), _TAKE_EVENTS, since="d.due_at"
)
_MARK = sql.load("commerce/mark_order.sql")


@dataclass(frozen=True, slots=True)
class CommerceEvent:
    """A shipment, cancellation or credit memo of Commerce, with everything known about it."""

    store_id: int
    id: UUID
    reference: str
    about: str
    commerce_order_id: int
    content: Mapping[str, Any]
    """The merged content of its messages, as JSON."""
    state: str = WAITING
    order_id: UUID | None = None
    content_at: datetime | None = None
    """When the newest complete content arrived; of a credit memo, the last I/O event."""
    shipments: tuple[str, ...] = ()
    """Ids of the shipments that it became; of a credit memo, the REST request behind it."""
    code: str | None = None
    message: str | None = None
    note: str | None = None
    dismissed_by: str | None = None
    request_id: str | None = field(default=None, compare=False)
    """Of the request that brought its newest message, as `traceparent`."""
    traceparent: str | None = field(default=None, compare=False)
    received_at: datetime | None = field(default=None, compare=False)
    updated_at: datetime | None = field(default=None, compare=False)

    def same_trouble(self, other: "CommerceEvent") -> bool:
        """Whether both have the same content, state and reason."""
        return (self.state, self.code, self.content) == (other.state, other.code, other.content)

    @property
    def is_later_part(self) -> bool:
        """Whether it is a shipment that only added parts to units that were shipped before."""
        return self.code == TRACK_NOT_SENT and not self.shipments


_WRITTEN = [each.name for each in dataclasses.fields(CommerceEvent) if each.compare]


async def lock(
    connection: Connection, store_id: int, commerce_order_id: int, reference: str
) -> CommerceEvent | None:
    """The event with a reference, locked; the caller locks its order first."""
    statement = sa.select(table).where(
        table.c.store_id == store_id,
        table.c.commerce_order_id == commerce_order_id,
        table.c.reference == reference,
    )
    row = (await connection.execute(statement.with_for_update())).mappings().one_or_none()
    return from_row(row) if row else None


async def find(connection: Connection, event_id: UUID) -> CommerceEvent:
    """An event by its id. Raises Unknown."""
    store_id = store_of(event_id)
    statement = sa.select(table).where(table.c.store_id == store_id, table.c.id == event_id)
    row = (await connection.execute(statement)).mappings().one_or_none()
    if row is None:
        raise Unknown("commerce event", event_id)
    return from_row(row)


async def save(connection: Connection, event: CommerceEvent) -> None:
    """Insert or update an event."""
    values: dict[str, Any] = {name: getattr(event, name) for name in _WRITTEN}
    values |= {"content": dict(event.content), "shipments": list(event.shipments)}
    if (origin := audit.origin.get()).request_id is not None:
        values |= origin.thread
    changes = {name: value for name, value in values.items() if name not in {"store_id", "id"}}
    statement = insert(table).values(**values, updated_at=sa.func.now())
    await connection.execute(
        statement.on_conflict_do_update(
            index_elements=[table.c.store_id, table.c.commerce_order_id, table.c.reference],
            # The time is given with the row: Citus takes none that is computed here.
            set_=changes | {"updated_at": statement.excluded.updated_at},
        )
    )


async def of_order(connection: Connection, store_id: int, order_id: UUID) -> list[CommerceEvent]:
    """The events of an order."""
    statement = sa.select(table).where(table.c.store_id == store_id, table.c.order_id == order_id)
    return [from_row(row) for row in (await connection.execute(statement)).mappings()]


async def adopt(
    connection: Connection, store_id: int, commerce_order_id: int, order_id: UUID
) -> Sequence[UUID]:
    """Link the events that wait for an order; answers those that may be carried out now.

    No event can begin to wait for it meanwhile. The caller has locked the order.
    """
    await lock_links(connection, store_id, commerce_order_id)
    statement = (
        sa.update(table)
        .where(
            table.c.store_id == store_id,
            table.c.commerce_order_id == commerce_order_id,
            table.c.state == WAITING,
            table.c.order_id.is_(None),
        )
        .values(order_id=order_id)
        .returning(table.c.id)
    )
    return sorted((await connection.execute(statement)).scalars())


async def refused_as(
    connection: Connection, store_id: int, order_ids: Collection[UUID], codes: Collection[str]
) -> list[UUID]:
    """The events of some orders that were refused for one of these reasons."""
    statement = sa.select(table.c.id).where(
        table.c.store_id == store_id,
        table.c.order_id.in_(sorted(order_ids)),
        table.c.state == REFUSED,
        table.c.code.in_(sorted(codes)),
    )
    return sorted((await connection.execute(statement)).scalars()) if order_ids else []


async def take(database: Database) -> list[UUID]:
    """Take some events that waited for a link or for the end of a doubt, which has come by now.

    Other pollers skip them for a while.
    """
    taken: list[UUID] = []
    # mutation: credit-memo-after-doubt
    for ready in (_TAKE_LINKED, _TAKE_UNDOUBTED):
        for stores in await ready.turns(database, {}):
            if len(taken) < BATCH:
                async with database.begin() as connection:
                    values = {"batch": BATCH - len(taken), "again": _AGAIN}
                    taken += [row.id for row in await ready.execute(connection, stores, values)]
    return sorted(taken)


async def mark(connection: Connection, store_id: int, order_id: UUID) -> bool:
    """Write on an order whether it has an open event; answers whether that changed.

    The caller has locked the order, and writes its status afterwards.
    """
    values = {"store_id": store_id, "order_id": order_id}
    return (await _MARK.execute(connection, values)).first() is not None


async def seen(connection: Connection, store_id: int, event_id: str) -> bool:
    """Whether an Adobe event with that id was carried out before."""
    statement = sa.select(commerce_event_ids.c.event_id).where(
        commerce_event_ids.c.store_id == store_id, commerce_event_ids.c.event_id == event_id
    )
    return (await connection.execute(statement)).first() is not None


async def remember(connection: Connection, store_id: int, event_id: str) -> None:
    """Store the id of an Adobe event that was carried out."""
    values = {"store_id": store_id, "event_id": event_id}
    await connection.execute(insert(commerce_event_ids).values(values).on_conflict_do_nothing())


async def lock_links(connection: Connection, store_id: int, commerce_order_id: int) -> None:
    """Lock the links of a Commerce order until the transaction ends."""
    key = f"commerce:{store_id}:{commerce_order_id}"
    await connection.execute(
        sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtextextended(key, 0)))
    )


async def others_with(
    connection: Connection, store_id: int, commerce_order_id: int, order_id: UUID
) -> Sequence[str]:
    """Purchase order numbers of other orders that are linked to the Commerce order."""
    statement = sa.select(orders.c.purchase_order_id).where(
        orders.c.store_id == store_id,
        orders.c.commerce_order_id == commerce_order_id,
        orders.c.id != order_id,
    )
    return (await connection.execute(statement.order_by(orders.c.id))).scalars().all()


def from_row(row: Mapping[Any, Any]) -> CommerceEvent:
    """The event of a row of the table."""
    values = {each.name: row[each.name] for each in dataclasses.fields(CommerceEvent)}
    return CommerceEvent(**values | {"shipments": tuple(row["shipments"])})
