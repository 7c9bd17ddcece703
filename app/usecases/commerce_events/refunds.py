"""A credit memo of Commerce's: what of it Walmart has not refunded yet is refunded by a return.

Credit memos are targets like refunds (decision 0013): all that Commerce ever credited of an item
against all that is refunded or on its way. So a refund that Walmart made by itself, or that came
by the REST door, is known, and nothing is paid twice.

A refund that a person dismissed stays dismissed when Commerce tells of its credit memo again: the
same event by its id, one that happened before the dismissal and comes late, and every hook, for a
hook says neither who sent it nor when. A new request is judged anew, by what is left: a body at the
REST door, and an event that happened after the dismissal, since somebody saved the credit memo
again. While the dismissed refund is in doubt both are refused, `refund_in_doubt`.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

from app.commerce.payload_fields import invalid
from app.domain.errors import Invalid, Problem
from app.domain.orders.order import Order
from app.domain.orders.requests import RequestedItem
from app.storage.commerce import events as storage
from app.storage.commerce.events import CommerceEvent
from app.storage.postgres.database import Connection
from app.storage.returns import refunds, returns
from app.usecases.commerce_dedup.event_state import ACTOR, CREDITMEMO, EventResult, items_of
from app.usecases.context import AppContext
from app.usecases.returns import refund

_ONLINE = (
    "Commerce gave the money of this credit memo back by its own payment provider. Walmart would "
    "give it back again: make offline refunds."
)


async def carry_out(
    connection: Connection, context: AppContext, order: Order, event: CommerceEvent
) -> tuple[EventResult, CommerceEvent]:
    """Refund what is left of it; the caller holds the order and writes the event down.

    Raises OrderError where Walmart cannot be told so.
    """
    done = replace(event, state=storage.DONE, code=None, message=None)
    if event.state == storage.DONE and not await _wanted_anew(connection, order, event):
        return EventResult("known"), done
    if event.told["online"]:
        raise Invalid("creditmemo_online", _ONLINE, [Problem("creditmemo_online", _ONLINE)])
    items = items_of(event)
    if items is None:
        raise invalid(event.told["problem"])
    left = await _left(connection, order, event, items)
    if not left:
        return EventResult("known", "Walmart has refunded it, or is being told"), done
    comment = f"Commerce credit memo {event.reference.rpartition('-')[2]}"
    # By its number the REST door knows that it was refunded.
    reference = refund.RefundReference(event.reference, left=True)
    await refund.refund_locked(
        connection, context, order, left, comment=comment, actor=ACTOR, reference=reference
    )
    return EventResult("accepted"), done


async def _wanted_anew(connection: Connection, order: Order, event: CommerceEvent) -> bool:
    """Whether its refund was dismissed, and Commerce told of it again after that."""
    asked = await refunds.earlier(connection, (order.store_id, order.id), event.reference)
    if not asked or event.told_at is None:
        return False
    given_up_at = asked[0].given_up_at
    return given_up_at is not None and event.told_at > given_up_at


async def _left(
    connection: Connection, order: Order, event: CommerceEvent, items: tuple[RequestedItem, ...]
) -> tuple[RequestedItem, ...]:
    """What of the items is neither refunded nor on its way."""
    others = [
        each
        for each in await storage.of_order(connection, order.store_id, order.id)
        if each.about == CREDITMEMO and each.state == storage.DONE and each.id != event.id
    ]
    credited = _units(item for each in others for item in items_of(each) or ())
    refunded = await _refunded(connection, order)
    left = []
    for item in items:
        open_units = credited[item.commerce_item_id] + item.quantity
        open_units -= refunded[item.commerce_item_id]
        if open_units > 0:
            left.append(replace(item, quantity=min(open_units, item.quantity)))
    return tuple(left)


async def _refunded(connection: Connection, order: Order) -> Counter[int | None]:
    """Units of each of Commerce's items that are refunded, or that a refund under way wants."""
    units: Counter[int | None] = Counter()
    for known in await returns.of_order(connection, order.store_id, order.purchase_order_id):
        pending = await refunds.pending(connection, known)
        for line in known.returned.lines_of(order.purchase_order_id):
            ours = order.line(line.line_number)
            if ours is not None:
                units[ours.commerce_item_id] += line.refunded + pending.get(line.number, 0)
    return units


def _units(items: Iterable[RequestedItem]) -> Counter[int | None]:
    units: Counter[int | None] = Counter()
    for item in items:
        units[item.commerce_item_id] += item.quantity
    return units
