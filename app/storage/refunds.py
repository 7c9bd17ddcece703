"""Refunds as they are written down, each beside its update."""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app.orders.returns import RefundItem
from app.storage.database import Connection
from app.storage.returns import Known, known_of
from app.storage.tables import refunds, returns

_WANTED = sa.text("""
    SELECT f.items FROM refunds f
      JOIN updates u ON u.store_id = f.store_id AND u.id = f.update_id
     WHERE f.store_id = :store_id AND f.return_id = :return_id
       AND u.state NOT IN ('confirmed', 'dismissed')
""")
_IN_DOUBT = sa.text("""
    SELECT f.items, u.id, u.in_doubt_until FROM refunds f
      JOIN updates u ON u.store_id = f.store_id AND u.id = f.update_id
     WHERE f.store_id = :store_id AND f.return_id = :return_id AND u.in_doubt_until IS NOT NULL
""")
# A refund that was dismissed is none to repeat, unless Walmart has it all the same.
_ASKED = sa.text("""
    SELECT f.return_id, f.update_id, f.number, now() - f.created_at AS ago FROM refunds f
      JOIN (SELECT store_id, id, state FROM updates UNION ALL
            SELECT store_id, id, state FROM archived_updates) u
        ON u.store_id = f.store_id AND u.id = f.update_id
     WHERE f.store_id = :store_id AND f.order_id = :order_id AND f.reference = :reference
       AND (:within IS NULL OR (f.created_at > now() - make_interval(secs => :within)
                                AND (u.state <> 'dismissed' OR f.landed_at IS NOT NULL)))
     ORDER BY f.created_at DESC, f.number DESC LIMIT 1
""").bindparams(sa.bindparam("within", type_=sa.Float))


@dataclass(frozen=True, slots=True)
class NewRefund:
    """A refund to write down beside its update. reference: what it was asked by, if anything."""

    store_id: int
    id: UUID
    return_id: UUID
    order_id: UUID
    update_id: UUID
    comment: str | None
    items: tuple[RefundItem, ...]
    reference: str | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """A refund that was asked for, so long ago."""

    return_id: UUID
    update_id: UUID
    number: int
    ago: timedelta = timedelta()


async def add(connection: Connection, new: NewRefund) -> int:
    """Write a refund; answers its number."""
    values = {each.name: getattr(new, each.name) for each in dataclasses.fields(new)}
    values["items"] = [dataclasses.asdict(item) for item in new.items]
    statement = sa.insert(refunds).values(**values).returning(refunds.c.number)
    return int((await connection.execute(statement)).scalar_one())


async def asked(
    connection: Connection,
    place: tuple[int, UUID],
    reference: str,
    within: timedelta | None,
) -> Asked | None:
    """The refund of an order (store and id) that was asked for under a reference.

    within: only one that was asked for so short a time ago, and that was not dismissed or is at
    Walmart all the same; None for any. The caller holds the order, so that nobody else asks at the
    same time.
    """
    values = {
        "store_id": place[0],
        "order_id": place[1],
        "reference": reference,
        "within": within.total_seconds() if within is not None else None,
    }
    row = (await connection.execute(_ASKED, values)).mappings().one_or_none()
    return Asked(**row) if row is not None else None


async def of_updates(
    connection: Connection, store_id: int, update_ids: Sequence[UUID]
) -> dict[UUID, tuple[Known, tuple[RefundItem, ...]]]:
    """The return and the items of each of some refunds, by the refund's update."""
    columns: list[Any] = [*returns.c, refunds.c.update_id, refunds.c["items"]]
    statement = (
        sa.select(*columns)
        .join(
            refunds,
            sa.and_(refunds.c.store_id == returns.c.store_id, refunds.c.return_id == returns.c.id),
        )
        .where(
            refunds.c.store_id == store_id,
            refunds.c.update_id.in_(update_ids),
        )
    )
    rows = (await connection.execute(statement)).mappings()
    return {row["update_id"]: (known_of(row), items_of(row["items"])) for row in rows}


async def pending(connection: Connection, known: Known) -> dict[int, int]:
    """Units of each line that refunds which are not at rest still want."""
    values = {"store_id": known.store_id, "return_id": known.id}
    found: dict[int, int] = {}
    for row in await connection.execute(_WANTED, values):
        for item in items_of(row.items):
            line = known.returned.line(item.number)
            done = line.refunded if line else 0
            units = max(min(item.quantity, item.target - done), 0)
            found[item.number] = found.get(item.number, 0) + units
    return found


async def in_doubt(connection: Connection, known: Known) -> dict[int, tuple[UUID, datetime]]:
    """Lines of a return of which a refund is in doubt: its update, and until when."""
    values = {"store_id": known.store_id, "return_id": known.id}
    return {
        item.number: (row.id, row.in_doubt_until)
        for row in await connection.execute(_IN_DOUBT, values)
        for item in items_of(row.items)
    }


async def landed(connection: Connection, store_id: int, update_id: UUID) -> None:
    """Write down that Walmart has all of a refund, whatever became of its update."""
    await connection.execute(
        sa.update(refunds)
        .where(refunds.c.store_id == store_id, refunds.c.update_id == update_id)
        .values(landed_at=sa.func.coalesce(refunds.c.landed_at, sa.func.now()))
    )


def items_of(rows: Sequence[Mapping[str, Any]]) -> tuple[RefundItem, ...]:
    """Items as they are kept in a JSON column."""
    return tuple(RefundItem(**row) for row in rows)
