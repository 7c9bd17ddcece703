"""Returns as they are written down: by Walmart's number, each line as Walmart shows it."""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from app.orders.errors import Unknown
from app.orders.ids import store_of
from app.orders.order import Money
from app.orders.returns import RefundItem, Return, ReturnLine
from app.storage import events
from app.storage.database import Connection
from app.storage.tables import orders, refunds, returns

_SAVE = sa.text("""
    INSERT INTO returns AS r (store_id, id, return_order_id, customer_order_id, purchase_order_id,
                              order_id, requested_at, return_by, amount, currency, lines, refunded)
    SELECT :store_id, v.id, v.return_order_id, v.customer_order_id, v.purchase_order_id, o.id,
           v.requested_at, v.return_by, v.amount, v.currency, v.lines, v.refunded
      FROM jsonb_to_recordset(:rows) AS v(id uuid, return_order_id text, customer_order_id text,
           purchase_order_id text, requested_at timestamptz, return_by timestamptz,
           amount numeric, currency text, lines jsonb, refunded boolean)
      LEFT JOIN orders o ON o.store_id = :store_id AND o.purchase_order_id = v.purchase_order_id
     ORDER BY v.return_order_id
        ON CONFLICT (store_id, return_order_id) DO UPDATE
       SET order_id = coalesce(r.order_id, excluded.order_id), return_by = excluded.return_by,
           amount = excluded.amount, currency = excluded.currency, lines = excluded.lines,
           refunded = excluded.refunded, updated_at = now()
     WHERE (r.order_id, r.return_by, r.amount, r.lines)
           IS DISTINCT FROM (coalesce(r.order_id, excluded.order_id), excluded.return_by,
                             excluded.amount, excluded.lines)
    RETURNING r.order_id, r.id, r.return_order_id, r.refunded, r.xmax = 0 AS fresh
""").bindparams(sa.bindparam("rows", type_=JSONB))
_REFUNDS = sa.text("""
    SELECT f.items FROM refunds f
      JOIN updates u ON u.store_id = f.store_id AND u.id = f.update_id
     WHERE f.store_id = :store_id AND f.return_id = :return_id
       AND u.state NOT IN ('confirmed', 'dismissed')
""")


@dataclass(frozen=True, slots=True)
class Known:
    """A return that is written down, with its order's id."""

    store_id: int
    id: UUID
    order_id: UUID | None
    returned: Return


@dataclass(frozen=True, slots=True)
class NewRefund:
    """A refund to write down beside its update."""

    store_id: int
    id: UUID
    return_id: UUID
    order_id: UUID
    update_id: UUID
    comment: str | None
    items: tuple[RefundItem, ...]


async def save(
    connection: Connection, store_id: int, shown: Sequence[Return], ids: events.NewId
) -> int:
    """Write returns down as Walmart shows them; answers how many are new or have changed.

    Each tells itself on its order's timeline.
    """
    if not shown:
        return 0
    # A page by offset may name one twice; the later entry is the newer.
    newest = {each.return_order_id: each for each in shown}
    # Orders first, as wherever both are held: else two would wait for each other.
    await _hold_orders(connection, store_id, shown)
    known = await _held(connection, store_id, sorted(newest))
    rows = {
        number: _row(_kept(each, known.get(number)), ids(store_id))
        for number, each in newest.items()
    }
    values = {"store_id": store_id, "rows": list(rows.values())}
    changed = (await connection.execute(_SAVE, values)).all()
    for row in changed:
        if row.order_id is None or not (row.fresh or row.refunded):
            continue
        what = "return_refunded" if row.refunded else "return_requested"
        detail = {"return_id": str(row.id), "rma_number": row.return_order_id}
        event = events.Event(what, detail=detail)
        await events.add(connection, store_id, row.order_id, event, ids)
    touched = [row.order_id for row in changed if row.order_id is not None]
    if touched:
        await connection.execute(
            sa.update(orders)
            .where(orders.c.store_id == store_id, orders.c.id.in_(sorted(touched)))
            .values(updated_at=sa.func.now())
        )
    return len(changed)


async def _hold_orders(connection: Connection, store_id: int, shown: Sequence[Return]) -> None:
    numbers = {each.purchase_order_id for each in shown if each.purchase_order_id is not None}
    await connection.execute(
        sa.select(orders.c.id)
        .where(orders.c.store_id == store_id, orders.c.purchase_order_id.in_(sorted(numbers)))
        .order_by(orders.c.id)
        .with_for_update()
    )


async def _held(connection: Connection, store_id: int, numbers: Sequence[str]) -> dict[str, Return]:
    """Returns that are known, held until the transaction ends."""
    statement = (
        sa.select(returns)
        .where(returns.c.store_id == store_id, returns.c.return_order_id.in_(numbers))
        .order_by(returns.c.return_order_id)
        .with_for_update()
    )
    rows = (await connection.execute(statement)).mappings()
    return {row["return_order_id"]: from_row(row) for row in rows}


def _kept(shown: Return, known: Return | None) -> Return:
    """Units that were refunded stay so: Walmart's list lags behind its word."""
    if known is None:
        return shown
    before = {line.number: line.refunded for line in known.lines}
    lines = (
        dataclasses.replace(line, refunded=max(line.refunded, before.get(line.number, 0)))
        for line in shown.lines
    )
    return dataclasses.replace(shown, lines=tuple(lines))


async def orders_wanted(connection: Connection, store_id: int, numbers: Sequence[str]) -> list[str]:
    """Purchase orders of returns that nobody has written down yet."""
    statement = sa.select(orders.c.purchase_order_id).where(
        orders.c.store_id == store_id, orders.c.purchase_order_id.in_(numbers)
    )
    known = set((await connection.execute(statement)).scalars())
    return [number for number in dict.fromkeys(numbers) if number not in known]


async def find(connection: Connection, return_id: UUID) -> Known:
    """A return by its id. Raises Unknown."""
    store_id = store_of(return_id)
    if store_id is None:
        raise Unknown("return", return_id)
    statement = sa.select(returns).where(returns.c.store_id == store_id, returns.c.id == return_id)
    row = (await connection.execute(statement)).mappings().one_or_none()
    if row is None:
        raise Unknown("return", return_id)
    return _known(row)


async def of_order(connection: Connection, store_id: int, order_id: UUID) -> list[Known]:
    """The returns of an order, oldest first."""
    statement = (
        sa.select(returns)
        .where(returns.c.store_id == store_id, returns.c.order_id == order_id)
        .order_by(returns.c.id)
    )
    return [_known(row) for row in (await connection.execute(statement)).mappings()]


async def of_refunds(
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
    return {row["update_id"]: (_known(row), items_of(row["items"])) for row in rows}


async def pending(connection: Connection, known: Known) -> dict[int, int]:
    """Units of each line that refunds which are not at rest still want."""
    values = {"store_id": known.store_id, "return_id": known.id}
    found: dict[int, int] = {}
    for row in await connection.execute(_REFUNDS, values):
        for item in items_of(row.items):
            line = known.returned.line(item.number)
            done = line.refunded if line else 0
            units = max(min(item.quantity, item.target - done), 0)
            found[item.number] = found.get(item.number, 0) + units
    return found


async def add_refund(connection: Connection, new: NewRefund) -> int:
    """Write a refund; answers its number."""
    values = {each.name: getattr(new, each.name) for each in dataclasses.fields(new)}
    values["items"] = [dataclasses.asdict(item) for item in new.items]
    statement = sa.insert(refunds).values(**values).returning(refunds.c.number)
    return int((await connection.execute(statement)).scalar_one())


async def number_of(connection: Connection, store_id: int, update_id: UUID) -> int:
    """The number of the refund of an update."""
    statement = sa.select(refunds.c.number).where(
        refunds.c.store_id == store_id, refunds.c.update_id == update_id
    )
    return int((await connection.execute(statement)).scalar_one())


def items_of(rows: Sequence[Mapping[str, Any]]) -> tuple[RefundItem, ...]:
    """Items as they are kept in a JSON column."""
    return tuple(RefundItem(**row) for row in rows)


def _row(shown: Return, identifier: UUID) -> dict[str, Any]:
    return {
        "id": str(identifier),
        "return_order_id": shown.return_order_id,
        "customer_order_id": shown.customer_order_id,
        "purchase_order_id": shown.purchase_order_id,
        "requested_at": shown.requested_at.isoformat() if shown.requested_at else None,
        "return_by": shown.return_by.isoformat() if shown.return_by else None,
        "amount": str(shown.amount.amount) if shown.amount else None,
        "currency": shown.amount.currency if shown.amount else None,
        "lines": [dataclasses.asdict(line) for line in shown.lines],
        "refunded": shown.refunded,
    }


def from_row(row: Mapping[Any, Any]) -> Return:
    """A return out of a row of the table."""
    amount = row["amount"]
    return Return(
        return_order_id=row["return_order_id"],
        customer_order_id=row["customer_order_id"],
        lines=tuple(ReturnLine(**line) for line in row["lines"]),
        purchase_order_id=row["purchase_order_id"],
        requested_at=row["requested_at"],
        return_by=row["return_by"],
        amount=Money(amount, row["currency"]) if amount is not None else None,
    )


def _known(row: Mapping[Any, Any]) -> Known:
    return Known(row["store_id"], row["id"], row["order_id"], from_row(row))
