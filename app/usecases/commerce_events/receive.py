"""Receives Commerce's webhooks and events, and never loses one.

Messages come twice and out of order, and cover every order, Walmart's or not. A shipment, credit
memo or cancellation is identified by its Commerce id. What Waybill itself wrote in Commerce comes
back as an event and changes nothing. An event without a known order waits.
"""

from dataclasses import replace
from datetime import datetime
from uuid import UUID

from app.commerce.payloads import CommerceMessage, CreditMemoSaved, OrderCanceled
from app.domain.errors import OrderError
from app.storage import queries
from app.storage.commerce import events as storage
from app.storage.commerce.events import CommerceEvent
from app.usecases.commerce_dedup.event_state import (
    EventResult,
    together,
)
from app.usecases.commerce_events.carry_out import (
    EventSubject,
    Merge,
    carry_out,
    find_known,
    is_dismissed,
)
from app.usecases.commerce_events.resolve_order import resolve_order
from app.usecases.context import AppContext


async def receive(
    context: AppContext,
    store_id: int,
    message: CommerceMessage,
    at: datetime | None = None,
    *,
    named: bool = False,
) -> EventResult:
    """Carry out a message of Commerce. at: the event's time; None means now.

    named: the event has an id that did not come before.

    Raises OrderError if the message is refused, NotAvailable if its order cannot be found now; in
    both cases the event is stored first.
    """
    if isinstance(message, OrderCanceled | CreditMemoSaved) and not message.done:
        return EventResult("ignored", "Commerce did not complete it")
    now = await context.database_time()
    # A time in the future would make every later message look old.
    when = now if at is None else min(at, now)

    def merge(known: CommerceEvent | None) -> CommerceEvent:
        return together(known, message, when, store_id, context.new_id, named=named)

    try:
        found = await resolve_order(context, store_id, message.order_id)
    except OrderError as error:
        await _wait(context, merge, error)
        raise
    if found.foreign:
        return EventResult("ignored", "Commerce says that the order is not a Walmart order")
    order_id = found.order_id or await _wait(context, merge)
    if order_id is None:
        return EventResult(
            "waiting", f"no Walmart order is linked to Commerce's {message.order_id}"
        )
    return await carry_out(context, EventSubject(order_id, merge))


async def _wait(context: AppContext, merge: Merge, error: OrderError | None = None) -> UUID | None:
    """Store the event until its order is linked; answers the order if it was linked just now."""
    async with context.transaction() as connection:
        new = merge(None)
        await storage.lock_links(connection, new.store_id, new.commerce_order_id)
        known = await find_known(connection, merge)
        event = merge(known)
        if error is None:
            found = await queries.by_commerce_id(connection, new.store_id, new.commerce_order_id)
            if found is not None:
                return found
        if is_dismissed(known, event):
            return None
        why = str(error) if error else "No Walmart order is linked to this Commerce order."
        waits = replace(event, state=storage.WAITING, code=storage.NOT_LINKED, message=why)
        # mutation: event-before-link
        await storage.save(connection, waits)
    return None
