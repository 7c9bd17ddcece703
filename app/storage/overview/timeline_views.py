"""What happened to an order, oldest first: accepted, tried, settled, corrected, dismissed."""

from collections.abc import Iterator, Mapping
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app.storage.database import Connection
from app.storage.overview import update_views
from app.storage.tables import attempts as attempts_table
from app.storage.tables import events
from app.storage.tables import orders as orders_table
from app.storage.views import TimelineEntry, UpdateView

# One page shows all of an order's life; an order that was tried more often shows its newest.
MOST = 500


async def timeline(connection: Connection, store_id: int, order_id: UUID) -> list[TimelineEntry]:
    """The order's timeline, at most MOST tries and as many events of it, oldest first."""
    statement = sa.select(orders_table.c.created_at, orders_table.c.purchase_order_id).where(
        orders_table.c.store_id == store_id, orders_table.c.id == order_id
    )
    order = (await connection.execute(statement)).one_or_none()
    if order is None:
        return []
    known = (await update_views.of_orders(connection, [(store_id, order_id)]))[order_id]
    number = {"purchase_order_id": order.purchase_order_id}
    entries = [TimelineEntry(order.created_at, "order_registered", None, None, number)]
    for update in known:
        entries += _of_update(update)
    entries += [_event(row) for row in await _rows(connection, events, store_id, order_id)]
    entries += [_try(row) for row in await _rows(connection, attempts_table, store_id, order_id)]
    return sorted(entries, key=lambda entry: entry.at)


async def _rows(
    connection: Connection, table: sa.Table, store_id: int, order_id: UUID
) -> list[Mapping[str, Any]]:
    statement = (
        sa.select(table)
        .where(table.c.store_id == store_id, table.c.order_id == order_id)
        .order_by(table.c.id.desc())
        .limit(MOST)
    )
    newest_first = (await connection.execute(statement)).mappings().all()
    # Of one moment, what was written first stays first.
    return [dict(row) for row in reversed(newest_first)]


def _of_update(update: UpdateView) -> Iterator[TimelineEntry]:
    accepted = f"{update.kind}_accepted"
    yield TimelineEntry(update.created_at, accepted, update.requested_by, update.id, {})
    if update.finished_at is not None:
        detail = {"code": update.status_detail.code} if update.status_detail else {}
        what = f"{update.kind}_{update.state}"
        yield TimelineEntry(update.finished_at, what, update.dismissed_by, update.id, detail)


def _event(row: Mapping[str, Any]) -> TimelineEntry:
    return TimelineEntry(row["at"], row["what"], row["actor"], row["update_id"], row["detail"])


def _try(row: Mapping[str, Any]) -> TimelineEntry:
    detail = {
        "attempt": row["number"],
        "verdict": row["verdict"],
        "detail": row["detail"],
        "calls": [
            {key: call[key] for key in ("operation", "status", "codes", "correlation_id")}
            for call in row["calls"]
        ],
    }
    return TimelineEntry(row["ended_at"], "attempt", None, row["update_id"], detail)
