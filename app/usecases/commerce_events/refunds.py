"""Carries out a Commerce credit memo: refunds what Walmart has not refunded yet, by a return.

Credit memos are targets, as refunds are (decision 0013): all units that Commerce credited of an
item, against all units refunded or on their way. So a refund that Walmart made itself, or that came
by REST, counts, and nothing is paid twice.

A dismissed refund stays dismissed when its credit memo comes again: as the same event by its id, as
an event from before the dismissal, or as a webhook, which has no sender and no time. A new request
is judged by what is left: a REST body, or an event from after the dismissal, because then a person
saved the credit memo again. While the dismissed refund is in doubt, both are refused with
`refund_in_doubt`.
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
    """Refund what is left of the credit memo. The caller has locked the order and stores the event.

    Raises OrderError if the refund is refused.
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
        return EventResult("known", "it is refunded at Walmart, or its refund is on its way"), done
    comment = f"Commerce credit memo {event.reference.rpartition('-')[2]}"
    # A REST body for the same credit memo is recognised by this reference.
    reference = refund.RefundReference(event.reference, left=True)
    await refund.refund_locked(
        connection, context, order, left, comment=comment, actor=ACTOR, reference=reference
    )
    return EventResult("accepted"), done


async def _wanted_anew(connection: Connection, order: Order, event: CommerceEvent) -> bool:
    """Whether its refund was dismissed, and the event happened after that."""
    asked = await refunds.earlier(connection, (order.store_id, order.id), event.reference)
    if not asked or event.told_at is None:
        return False
    given_up_at = asked[0].given_up_at
    # mutation: new-request-after-dismissed-refund
    # mutation: repeated-event-after-dismissed-refund
    return given_up_at is not None and event.told_at > given_up_at


async def _left(
    connection: Connection, order: Order, event: CommerceEvent, items: tuple[RequestedItem, ...]
) -> tuple[RequestedItem, ...]:
    """The items that are neither refunded nor on their way."""
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
