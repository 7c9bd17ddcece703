"""Reads the refunds of returns into views, each with the state of its update."""

from collections.abc import Sequence
from uuid import UUID

from app.storage.postgres import sql
from app.storage.postgres.query import Reader
from app.storage.postgres.session import Row
from app.storage.postgres.sharding import ShardedQuery
from app.storage.queries import orders_by_id, update_views
from app.storage.queries.views import RefundItemView, RefundOfReturnView, UpdateView
from app.storage.returns import refunds

_REFUNDS = ShardedQuery(sql.read("queries/list_refunds_of_returns.sql"))


async def of_returns(reader: Reader, rows: Sequence[Row]) -> dict[UUID, list[RefundOfReturnView]]:
    """The refunds of each return that has any, oldest first. rows: the returns."""
    if not rows:
        return {}
    keys = [(row["store_id"], row["id"]) for row in rows]
    found = await orders_by_id.rows(_REFUNDS, reader, keys)
    orders = sorted({(row["store_id"], row["order_id"]) for row in found})
    updates = await update_views.of_orders(reader, orders)
    by_id = {update.id: update for some in updates.values() for update in some}
    views: dict[UUID, list[RefundOfReturnView]] = {}
    for row in found:
        views.setdefault(row["return_id"], []).append(_view(row, by_id[row["update_id"]]))
    return views


def _view(row: Row, update: UpdateView) -> RefundOfReturnView:
    return RefundOfReturnView(
        id=row["id"],
        number=row["number"],
        order_id=row["order_id"],
        state=update.state,
        comment=row["comment"],
        items=tuple(
            RefundItemView(item.number, item.quantity) for item in refunds.items_of(row["items"])
        ),
        update=update,
        created_at=row["created_at"],
    )
