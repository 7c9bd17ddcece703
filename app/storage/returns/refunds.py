"""Refunds: one to insert, and those that are stored, with the states of their updates."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app.domain.orders import refund_targets as rules
from app.domain.orders.returns import RefundItem
from app.domain.update import State
from app.storage.postgres import sql
from app.storage.postgres.database import Connection
from app.storage.returns.returns import StoredReturn, find, known_of
from app.storage.tables import refunds, returns

_OF_RETURNS = sql.load("returns/list_refunds.sql")
_EARLIER = sql.load("returns/list_earlier_refunds.sql")


@dataclass(frozen=True, slots=True)
class NewRefund:
    """A refund to insert (`app/storage/orders/accept.py`)."""

    id: UUID
    return_id: UUID
    update_id: UUID
    comment: str | None
    items: tuple[RefundItem, ...]
    reference: str | None = None
    """Identifies the request, if it has a reference."""


@dataclass(frozen=True, slots=True)
class EarlierRefund:
    """A refund that was requested before."""

    return_id: UUID
    update_id: UUID
    number: int
    ago: timedelta = timedelta()
    """How long ago it was requested."""
    given_up_at: datetime | None = None
    """When it was dismissed, if Walmart did not show all of it."""


@dataclass(frozen=True, slots=True)
class RefundToSend:
    """A refund to send."""

    known: StoredReturn
    items: tuple[RefundItem, ...]
    """Its items with their targets now."""
    others_until: datetime | None
    """Until when another refund of the same lines may still take effect."""


async def earlier(
    connection: Connection,
    place: tuple[int, UUID],
    reference: str,
    within: timedelta | None = None,
) -> list[EarlierRefund]:
    """The refunds of an order that were requested by a reference, the newest first.

    place: the order's store and id. within: only refunds of this last period. The caller has locked
    the order, so that no other request runs at the same time.
    """
    values = {
        "store_id": place[0],
        "order_id": place[1],
        "reference": reference,
        "within": within.total_seconds() if within is not None else None,
    }
    return [EarlierRefund(**row) for row in await _EARLIER.fetch(connection, values)]


async def answering(
    connection: Connection,
    place: tuple[int, UUID],
    reference: str,
    within: timedelta | None = None,
    *,
    whole: bool = False,
) -> EarlierRefund | None:
    """The refund that answers a repeated request under a reference; None means judge it anew.

    One that is open, failed, confirmed or was seen at Walmart answers. So does a dismissed one of
    which Walmart has a part, unless whole: then what Walmart has is left out of what is asked for
    again. While a dismissed one is in doubt it does not answer, and its lines are refused.
    """
    for each in await earlier(connection, place, reference, within):
        # mutation: partly-made-dismissed-refund
        if each.given_up_at is None or (not whole and await _partly(connection, place[0], each)):
            return each
    return None


async def _partly(connection: Connection, store_id: int, dismissed: EarlierRefund) -> bool:
    known = await find(connection, dismissed.return_id)
    others = (await _of_returns(connection, store_id, [known.id])).get(known.id, [])
    mine = next(each for each in others if each.update_id == dismissed.update_id)
    doubtful = mine.in_doubt_until is not None
    return not doubtful and rules.at_walmart(mine, others, known.returned) > 0


async def of_updates(
    connection: Connection, store_id: int, update_ids: Sequence[UUID]
) -> dict[UUID, RefundToSend]:
    """The refunds to send, by the id of their update."""
    columns: list[Any] = [*returns.c, refunds.c.update_id]
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
    rows = (await connection.execute(statement)).mappings().all()
    asked_of = await _of_returns(connection, store_id, [row["id"] for row in rows])
    found = {}
    for row in rows:
        others = asked_of[row["id"]]
        mine = next(each for each in others if each.update_id == row["update_id"])
        found[mine.update_id] = RefundToSend(
            known_of(row),
            rules.with_current_targets(mine, others),
            rules.others_until(mine, others),
        )
    return found


async def of_return(connection: Connection, known: StoredReturn) -> Sequence[rules.RefundState]:
    """The refunds of a return, in the sequence of their requests."""
    return (await _of_returns(connection, known.store_id, [known.id])).get(known.id, [])


async def pending(connection: Connection, known: StoredReturn) -> dict[int, int]:
    """Units by line number that refunds not at rest still want."""
    asked = await of_return(connection, known)
    found = rules.pending(known.returned, asked)
    return {number: sum(units.values()) for number, units in found.items()}


async def _of_returns(
    connection: Connection, store_id: int, return_ids: Sequence[UUID]
) -> dict[UUID, list[rules.RefundState]]:
    values = {"store_id": store_id, "return_ids": list(return_ids)}
    found: dict[UUID, list[rules.RefundState]] = defaultdict(list)
    for row in await _OF_RETURNS.execute(connection, values):
        found[row.return_id].append(
            rules.RefundState(
                row.update_id,
                row.number,
                items_of(row.items),
                State(row.state),
                row.in_doubt_until,
                row.seen,
            )
        )
    return found


async def landed(connection: Connection, store_id: int, update_id: UUID) -> None:
    """Save that Walmart has all of a refund, in whatever state its update is."""
    await connection.execute(
        sa.update(refunds)
        .where(
            refunds.c.store_id == store_id,
            refunds.c.update_id == update_id,
            refunds.c.landed_at.is_(None),
        )
        .values(landed_at=sa.func.now())
    )


def items_of(rows: Sequence[Mapping[str, Any]]) -> tuple[RefundItem, ...]:
    """The items of a JSON column."""
    return tuple(RefundItem(**row) for row in rows)
