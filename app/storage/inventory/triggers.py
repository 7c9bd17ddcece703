"""Stock levels that follow cancellations and refunds once Walmart has confirmed them."""

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app.domain.orders.order_event import OrderEvent
from app.domain.orders.requests import StockLevel
from app.storage import timeline
from app.storage.inventory import levels as stock_levels
from app.storage.inventory.levels import Levels
from app.storage.postgres import sharding, sql
from app.storage.postgres.database import Connection

_OF_CANCELLATIONS = sharding.ShardedCommand(sql.read("inventory/list_canceled_levels.sql"))
_OF_REFUNDS = sharding.ShardedCommand(sql.read("inventory/list_refunded_skus.sql"))


async def lock(
    connection: Connection,
    sent: Mapping[int, Sequence[StockLevel]],
    canceled: Sequence[tuple[int, UUID]],
    refunded: Sequence[tuple[int, UUID]],
) -> None:
    """Lock levels (by store) of which an update is about to end, and those that may follow.

    All at once and before their updates are written: every transaction that puts levels locks them
    first.
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
        await stock_levels.lock(connection, store_id, levels[store_id])


async def follow_cancellations(
    connection: Connection, canceled: Sequence[tuple[int, UUID]], ids: timeline.NewId
) -> None:
    """Put the stock levels that follow cancellations, as `follow` does."""
    await follow(connection, canceled, (), ids)


async def follow(
    connection: Connection,
    canceled: Sequence[tuple[int, UUID]],
    refunded: Sequence[tuple[int, UUID]],
    ids: timeline.NewId,
) -> None:
    """Put the stock levels that follow confirmed cancellations and refunds (store and update).

    Walmart sets an item out of stock if it was canceled for that reason, and does nothing else. If
    Commerce has given a newer level since, that one follows: it may have reached Walmart before the
    cancellation did. If it still waits, nothing has to follow. If no level was given, the timeline
    says so. After a refund only Commerce knows whether the returned units are sold again: a level
    follows if Commerce can be asked.
    """
    wanted = [
        *await _after_cancellations(connection, canceled, ids),
        *await _after_refunds(connection, refunded),
    ]
    # All levels of a store at once, so that transactions do not deadlock.
    for store_id in sorted({each.store_id for each in wanted}):
        of_store = [each for each in wanted if each.store_id == store_id]
        levels = [level for each in of_store for level in each.levels]
        await stock_levels.lock(connection, store_id, levels)
        for each in of_store:
            await stock_levels.put(connection, each, ids)


async def _after_cancellations(
    connection: Connection, canceled: Sequence[tuple[int, UUID]], ids: timeline.NewId
) -> list[Levels]:
    wanted = []
    for row in await _rows(connection, _OF_CANCELLATIONS, canceled):
        following = _of_cancellation(row)
        wanted += following
        if not following:
            event = timeline.TimelineEvent(OrderEvent.STOCK_NOT_KNOWN, update_id=row.update_id)
            await timeline.add(connection, row.store_id, row.order_id, event, ids)
    return wanted


def _of_cancellation(row: sa.Row[Any]) -> list[Levels]:
    given = [StockLevel(**level) for level in row.inventory]
    named = {level.sku for level in given}
    # Commerce is asked when the level is sent; an earlier answer may be outdated by then.
    asked = [StockLevel(sku, None) for sku in sorted(row.readable) if sku not in named]
    # mutation: level-age-of-cancellation
    # mutation: stock-from-commerce
    return [
        Levels(row.store_id, levels, timeline.WAYBILL, row.order_id, at)
        for levels, at in ((given, row.created_at), (asked, None))
        if levels
    ]


async def _after_refunds(
    connection: Connection, refunded: Sequence[tuple[int, UUID]]
) -> list[Levels]:
    wanted = []
    for row in await _rows(connection, _OF_REFUNDS, refunded):
        levels = [StockLevel(sku, None) for sku in sorted(row.skus)]
        wanted.append(Levels(row.store_id, levels, timeline.WAYBILL, row.order_id))
    return wanted


async def _rows(
    connection: Connection, command: sharding.ShardedCommand, keys: Sequence[tuple[int, UUID]]
) -> Sequence[sa.Row[Any]]:
    if not keys:
        return []
    stores, updates = zip(*sorted(set(keys)), strict=True)
    values = {"stores": list(stores), "ids": list(updates)}
    return (await command.execute(connection, stores, values)).all()
