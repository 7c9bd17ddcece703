"""Returns as people see them, each with its refunds and what went wrong with them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app.orders import returns as rules
from app.storage import returns as storage
from app.storage.database import Connection
from app.storage.overview import update_views
from app.storage.overview.paging import After, Page, cut
from app.storage.overview.places import Place
from app.storage.overview.places import of as places_of
from app.storage.tables import refunds, stores, updates
from app.storage.tables import returns as table
from app.storage.views import RefundView, ReturnView, UpdateView

STATUSES = (rules.RECEIVED, rules.REFUNDED, rules.ERROR)
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
_STATUS = sa.case((table.c.refunded, rules.REFUNDED), (_FAILED, rules.ERROR), else_=rules.RECEIVED)
# Stands for the date that nobody knows; no return is as old.
_NEVER = datetime.fromisoformat("0001-01-01T00:00:00+00:00")
_AT: sa.ColumnElement[Any] = sa.func.coalesce(table.c.requested_at, _NEVER)


@dataclass(frozen=True, slots=True)
class ReturnFilter:
    """Which returns to list; None filters nothing."""

    store_id: int | None = None
    order_id: UUID | None = None
    status: str | None = None


async def return_(connection: Connection, store_id: int, return_id: UUID) -> ReturnView | None:
    """One return."""
    statement = _select().where(table.c.store_id == store_id, table.c.id == return_id)
    found = await _views(connection, (await connection.execute(statement)).mappings().all())
    return found[0] if found else None


async def returns(
    connection: Connection, wanted: ReturnFilter, page: Page
) -> tuple[list[ReturnView], After | None]:
    """A page of returns, the newest first."""
    conditions = _conditions(wanted)
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


async def counts(connection: Connection, asked: Sequence[Place]) -> dict[UUID, int]:
    """How many returns some orders have; an order without one is not in it."""
    statement = (
        sa.select(table.c.order_id, sa.func.count().label("returns"))
        .select_from(table.join(*places_of(asked, table)))
        .group_by(table.c.order_id)
    )
    return {row.order_id: row.returns for row in await connection.execute(statement)}


def _conditions(wanted: ReturnFilter) -> list[sa.ColumnElement[bool]]:
    conditions: list[sa.ColumnElement[bool]] = []
    if wanted.store_id is not None:
        conditions.append(table.c.store_id == wanted.store_id)
    if wanted.order_id is not None:
        conditions.append(table.c.order_id == wanted.order_id)
    if wanted.status is not None:
        conditions.append(_STATUS.in_([wanted.status]))
    return conditions


def _select() -> sa.Select[Any]:
    return sa.select(table, _STATUS.label("status"), stores.c.id.label("store_uuid")).select_from(
        table.join(stores, stores.c.store_id == table.c.store_id)
    )


async def _views(connection: Connection, rows: Sequence[sa.RowMapping]) -> list[ReturnView]:
    known = await _refunds(connection, rows)
    return [_view(row, known.get(row["id"], [])) for row in rows]


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
        comment=row["comment"],
        items=storage.items_of(row["items"]),
        update=update,
        created_at=row["created_at"],
    )


def _view(row: sa.RowMapping, made: Sequence[RefundView]) -> ReturnView:
    details = [
        refund.update.status_detail for refund in made if refund.update.status_detail is not None
    ]
    return ReturnView(
        id=row["id"],
        store_id=row["store_uuid"],
        order_id=row["order_id"],
        status=row["status"],
        status_details=details,
        returned=storage.from_row(row),
        refunds=made,
        created_at=row["created_at"],
        updated_at=row["updated_at"],
    )
