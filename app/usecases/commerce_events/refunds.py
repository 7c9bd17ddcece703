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
from dataclasses import replace

from app.commerce.payload_fields import invalid
from app.commerce.payloads import AMOUNT_ONLY
from app.domain.errors import Invalid, Problem, refuse
from app.domain.orders import commerce_items
from app.domain.orders.commerce_items import Resolved
from app.domain.orders.order import Order
from app.domain.orders.requests import RequestedItem
from app.storage.commerce import events as storage
from app.storage.commerce.events import CommerceEvent
from app.storage.postgres.database import Connection
from app.storage.returns import refunds, returns
from app.usecases.commerce_dedup.event_state import (
    ACTOR,
    CREDITMEMO,
    EventResult,
    items_of,
    problem_of,
)
from app.usecases.context import AppContext
from app.usecases.returns import refund
from app.usecases.returns.repeated import RefundReference

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
    items, problem = items_of(event), problem_of(event)
    amount_only = problem is not None and problem.code == AMOUNT_ONLY.code
    # mutation: amount-before-online
    if event.content["online"] and not amount_only:
        raise Invalid("creditmemo_online", _ONLINE, [Problem("creditmemo_online", _ONLINE)])
    if items is None:
        raise invalid(problem or AMOUNT_ONLY)
    left = await _left(connection, order, event, items)
    if not left.units:
        return EventResult("known", "it is refunded at Walmart, or its refund is on its way"), done
    comment = f"Commerce credit memo {event.reference.rpartition('-')[2]}"
    # A REST body for the same credit memo is recognised by this reference.
    reference = RefundReference(event.reference, left=True)
    await refund.refund_locked(
        connection, context, order, left, comment=comment, actor=ACTOR, reference=reference
    )
    return EventResult("accepted"), done


async def _wanted_anew(connection: Connection, order: Order, event: CommerceEvent) -> bool:
    """Whether its refund was dismissed, and the event happened after that."""
    asked = await refunds.earlier(connection, (order.store_id, order.id), event.reference)
    if not asked or event.content_at is None:
        return False
    given_up_at = asked[0].given_up_at
    # mutation: new-request-after-dismissed-refund
    # mutation: repeated-event-after-dismissed-refund
    return given_up_at is not None and event.content_at > given_up_at


async def _left(
    connection: Connection, order: Order, event: CommerceEvent, items: tuple[RequestedItem, ...]
) -> Resolved:
    """The units that are neither refunded nor on their way. Raises Invalid.

    Items of a unit may be credited one after the other: the unit is refunded once.
    """
    others = [
        each
        for each in await storage.of_order(connection, order.store_id, order.id)
        if each.about == CREDITMEMO and each.state == storage.DONE and each.id != event.id
    ]
    resolved = commerce_items.resolve(order, items)
    refuse([each for each in resolved.problems if each.code == commerce_items.UNKNOWN_LINE])
    before = [item for each in others for item in items_of(each) or ()]
    credited = commerce_items.units_by_line(order, [*before, *items])
    refunded = await _refunded(connection, order)
    left = []
    for each in resolved.units:
        line = each.lines[0].line_number
        units = min(credited[line] - refunded[line], each.units)
        if units > 0:
            left.append(replace(each, units=units))
    refuse(tuple(commerce_items.not_whole(items, left)))
    return replace(resolved, units=tuple(left), problems=())


async def _refunded(connection: Connection, order: Order) -> Counter[str]:
    """Units that are refunded or that a refund under way wants, by the first line of each item."""
    first = commerce_items.first_lines(order)
    units: Counter[str] = Counter()
    for known in await returns.of_order(connection, order.store_id, order.purchase_order_id):
        pending = await refunds.pending(connection, known)
        for line in known.returned.lines_of(order.purchase_order_id):
            number = line.line_number
            units[first.get(number, number)] += line.refunded + pending.get(line.number, 0)
    return units
