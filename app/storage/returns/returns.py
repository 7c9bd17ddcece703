"""Returns as they are written down: by Walmart's number, each line as Walmart shows it.

Orders are found by their purchase order's number whenever somebody looks, so that one that comes
later than its return has it all the same.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB, insert

from app.domain.errors import Unknown
from app.domain.ids import store_of
from app.domain.orders.order import Money
from app.domain.orders.returns import Return, ReturnLine
from app.storage import timeline
from app.storage.postgres.database import Connection
from app.storage.tables import orders, return_orders, returns

_LINE = frozenset(each.name for each in dataclasses.fields(ReturnLine))
_SAVE = sa.text("""
    INSERT INTO returns AS r (store_id, id, return_order_id, customer_order_id, purchase_order_id,
                              order_id, requested_at, return_by, arrived_at, amount, currency,
                              lines, return_type, refunded, closed)
    SELECT :store_id, v.id, v.return_order_id, v.customer_order_id, v.purchase_order_id, v.order_id,
           v.requested_at, v.return_by, v.arrived_at, v.amount, v.currency, v.lines, v.return_type,
           v.refunded, v.closed
      FROM jsonb_to_recordset(:rows) AS v(id uuid, return_order_id text, customer_order_id text,
           purchase_order_id text, order_id uuid, requested_at timestamptz, return_by timestamptz,
           arrived_at timestamptz, amount numeric, currency text, lines jsonb, return_type text,
           refunded boolean, closed boolean)
     ORDER BY v.return_order_id
        ON CONFLICT (store_id, return_order_id) DO UPDATE
       SET customer_order_id = excluded.customer_order_id,
           purchase_order_id = excluded.purchase_order_id,
           order_id = coalesce(r.order_id, excluded.order_id),
           requested_at = excluded.requested_at, return_by = excluded.return_by,
           arrived_at = excluded.arrived_at, amount = excluded.amount, currency = excluded.currency,
           lines = excluded.lines, return_type = excluded.return_type,
           refunded = excluded.refunded, closed = excluded.closed, import_error = NULL,
           updated_at = now()
     WHERE r.import_error IS NOT NULL
        OR (r.customer_order_id, r.purchase_order_id, r.requested_at, r.return_by, r.arrived_at,
            r.amount, r.lines, r.return_type)
           IS DISTINCT FROM
           (excluded.customer_order_id, excluded.purchase_order_id, excluded.requested_at,
            excluded.return_by, excluded.arrived_at, excluded.amount, excluded.lines,
            excluded.return_type)
    RETURNING r.id, r.return_order_id
""").bindparams(sa.bindparam("rows", type_=JSONB))
# The first time tells since when; what was known of it before stays.
_SAVE_UNREADABLE = sa.text("""
    INSERT INTO returns AS r (store_id, id, return_order_id, customer_order_id, lines, refunded,
                              import_error)
    SELECT :store_id, v.id, v.return_order_id, '', '[]', false, v.import_error
      FROM jsonb_to_recordset(:rows) AS v(id uuid, return_order_id text, import_error jsonb)
     ORDER BY v.return_order_id
        ON CONFLICT (store_id, return_order_id) DO UPDATE
       SET import_error = excluded.import_error, updated_at = now()
     WHERE r.import_error IS NULL
    RETURNING r.id
""").bindparams(sa.bindparam("rows", type_=JSONB))


@dataclass(frozen=True, slots=True)
class StoredReturn:
    """A return that is written down. readable: whether it was, when Walmart showed it last."""

    store_id: int
    id: UUID
    returned: Return
    readable: bool = True


async def save(
    connection: Connection, store_id: int, shown: Sequence[Return], ids: timeline.NewId
) -> int:
    """Write returns down as Walmart shows them; answers how many are new or have changed.

    Each tells itself on the timelines of its orders.
    """
    if not shown:
        return 0
    # A page by offset may name one twice; the later entry is the newer.
    newest = {each.return_order_id: each for each in shown}
    # Orders first, as wherever both are held: else two would wait for each other.
    numbers = {number for each in newest.values() for number in each.purchase_orders}
    places = await _hold_orders(connection, store_id, numbers)
    known = await _held(connection, store_id, sorted(newest))
    kept = {number: _kept(each, known.get(number)) for number, each in newest.items()}
    rows = [
        _row(each, ids(store_id), places.get(each.purchase_order_id or ""))
        for each in kept.values()
    ]
    values = {"store_id": store_id, "rows": rows}
    changed = (await connection.execute(_SAVE, values)).all()
    touched: set[UUID] = set()
    for row in changed:
        after = kept[row.return_order_id]
        await _link(connection, store_id, row.id, after)
        of = [places[number] for number in after.purchase_orders if number in places]
        touched.update(of)
        for what in _news(known.get(row.return_order_id), after):
            detail = {"return_id": str(row.id), "rma_number": row.return_order_id}
            for order_id in of:
                event = timeline.TimelineEvent(what, detail=detail)
                await timeline.add(connection, store_id, order_id, event, ids)
    if touched:
        await connection.execute(
            sa.update(orders)
            .where(orders.c.store_id == store_id, orders.c.id.in_(sorted(touched)))
            .values(updated_at=sa.func.now())
        )
    return len(changed)


async def save_unreadable(
    connection: Connection,
    store_id: int,
    errors: Mapping[str, Mapping[str, Any]],
    ids: timeline.NewId,
) -> int:
    """Write down that returns could not be read, by number and why; answers how many are new.

    What Walmart shows of one the next time takes the error away.
    """
    rows = [
        {"id": str(ids(store_id)), "return_order_id": number, "import_error": dict(error)}
        for number, error in errors.items()
    ]
    values = {"store_id": store_id, "rows": rows}
    return len((await connection.execute(_SAVE_UNREADABLE, values)).all()) if rows else 0


def _news(before: Return | None, after: Return) -> list[str]:
    """What became of a return, in the words of a timeline."""
    told = []
    if before is None or not before.lines:
        told.append("return_requested")
    if after.refunded and not (before is not None and before.refunded):
        told.append("return_refunded")
    if after.canceled and not (before is not None and before.canceled):
        told.append("return_canceled")
    return told


async def _link(connection: Connection, store_id: int, return_id: UUID, shown: Return) -> None:
    """Write down which further orders a return is of."""
    further = [n for n in shown.purchase_orders if n != shown.purchase_order_id]
    if further:
        rows = [
            {"store_id": store_id, "purchase_order_id": number, "return_id": return_id}
            for number in sorted(further)
        ]
        await connection.execute(insert(return_orders).values(rows).on_conflict_do_nothing())


async def _hold_orders(connection: Connection, store_id: int, numbers: set[str]) -> dict[str, UUID]:
    rows = await connection.execute(
        sa.select(orders.c.purchase_order_id, orders.c.id)
        .where(orders.c.store_id == store_id, orders.c.purchase_order_id.in_(sorted(numbers)))
        .order_by(orders.c.id)
        .with_for_update()
    )
    return {row.purchase_order_id: row.id for row in rows}


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


async def orders_of(
    connection: Connection, store_id: int, numbers: Sequence[str]
) -> dict[str, UUID]:
    """The orders that are known of some purchase orders."""
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
    """The ids of the returns that are of a purchase order, by two indexes."""
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
    """A return out of a row of the table."""
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
    # What a later version wrote beside it is not for this one.
    return ReturnLine(**{name: value for name, value in kept.items() if name in _LINE})


def known_of(row: Mapping[Any, Any]) -> StoredReturn:
    """A return with what is known of it, out of a row of the table."""
    return StoredReturn(row["store_id"], row["id"], from_row(row), row["import_error"] is None)
