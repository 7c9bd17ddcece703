"""Stock levels that follow what Walmart has confirmed: cancellations and refunds."""

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import UUID as PG_UUID

from app.domain.orders.requests import StockLevel
from app.storage import timeline
from app.storage.inventory import levels as stock
from app.storage.inventory.levels import Levels
from app.storage.postgres import sharding
from app.storage.postgres.database import Connection

_OF_CANCELLATIONS = sharding.ShardedStatement(
    """
    SELECT c.store_id, c.order_id, c.update_id, c.inventory, c.created_at,
           (SELECT coalesce(jsonb_agg(DISTINCT l.sku), '[]') FROM order_lines l, stores s
             WHERE s.store_id = <c.store_id> AND s.commerce_stock_id IS NOT NULL
               AND l.store_id = <c.store_id> AND l.order_id = c.order_id) AS readable
      FROM cancellations c
      JOIN unnest(CAST(:stores AS int[]), CAST(:ids AS uuid[])) AS q(store_id, id)
        ON c.store_id = q.store_id AND c.update_id = q.id AND <c> AND <q>
    """,
    sa.bindparam("stores", type_=ARRAY(sa.Integer)),
    sa.bindparam("ids", type_=ARRAY(PG_UUID(as_uuid=True))),
)
_OF_REFUNDS = sharding.ShardedStatement(
    """
    SELECT f.store_id, f.order_id, jsonb_agg(DISTINCT l->>'sku') AS skus
      FROM refunds f
      JOIN unnest(CAST(:stores AS int[]), CAST(:ids AS uuid[])) AS q(store_id, id)
        ON f.store_id = q.store_id AND f.update_id = q.id AND <f> AND <q>
      JOIN stores s ON s.store_id = f.store_id AND s.commerce_stock_id IS NOT NULL
      JOIN returns r ON r.store_id = f.store_id AND r.id = f.return_id
     CROSS JOIN LATERAL jsonb_array_elements(f.items) i
      JOIN LATERAL jsonb_array_elements(r.lines) l ON l->'number' = i->'number'
     WHERE l->>'sku' <> ''
     GROUP BY f.store_id, f.order_id, f.update_id
     ORDER BY f.store_id, f.update_id
    """,
    sa.bindparam("stores", type_=ARRAY(sa.Integer)),
    sa.bindparam("ids", type_=ARRAY(PG_UUID(as_uuid=True))),
)


async def hold(
    connection: Connection,
    sent: Mapping[int, Sequence[StockLevel]],
    canceled: Sequence[tuple[int, UUID]],
    refunded: Sequence[tuple[int, UUID]],
) -> None:
    """Hold levels (by store) whose updates are about to end, and those that may follow.

    All at once and before their updates are written: whoever puts levels holds them first, too.
    """
    levels: dict[int, list[StockLevel]] = {store_id: [*each] for store_id, each in sent.items()}
    wanted = [
        *chain.from_iterable(
            _of_cancellation(row) for row in await _rows(connection, _OF_CANCELLATIONS, canceled)
        ),
        *await _after_refunds(connection, refunded),
    ]
    for each in wanted:
        levels.setdefault(each.store_id, []).extend(each.levels)
    for store_id in sorted(levels):
        await stock.hold(connection, store_id, levels[store_id])


async def follow_cancellations(
    connection: Connection, canceled: Sequence[tuple[int, UUID]], ids: timeline.NewId
) -> None:
    """Tell Walmart the stock that came with cancellations, as `follow` does."""
    await follow(connection, canceled, (), ids)


async def follow(
    connection: Connection,
    canceled: Sequence[tuple[int, UUID]],
    refunded: Sequence[tuple[int, UUID]],
    ids: timeline.NewId,
) -> None:
    """Tell Walmart the stock after cancellations and refunds (store and update) it has confirmed.

    Walmart sets an item out of stock that was canceled for that reason, and nothing else. Where
    Commerce gave a newer level since, that one follows: it may have reached Walmart before the
    cancellation did. Where it still waits it goes by itself. Where no level was given, the
    timeline says so. After a refund only Commerce knows whether what came back is sold again: a
    level follows where it can be asked.
    """
    wanted = [
        *await _after_cancellations(connection, canceled, ids),
        *await _after_refunds(connection, refunded),
    ]
    # All of a store at once, so that nobody waits in a circle.
    for store_id in sorted({each.store_id for each in wanted}):
        of_store = [each for each in wanted if each.store_id == store_id]
        levels = [level for each in of_store for level in each.levels]
        await stock.hold(connection, store_id, levels)
        for each in of_store:
            await stock.put(connection, each, ids)


async def _after_cancellations(
    connection: Connection, canceled: Sequence[tuple[int, UUID]], ids: timeline.NewId
) -> list[Levels]:
    wanted = []
    for row in await _rows(connection, _OF_CANCELLATIONS, canceled):
        following = _of_cancellation(row)
        wanted += following
        if not following:
            event = timeline.TimelineEvent("stock_not_known", update_id=row.update_id)
            await timeline.add(connection, row.store_id, row.order_id, event, ids)
    return wanted


def _of_cancellation(row: sa.Row[Any]) -> list[Levels]:
    given = [StockLevel(**level) for level in row.inventory]
    named = {level.sku for level in given}
    # Commerce is asked when it is sent: what it said before may be outdated by then.
    asked = [StockLevel(sku, None) for sku in sorted(row.readable) if sku not in named]
    return [
        Levels(row.store_id, levels, "waybill", row.order_id, at)
        for levels, at in ((given, row.created_at), (asked, None))
        if levels
    ]


async def _after_refunds(
    connection: Connection, refunded: Sequence[tuple[int, UUID]]
) -> list[Levels]:
    wanted = []
    for row in await _rows(connection, _OF_REFUNDS, refunded):
        levels = [StockLevel(sku, None) for sku in sorted(row.skus)]
        wanted.append(Levels(row.store_id, levels, "waybill", row.order_id))
    return wanted


async def _rows(
    connection: Connection, statement: sharding.ShardedStatement, places: Sequence[tuple[int, UUID]]
) -> Sequence[sa.Row[Any]]:
    if not places:
        return []
    stores, updates = zip(*sorted(set(places)), strict=True)
    values = {"stores": list(stores), "ids": list(updates)}
    return (await statement.execute(connection, stores, values)).all()
