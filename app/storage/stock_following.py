"""Stock levels that follow what Walmart has confirmed: cancellations and refunds."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import UUID as PG_UUID

from app.orders.requests import StockLevel
from app.storage import events, stock
from app.storage.database import Connection
from app.storage.stock import Levels

# What was tried may still arrive; a level that follows comes so long after it.
_QUIET = timedelta(minutes=2)
_OF_CANCELLATIONS = sa.text("""
    SELECT c.store_id, c.order_id, c.update_id, c.inventory, c.created_at,
           (SELECT coalesce(jsonb_agg(DISTINCT l.sku), '[]') FROM order_lines l, stores s
             WHERE s.store_id = c.store_id AND s.commerce_stock_id IS NOT NULL
               AND l.store_id = c.store_id AND l.order_id = c.order_id) AS readable
      FROM cancellations c
      JOIN unnest(CAST(:stores AS int[]), CAST(:ids AS uuid[])) AS q(store_id, id)
        ON c.store_id = q.store_id AND c.update_id = q.id
""").bindparams(
    sa.bindparam("stores", type_=ARRAY(sa.Integer)),
    sa.bindparam("ids", type_=ARRAY(PG_UUID(as_uuid=True))),
)
_OF_REFUNDS = sa.text("""
    SELECT f.store_id, f.order_id, jsonb_agg(DISTINCT l->>'sku') AS skus
      FROM refunds f
      JOIN unnest(CAST(:stores AS int[]), CAST(:ids AS uuid[])) AS q(store_id, id)
        ON f.store_id = q.store_id AND f.update_id = q.id
      JOIN stores s ON s.store_id = f.store_id AND s.commerce_stock_id IS NOT NULL
      JOIN returns r ON r.store_id = f.store_id AND r.id = f.return_id
     CROSS JOIN LATERAL jsonb_array_elements(f.items) i
      JOIN LATERAL jsonb_array_elements(r.lines) l ON l->'number' = i->'number'
     WHERE l->>'sku' <> ''
     GROUP BY f.store_id, f.order_id, f.update_id
     ORDER BY f.store_id, f.update_id
""").bindparams(
    sa.bindparam("stores", type_=ARRAY(sa.Integer)),
    sa.bindparam("ids", type_=ARRAY(PG_UUID(as_uuid=True))),
)


async def follow_cancellations(
    connection: Connection, canceled: Sequence[tuple[int, UUID]], ids: events.NewId
) -> None:
    """Tell Walmart the stock that came with cancellations (store and update) it has confirmed.

    Walmart sets an item out of stock that was canceled for that reason, and nothing else. Where
    Commerce gave a newer level since, nothing follows: that one went, or goes, by itself. Where
    no level was given, the timeline says so.
    """
    if not canceled:
        return
    stores, cancellations = zip(*sorted(set(canceled)), strict=True)
    values: dict[str, Any] = {"stores": list(stores), "ids": list(cancellations)}
    wanted = []
    for row in (await connection.execute(_OF_CANCELLATIONS, values)).all():
        given = [StockLevel(**level) for level in row.inventory]
        named = {level.sku for level in given}
        # Commerce is asked when it is sent: what it said before may be outdated by then.
        asked = [StockLevel(sku, None) for sku in sorted(row.readable) if sku not in named]
        wanted += [
            Levels(row.store_id, levels, "waybill", _QUIET, row.order_id, at)
            for levels, at in ((given, row.created_at), (asked, None))
            if levels
        ]
        if not given and not asked:
            event = events.Event("stock_not_known", update_id=row.update_id)
            await events.add(connection, row.store_id, row.order_id, event, ids)
    await _put_all(connection, wanted, ids)


async def follow_refunds(
    connection: Connection, refunded: Sequence[tuple[int, UUID]], ids: events.NewId
) -> None:
    """Tell Walmart what Commerce has to sell of items whose refund (store and update) it confirmed.

    Only where Commerce can be asked: it alone knows whether what came back is sold again.
    """
    if not refunded:
        return
    stores, updates = zip(*sorted(set(refunded)), strict=True)
    values: dict[str, Any] = {"stores": list(stores), "ids": list(updates)}
    rows = (await connection.execute(_OF_REFUNDS, values)).all()
    wanted = [
        Levels(
            row.store_id,
            [StockLevel(sku, None) for sku in sorted(row.skus)],
            "waybill",
            _QUIET,
            row.order_id,
        )
        for row in rows
    ]
    await _put_all(connection, wanted, ids)


async def _put_all(connection: Connection, wanted: Sequence[Levels], ids: events.NewId) -> None:
    """All of a store at once, so that nobody waits in a circle."""
    for store_id in sorted({each.store_id for each in wanted}):
        of_store = [each for each in wanted if each.store_id == store_id]
        levels = [level for each in of_store for level in each.levels]
        await stock.hold(connection, store_id, levels)
        for each in of_store:
            await stock.put(connection, each, ids)
