"""Is it a credit memo that a hook or an event told of already?

The REST door knows a refund by its body, the others by Commerce's number of the credit memo. The
same units of the order tell it: a credit memo stands for one body at the REST door, so that two
that are alike in everything stay two.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta

from app.intake.commerce_picture import CREDITMEMO, items_of
from app.orders.order import Order
from app.orders.requests import RequestedItem
from app.storage import commerce_events as storage
from app.storage import refunds
from app.storage.commerce_events import DONE
from app.storage.database import Connection
from app.storage.refunds import Asked


async def told_otherwise(
    connection: Connection,
    order: Order,
    items: tuple[RequestedItem, ...] | None,
    body: str,
    within: timedelta,
) -> Asked | None:
    """The refund of the credit memo that a body at the REST door is, made so short a time ago.

    Only of credit memos that were refunded by themselves: what was known when it came is another
    refund. The caller holds the order.
    """
    place = (order.store_id, order.id)
    memos = [
        each
        for each in await storage.of_order(connection, *place)
        if each.about == CREDITMEMO and each.state == DONE
    ]
    memos.sort(key=lambda each: (body not in each.shipments, each.id))
    for memo in memos:
        known = body in memo.shipments
        if not known and (memo.shipments or items is None or not _same(items, items_of(memo))):
            continue
        made = await refunds.answering(connection, place, memo.reference, within)
        if made is None:
            continue
        if not known:
            await storage.save(connection, replace(memo, shipments=(body,)))
        return made
    return None


def _same(items: Iterable[RequestedItem], told: Iterable[RequestedItem] | None) -> bool:
    return told is not None and _units(items) == _units(told)


def _units(items: Iterable[RequestedItem]) -> Counter[int | None]:
    units: Counter[int | None] = Counter()
    for item in items:
        units[item.commerce_item_id] += item.quantity
    return units
