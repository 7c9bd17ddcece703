"""Returns as people see them, each with its refunds and what went wrong with them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import UUID as PG_UUID

from app.orders import returns as rules
from app.orders.ids import store_of
from app.storage import refunds as asked_for
from app.storage import returns as storage
from app.storage.database import Connection
from app.storage.overview import places, search, update_views
from app.storage.overview.paging import After, Page, cut
from app.storage.returns import Known
from app.storage.tables import orders, refunds, stores, updates
from app.storage.tables import returns as table
from app.storage.views import (
    RefundView,
    ReturnedOrder,
    ReturnView,
    StatusDetail,
    UpdateView,
)

STATUSES = (rules.RECEIVED, rules.REFUNDED, rules.ERROR, rules.CLOSED)
_FAILED = (
    sa.exists()
    .where(
        refunds.c.store_id == table.c.store_id,
        refunds.c.return_id == table.c.id,
        updates.c.store_id == refunds.c.store_id,
        updates.c.id == refunds.c.update_id,
        updates.c.state == "failed",
    )
    .correlate(table)
)
# Whoever refunded it: what is refunded is no error any more.
_STATUS = sa.case(
    (table.c.refunded, rules.REFUNDED),
    (sa.or_(table.c.import_error.is_not(None), _FAILED), rules.ERROR),
    (table.c.closed, rules.CLOSED),
    else_=rules.RECEIVED,
)
# Stands for the date that nobody knows; no return is as old.
_NEVER = datetime.fromisoformat("0001-01-01T00:00:00+00:00")
_AT: sa.ColumnElement[Any] = sa.func.coalesce(table.c.requested_at, _NEVER)


@dataclass(frozen=True, slots=True)
class ReturnFilter:
    """Which returns to list; None filters nothing."""

    store_id: int | None = None
    order_id: UUID | None = None
    status: str | None = None
    q: str | None = None


async def return_(connection: Connection, store_id: int, return_id: UUID) -> ReturnView | None:
    """One return."""
    statement = _select().where(table.c.store_id == store_id, table.c.id == return_id)
    found = await _views(connection, (await connection.execute(statement)).mappings().all())
    return found[0] if found else None


async def returns(
    connection: Connection, wanted: ReturnFilter, page: Page
) -> tuple[list[ReturnView], After | None]:
    """A page of returns, the newest first. Raises Invalid search_too_broad."""
    conditions = _conditions(wanted)
    if wanted.q is not None:
        found = await search.find_returns(connection, wanted.q, wanted.store_id)
        conditions.append(places.among(table, found))
    if page.after is not None:
        behind = datetime.fromisoformat(page.after[0]), UUID(page.after[1])
        older: Any = sa.tuple_(_AT, table.c.id) < behind
        conditions.append(older)
    statement = _select().where(*conditions).order_by(_AT.desc(), table.c.id.desc())
    rows = (await connection.execute(statement.limit(page.limit + 1))).mappings().all()
    shown, more = cut(rows, page.limit)
    views = await _views(connection, shown)
    if not more:
        return views, None
    last = views[-1]
    return views, ((last.returned.requested_at or _NEVER).isoformat(), str(last.id))


async def summary(connection: Connection, store_id: int | None) -> dict[str, int]:
    """How many returns are in each status, of one store or of all, and in total."""
    conditions = _conditions(ReturnFilter(store_id=store_id))
    statement = sa.select(_STATUS.label("status"), sa.func.count().label("returns"))
    rows = await connection.execute(
        statement.select_from(table).where(*conditions).group_by(sa.text("1"))
    )
    counted = {row.status: row.returns for row in rows}
    counts = {status: counted.get(status, 0) for status in STATUSES}
    return counts | {"total": sum(counts.values())}


# Of each order by two indexes, whatever else there is; what is settled waits for nobody.
_OPEN = sa.text("""
    SELECT q.id, (
        SELECT count(*) FROM returns r
         WHERE r.store_id = q.store_id AND NOT r.refunded AND NOT r.closed
           AND r.id IN (SELECT f.id FROM returns f
                         WHERE f.store_id = q.store_id AND f.purchase_order_id = q.number
                         UNION ALL
                        SELECT o.return_id FROM return_orders o
                         WHERE o.store_id = q.store_id AND o.purchase_order_id = q.number))
           AS returns
      FROM unnest(CAST(:stores AS int[]), CAST(:ids AS uuid[]), CAST(:numbers AS text[]))
           AS q(store_id, id, number)
""").bindparams(
    sa.bindparam("stores", type_=ARRAY(sa.Integer)),
    sa.bindparam("ids", type_=ARRAY(PG_UUID(as_uuid=True))),
    sa.bindparam("numbers", type_=ARRAY(sa.Text)),
)


async def counts(connection: Connection, rows: Sequence[sa.RowMapping]) -> dict[UUID, int]:
    """How many returns of some orders are not settled yet."""
    values = {
        "stores": [row["store_id"] for row in rows],
        "ids": [row["id"] for row in rows],
        "numbers": [row["purchase_order_id"] for row in rows],
    }
    return {row.id: row.returns for row in await connection.execute(_OPEN, values)}


def _conditions(wanted: ReturnFilter) -> list[sa.ColumnElement[bool]]:
    conditions: list[sa.ColumnElement[bool]] = []
    if wanted.store_id is not None:
        conditions.append(table.c.store_id == wanted.store_id)
    if wanted.order_id is not None:
        store_id = store_of(wanted.order_id) or 0
        number = (
            sa.select(orders.c.purchase_order_id)
            .where(orders.c.store_id == store_id, orders.c.id == wanted.order_id)
            .scalar_subquery()
        )
        conditions += [
            table.c.store_id == store_id,
            table.c.id.in_(storage.of_purchase_order(store_id, number)),
        ]
    if wanted.status is not None:
        conditions.append(_STATUS.in_([wanted.status]))
    return conditions


def _select() -> sa.Select[Any]:
    return sa.select(table, _STATUS.label("status"), stores.c.id.label("store_uuid")).select_from(
        table.join(stores, stores.c.store_id == table.c.store_id)
    )


async def _views(connection: Connection, rows: Sequence[sa.RowMapping]) -> list[ReturnView]:
    made = await _refunds(connection, rows)
    shown = [storage.known_of(row) for row in rows]
    known = await _orders(connection, shown)
    return [
        _view(row, each, made.get(each.id, []), known)
        for row, each in zip(rows, shown, strict=True)
    ]


async def _orders(
    connection: Connection, shown: Sequence[Known]
) -> dict[tuple[int, str], ReturnedOrder]:
    """The orders that returns are of, by store and purchase order."""
    wanted = {(each.store_id, n) for each in shown for n in each.returned.purchase_orders}
    if not wanted:
        return {}
    statement = sa.select(
        orders.c.store_id,
        orders.c.purchase_order_id,
        orders.c.id,
        orders.c.commerce_order_number,
        orders.c.commerce_order_id,
    ).where(sa.tuple_(orders.c.store_id, orders.c.purchase_order_id).in_(sorted(wanted)))
    return {
        (row[0], row[1]): ReturnedOrder(*row[1:]) for row in await connection.execute(statement)
    }


async def _refunds(
    connection: Connection, rows: Sequence[sa.RowMapping]
) -> dict[UUID, list[RefundView]]:
    if not rows:
        return {}
    statement = (
        sa.select(refunds)
        .where(
            sa.tuple_(refunds.c.store_id, refunds.c.return_id).in_(
                [(row["store_id"], row["id"]) for row in rows]
            )
        )
        .order_by(refunds.c.number)
    )
    asked = (await connection.execute(statement)).mappings().all()
    by_order = await update_views.of_orders(
        connection, sorted({(row["store_id"], row["order_id"]) for row in asked})
    )
    by_id = {update.id: update for some in by_order.values() for update in some}
    found: dict[UUID, list[RefundView]] = {}
    for row in asked:
        found.setdefault(row["return_id"], []).append(_refund(row, by_id[row["update_id"]]))
    return found


def _refund(row: sa.RowMapping, update: UpdateView) -> RefundView:
    return RefundView(
        id=row["id"],
        number=row["number"],
        order_id=row["order_id"],
        comment=row["comment"],
        items=asked_for.items_of(row["items"]),
        update=update,
        created_at=row["created_at"],
    )


def _view(
    row: sa.RowMapping,
    known: Known,
    made: Sequence[RefundView],
    of: Mapping[tuple[int, str], ReturnedOrder],
) -> ReturnView:
    details = [
        refund.update.status_detail for refund in made if refund.update.status_detail is not None
    ]
    numbers = known.returned.purchase_orders
    return ReturnView(
        id=known.id,
        store_id=row["store_uuid"],
        orders=[of.get((known.store_id, n), ReturnedOrder(n)) for n in numbers],
        status=row["status"],
        status_details=[*_unread(row), *details],
        returned=known.returned,
        refunds=made,
        created_at=row["created_at"],
        updated_at=row["updated_at"],
    )


def _unread(row: sa.RowMapping) -> list[StatusDetail]:
    return [] if row["import_error"] is None else [update_views.import_detail(row["import_error"])]
