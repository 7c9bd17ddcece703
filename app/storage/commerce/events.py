"""What Commerce's hooks and events told: one row for each shipment, cancellation or credit memo.

A row is all that was told of its thing so far. It waits while nobody knows whose order it is,
is refused while Walmart cannot be told so, and else stays to know the same thing again.
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
from app.storage.postgres.database import Connection, Database
from app.storage.postgres.sharding import Sweep
from app.storage.tables import commerce_event_ids, commerce_events, orders

table = commerce_events
WAITING, REFUSED, DONE, DISMISSED = "waiting", "refused", "done", "dismissed"
OPEN = (WAITING, REFUSED)
# Why one is refused while no return of Walmart's holds what was credited.
NO_RETURN = "no_open_return"
# What a poller carries out in one go, and seconds until it tries again what it could not.
BATCH, _AGAIN = 20, 30.0
# Why a row waits: for its order, or, being a track, for its shipment.
NOT_LINKED, NOT_TOLD = "order_not_linked", "shipment_not_told"
# Whatever keeps one from being carried out, the others have their turn before it comes again.
_TAKEN = """
    WITH due AS MATERIALIZED (
      SELECT d.store_id, d.id <due> ORDER BY d.due_at LIMIT :batch FOR UPDATE OF d SKIP LOCKED)
    UPDATE commerce_events e SET due_at = now() + make_interval(secs => :again)
      FROM due WHERE e.store_id = due.store_id AND e.id = due.id AND <e>
    RETURNING e.id
"""
_TAKE = Sweep(
    """
      FROM commerce_events d
     WHERE d.state = 'waiting' AND d.code = 'order_not_linked' AND d.order_id IS NOT NULL
       AND d.due_at <= now()""",
    _TAKEN,
    since="d.due_at",
)
# Why one is refused while something of its order may still take effect.
IN_DOUBT = "order_in_doubt"
# What was refused because a refund of its return line, or what else of its order holds its units,
# was in doubt. What is open is few rows, by an index.
_TAKE_UNDOUBTED = Sweep(
    """
      FROM commerce_events d
     WHERE d.state = 'refused' AND d.code IN ('refund_in_doubt', 'order_in_doubt')
       AND d.due_at <= now()
       AND NOT EXISTS (SELECT FROM updates u
                        WHERE u.store_id = d.store_id AND u.order_id = d.order_id
                          AND (u.kind = 'refund') = (d.code = 'refund_in_doubt')
                          AND u.kind IN ('refund', 'shipment', 'cancellation')
                          AND u.in_doubt_until IS NOT NULL)""",
    _TAKEN,
    since="d.due_at",
)
# Refused before waiting, by chance of the alphabet as well.
_MARK = sa.text("""
    UPDATE orders o SET commerce_open = v.state, updated_at = now()
      FROM (SELECT min(e.state) AS state FROM commerce_events e
             WHERE e.store_id = :store_id AND e.order_id = :order_id
               AND e.state IN ('waiting', 'refused')) v
     WHERE o.store_id = :store_id AND o.id = :order_id
       AND o.commerce_open IS DISTINCT FROM v.state
    RETURNING o.id
""")


@dataclass(frozen=True, slots=True)
class CommerceEvent:
    """One thing that Commerce told of, with all that was told of it.

    told_at: when the newest whole picture of it was told; of a credit memo, when an event last told
    of it. shipments: those here that it is; of a credit memo the body at the REST door that it
    stands for.
    """

    store_id: int
    id: UUID
    reference: str
    about: str
    commerce_order_id: int
    told: Mapping[str, Any]
    state: str = WAITING
    order_id: UUID | None = None
    told_at: datetime | None = None
    shipments: tuple[str, ...] = ()
    code: str | None = None
    message: str | None = None
    note: str | None = None
    dismissed_by: str | None = None
    received_at: datetime | None = field(default=None, compare=False)
    updated_at: datetime | None = field(default=None, compare=False)

    def same_trouble(self, other: "CommerceEvent") -> bool:
        """Whether both say the same of the thing, and the same speaks against it."""
        return (self.state, self.code, self.told) == (other.state, other.code, other.told)


_WRITTEN = [each.name for each in dataclasses.fields(CommerceEvent) if each.compare]


async def hold(
    connection: Connection, store_id: int, commerce_order_id: int, reference: str
) -> CommerceEvent | None:
    """The row of a thing, held until the transaction ends; its order is held before."""
    statement = sa.select(table).where(
        table.c.store_id == store_id,
        table.c.commerce_order_id == commerce_order_id,
        table.c.reference == reference,
    )
    row = (await connection.execute(statement.with_for_update())).mappings().one_or_none()
    return from_row(row) if row else None


async def find(connection: Connection, event_id: UUID) -> CommerceEvent:
    """A row by its id. Raises Unknown."""
    store_id = store_of(event_id)
    statement = sa.select(table).where(table.c.store_id == store_id, table.c.id == event_id)
    row = (await connection.execute(statement)).mappings().one_or_none()
    if row is None:
        raise Unknown("commerce event", event_id)
    return from_row(row)


async def save(connection: Connection, event: CommerceEvent) -> None:
    """Write a row, whether or not there was one of that thing."""
    values: dict[str, Any] = {name: getattr(event, name) for name in _WRITTEN}
    values |= {"told": dict(event.told), "shipments": list(event.shipments)}
    changes = {name: value for name, value in values.items() if name not in {"store_id", "id"}}
    statement = insert(table).values(**values)
    await connection.execute(
        statement.on_conflict_do_update(
            index_elements=[table.c.store_id, table.c.commerce_order_id, table.c.reference],
            set_=changes | {"updated_at": sa.func.now()},
        )
    )


async def of_order(connection: Connection, store_id: int, order_id: UUID) -> list[CommerceEvent]:
    """All that was told of an order."""
    statement = sa.select(table).where(table.c.store_id == store_id, table.c.order_id == order_id)
    return [from_row(row) for row in (await connection.execute(statement)).mappings()]


async def adopt(
    connection: Connection, store_id: int, commerce_order_id: int, order_id: UUID
) -> Sequence[UUID]:
    """Say which order it is that something waits for; answers what may be carried out now.

    Nobody can begin to wait for it meanwhile. The caller holds the order.
    """
    await hold_link(connection, store_id, commerce_order_id)
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
    """What was refused of some orders for one of these reasons."""
    statement = sa.select(table.c.id).where(
        table.c.store_id == store_id,
        table.c.order_id.in_(sorted(order_ids)),
        table.c.state == REFUSED,
        table.c.code.in_(sorted(codes)),
    )
    return sorted((await connection.execute(statement)).scalars()) if order_ids else []


async def take(database: Database) -> list[UUID]:
    """Some of what waited for a link, or for the end of a doubt, that has come by now.

    Nobody else takes it for a while.
    """
    taken: list[UUID] = []
    for ready in (_TAKE, _TAKE_UNDOUBTED):
        for stores in await ready.turns(database, {}):
            if len(taken) < BATCH:
                async with database.begin() as connection:
                    values = {"batch": BATCH - len(taken), "again": _AGAIN}
                    taken += [row.id for row in await ready.execute(connection, stores, values)]
    return sorted(taken)


async def mark(connection: Connection, store_id: int, order_id: UUID) -> bool:
    """Write on an order whether something told of it is open; answers whether that changed.

    The caller holds the order, and writes its status anew.
    """
    values = {"store_id": store_id, "order_id": order_id}
    return (await connection.execute(_MARK, values)).first() is not None


async def seen(connection: Connection, store_id: int, event_id: str) -> bool:
    """Whether an event of Adobe's with that id was carried out before."""
    statement = sa.select(commerce_event_ids.c.event_id).where(
        commerce_event_ids.c.store_id == store_id, commerce_event_ids.c.event_id == event_id
    )
    return (await connection.execute(statement)).first() is not None


async def remember(connection: Connection, store_id: int, event_id: str) -> None:
    """Know an event of Adobe's again by its id."""
    values = {"store_id": store_id, "event_id": event_id}
    await connection.execute(insert(commerce_event_ids).values(values).on_conflict_do_nothing())


async def hold_link(connection: Connection, store_id: int, commerce_order_id: int) -> None:
    """Let nobody else link an order to that one of Commerce's until the transaction ends."""
    key = f"commerce:{store_id}:{commerce_order_id}"
    await connection.execute(
        sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtextextended(key, 0)))
    )


async def others_with(
    connection: Connection, store_id: int, commerce_order_id: int, order_id: UUID
) -> Sequence[str]:
    """Purchase orders of other orders that are linked to that one of Commerce's."""
    statement = sa.select(orders.c.purchase_order_id).where(
        orders.c.store_id == store_id,
        orders.c.commerce_order_id == commerce_order_id,
        orders.c.id != order_id,
    )
    return (await connection.execute(statement.order_by(orders.c.id))).scalars().all()


def from_row(row: Mapping[Any, Any]) -> CommerceEvent:
    """An event out of a row of the table."""
    values = {each.name: row[each.name] for each in dataclasses.fields(CommerceEvent)}
    return CommerceEvent(**values | {"shipments": tuple(row["shipments"])})
