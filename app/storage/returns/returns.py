"""Stored returns: by Walmart's number, each line as Walmart shows it.

A return's orders are looked up by purchase order number at each read, so an order may arrive later
than its return.
"""

import dataclasses
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from app.domain.errors import Unknown
from app.domain.ids import store_of
from app.domain.notification_kind import NotificationKind
from app.domain.orders.order import Money
from app.domain.orders.order_event import OrderEvent
from app.domain.orders.returns import Return, ReturnLine
from app.storage import occurrences, timeline
from app.storage.postgres import sql
from app.storage.postgres.database import Connection
from app.storage.tables import orders, return_orders, returns

_LINE = frozenset(each.name for each in dataclasses.fields(ReturnLine))
_SAVE = sql.load("returns/save_returns.sql")
_SAVE_UNREADABLE = sql.load("returns/save_unreadable_returns.sql")


@dataclass(frozen=True, slots=True)
class StoredReturn:
    """A return that is stored."""

    store_id: int
    id: UUID
    returned: Return
    readable: bool = True
    """Whether the return could be read when Walmart showed it last."""


async def save(
    connection: Connection, store_id: int, shown: Sequence[Return], ids: timeline.NewId
) -> int:
    """Store returns as Walmart shows them; answers how many are new or have changed.

    The changes are written to the timelines of their orders.
    """
    if not shown:
        return 0
    # A page by offset may contain a return twice; the later entry is the newer one.
    newest = {each.return_order_id: each for each in shown}
    # Orders are locked before returns everywhere, so that transactions do not deadlock.
    numbers = {number for each in newest.values() for number in each.purchase_orders}
    order_ids = await _lock_orders(connection, store_id, numbers)
    stored = await _locked(connection, store_id, sorted(newest))
    merged = {number: _merged(each, stored.get(number)) for number, each in newest.items()}
    rows = [
        _row(each, ids(store_id), order_ids.get(each.purchase_order_id or ""))
        for each in merged.values()
    ]
    changed = (await _SAVE.execute(connection, {"store_id": store_id, "rows": rows})).all()
    touched: set[UUID] = set()
    for row in changed:
        after = merged[row.return_order_id]
        await _link(connection, store_id, row.id, after)
        of_return = [order_ids[number] for number in after.purchase_orders if number in order_ids]
        touched.update(of_return)
        before = stored.get(row.return_order_id)
        if (before is None or not before.lines) and not (after.refunded or after.closed):
            # mutation: notify-returns
            await occurrences.report(connection, NotificationKind.RETURN_RECEIVED, store_id, row.id)
        for what in _events(before, after):
            detail = {"return_id": str(row.id), "rma_number": row.return_order_id}
            for order_id in of_return:
                event = timeline.TimelineEvent(what, detail=detail)
                await timeline.add(connection, store_id, order_id, event, ids)
    if touched:
        await connection.execute(
            sa.update(orders)
            .where(orders.c.store_id == store_id, orders.c.id.in_(sorted(touched)))
            .values(updated_at=sa.func.now())
        )
    return len(changed)


async def stored(connection: Connection, store_id: int, numbers: Collection[str]) -> set[str]:
    """Which returns of these numbers are stored."""
    statement = sa.select(returns.c.return_order_id).where(
        returns.c.store_id == store_id, returns.c.return_order_id.in_(sorted(numbers))
    )
    return set((await connection.execute(statement)).scalars())


async def save_unreadable(
    connection: Connection,
    store_id: int,
    errors: Mapping[str, Mapping[str, Any]],
    ids: timeline.NewId,
) -> int:
    """Store why returns could not be read, by number; answers how many errors are new.

    The error goes when the return can be read again.
    """
    rows = [
        {"id": str(ids(store_id)), "return_order_id": number, "import_error": dict(error)}
        for number, error in errors.items()
    ]
    values = {"store_id": store_id, "rows": rows}
    return len((await _SAVE_UNREADABLE.execute(connection, values)).all()) if rows else 0


def _events(before: Return | None, after: Return) -> list[OrderEvent]:
    """The timeline events of a change."""
    events = []
    if before is None or not before.lines:
        events.append(OrderEvent.RETURN_REQUESTED)
    if after.refunded and not (before is not None and before.refunded):
        events.append(OrderEvent.RETURN_REFUNDED)
    if after.canceled and not (before is not None and before.canceled):
        events.append(OrderEvent.RETURN_CANCELED)
    return events


async def _link(connection: Connection, store_id: int, return_id: UUID, shown: Return) -> None:
    """Store the further orders of a return."""
    further = [n for n in shown.purchase_orders if n != shown.purchase_order_id]
    if further:
        rows = [
            {"store_id": store_id, "purchase_order_id": number, "return_id": return_id}
            for number in sorted(further)
        ]
        await connection.execute(insert(return_orders).values(rows).on_conflict_do_nothing())


async def _lock_orders(connection: Connection, store_id: int, numbers: set[str]) -> dict[str, UUID]:
    rows = await connection.execute(
        sa.select(orders.c.purchase_order_id, orders.c.id)
        .where(orders.c.store_id == store_id, orders.c.purchase_order_id.in_(sorted(numbers)))
        .order_by(orders.c.id)
        .with_for_update()
    )
    return {row.purchase_order_id: row.id for row in rows}


async def _locked(
    connection: Connection, store_id: int, numbers: Sequence[str]
) -> dict[str, Return]:
    """The stored returns with these numbers, locked until the transaction ends."""
    statement = (
        sa.select(returns)
        .where(returns.c.store_id == store_id, returns.c.return_order_id.in_(numbers))
        .order_by(returns.c.return_order_id)
        .with_for_update()
    )
    rows = (await connection.execute(statement)).mappings()
    return {row["return_order_id"]: from_row(row) for row in rows}


def _merged(shown: Return, stored: Return | None) -> Return:
    """What Walmart shows, without losing refunded units: its list lags behind its answers."""
    if stored is None:
        return shown
    before = {line.number: line.refunded for line in stored.lines}
    lines = (line.with_refunded(before.get(line.number, 0)) for line in shown.lines)
    return dataclasses.replace(shown, lines=tuple(lines))


async def orders_of(
    connection: Connection, store_id: int, numbers: Sequence[str]
) -> dict[str, UUID]:
    """Ids of orders by purchase order number; an unknown order is left out."""
    statement = sa.select(orders.c.purchase_order_id, orders.c.id).where(
        orders.c.store_id == store_id, orders.c.purchase_order_id.in_(numbers)
    )
    return {row.purchase_order_id: row.id for row in await connection.execute(statement)}


async def find(connection: Connection, return_id: UUID) -> StoredReturn:
    """A return by its id. Raises Unknown."""
    store_id = store_of(return_id)
    if store_id is None:
        raise Unknown("return", return_id)
    statement = sa.select(returns).where(returns.c.store_id == store_id, returns.c.id == return_id)
    row = (await connection.execute(statement)).mappings().one_or_none()
    if row is None:
        raise Unknown("return", return_id)
    return known_of(row)


def of_purchase_order(store_id: int, number: sa.ColumnElement[str]) -> sa.CompoundSelect[Any]:
    """The ids of a purchase order's returns, by two indexes."""
    first = sa.select(returns.c.id).where(
        returns.c.store_id == store_id, returns.c.purchase_order_id == number
    )
    further = sa.select(return_orders.c.return_id).where(
        return_orders.c.store_id == store_id, return_orders.c.purchase_order_id == number
    )
    return first.union_all(further)


async def of_order(
    connection: Connection, store_id: int, purchase_order_id: str
) -> list[StoredReturn]:
    """The returns of an order, oldest first."""
    ids = of_purchase_order(store_id, sa.literal(purchase_order_id))
    statement = (
        sa.select(returns)
        .where(returns.c.store_id == store_id, returns.c.id.in_(ids))
        .order_by(returns.c.id)
    )
    return [known_of(row) for row in (await connection.execute(statement)).mappings()]


def _row(shown: Return, identifier: UUID, order_id: UUID | None) -> dict[str, Any]:
    times = {"requested_at": shown.requested_at, "return_by": shown.return_by}
    times["arrived_at"] = shown.arrived_at
    return {
        **{name: at.isoformat() if at else None for name, at in times.items()},
        "id": str(identifier),
        "return_order_id": shown.return_order_id,
        "customer_order_id": shown.customer_order_id,
        "purchase_order_id": shown.purchase_order_id,
        "order_id": str(order_id) if order_id else None,
        "amount": str(shown.amount.amount) if shown.amount else None,
        "currency": shown.amount.currency if shown.amount else None,
        "lines": [dataclasses.asdict(line) for line in shown.lines],
        "return_type": shown.return_type,
        "refunded": shown.refunded,
        "closed": shown.closed,
    }


def from_row(row: Mapping[Any, Any]) -> Return:
    """The return of a row of the table."""
    amount = row["amount"]
    return Return(
        return_order_id=row["return_order_id"],
        customer_order_id=row["customer_order_id"],
        lines=tuple(_line(line) for line in row["lines"]),
        purchase_order_id=row["purchase_order_id"],
        requested_at=row["requested_at"],
        return_by=row["return_by"],
        amount=Money(amount, row["currency"]) if amount is not None else None,
        return_type=row["return_type"],
        arrived_at=row["arrived_at"],
    )


def _line(kept: Mapping[str, Any]) -> ReturnLine:
    # A later version of Waybill may have stored fields that this one does not know.
    return ReturnLine(**{name: value for name, value in kept.items() if name in _LINE})


def known_of(row: Mapping[Any, Any]) -> StoredReturn:
    """The stored return of a row of the table."""
    return StoredReturn(row["store_id"], row["id"], from_row(row), row["import_error"] is None)
