"""Carries out one event of Commerce under the lock of its order, and stores the result.

A refused event is kept with its order.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from uuid import UUID

from app.domain.errors import NotAvailable, OrderError
from app.domain.orders import refund_targets
from app.domain.orders.cancellation import reason_of
from app.domain.orders.order import Order
from app.domain.orders.order_event import OrderEvent
from app.domain.orders.requests import CancelRequest
from app.storage import timeline
from app.storage.commerce import events as storage
from app.storage.commerce.events import CommerceEvent
from app.storage.orders import repository, save
from app.storage.postgres.database import Connection
from app.storage.stores import stores
from app.usecases.commerce_dedup.event_state import (
    ACTOR,
    CANCELLATION,
    CREDITMEMO,
    SHIPMENT,
    EventResult,
)
from app.usecases.commerce_events import refunds as commerce_refunds
from app.usecases.commerce_events import shipments
from app.usecases.context import AppContext
from app.usecases.orders import cancel

_SETTLED = "it was settled before"
_CHANGES = frozenset({"accepted", "corrected"})
_CARRIERS: dict[
    str,
    Callable[
        [Connection, AppContext, Order, CommerceEvent], Awaitable[tuple[EventResult, CommerceEvent]]
    ],
] = {
    SHIPMENT: shipments.carry_out,
    CREDITMEMO: commerce_refunds.carry_out,
}

Merge = Callable[[CommerceEvent | None], CommerceEvent]
"""Merges a message into the stored event of its subject; None means that none is stored."""


@dataclass(frozen=True, slots=True)
class EventSubject:
    """A shipment, credit memo or cancellation of an order, with the message to merge."""

    order_id: UUID
    merge: Merge

    @property
    def about(self) -> str:
        """shipment, creditmemo or cancellation."""
        return self.merge(None).about

    async def lock(
        self, connection: Connection
    ) -> tuple[Order, CommerceEvent | None, CommerceEvent]:
        """Lock the order; return it with the event as it was stored and as it is now."""
        order = await repository.lock(connection, self.order_id)
        known = await find_known(connection, self.merge)
        return order, known, self.merge(known)


async def find_known(connection: Connection, merge: Merge) -> CommerceEvent | None:
    """Return the stored event of the message's subject, locked. None if there is none."""
    new = merge(None)
    return await storage.lock(connection, new.store_id, new.commerce_order_id, new.reference)


async def carry_out(
    context: AppContext, subject: EventSubject, *, stored: bool = False
) -> EventResult:
    """Carry an event out and store the result. stored: it was read from the database."""
    try:
        if subject.about == CANCELLATION:
            return await _cancel(context, subject, stored=stored)
        async with context.transaction() as connection:
            order, known, event = await subject.lock(connection)
            if _settled(known, event, stored=stored):
                return EventResult("known", _SETTLED)
            done, after = await _CARRIERS[event.about](connection, context, order, event)
            await record(connection, context, order, known, after)
    except NotAvailable:
        raise
    except OrderError as error:
        # mutation: refused-event-on-order
        await _refused(context, subject, error)
        raise
    if done.what in _CHANGES:
        context.wake()
    return done


def is_dismissed(known: CommerceEvent | None, event: CommerceEvent) -> bool:
    """Whether a person dismissed exactly this content: Commerce repeats it with each save."""
    return known is not None and known.state == storage.DISMISSED and known.content == event.content


def _settled(known: CommerceEvent | None, event: CommerceEvent, *, stored: bool) -> bool:
    """Whether nothing is left to do, checked under the lock.

    stored: the event was read without a lock before, and may have been settled meanwhile.
    """
    if stored:
        # mutation: dismissed-event
        return known is not None and known.state not in storage.OPEN
    return is_dismissed(known, event)


async def _cancel(context: AppContext, subject: EventSubject, *, stored: bool) -> EventResult:
    async with context.transaction() as connection:
        order, known, event = await subject.lock(connection)
        default = await stores.default_cancellation_reason(connection, order.store_id)
    if _settled(known, event, stored=stored):
        return EventResult("known", _SETTLED)
    said = event.content.get("reason")
    request = CancelRequest(reason_of(said) if said else default or "")
    done = EventResult("accepted")
    try:
        await cancel.cancel(context, subject.order_id, request, actor=ACTOR)
    except OrderError as error:
        if not cancel.repeated(error):
            raise
        done = EventResult("known")
    if known is not None:
        async with context.transaction() as connection:
            order = await repository.lock(connection, subject.order_id)
            after = replace(event, state=storage.DONE, code=None, message=None)
            await _write(connection, order, known, after)
    return done


async def _write(
    connection: Connection, order: Order, known: CommerceEvent | None, after: CommerceEvent
) -> None:
    """Store an event, and update the status of its order."""
    after = replace(after, order_id=order.id)
    if after == known:
        return
    await storage.save(connection, after)
    await show(connection, order)


async def show(connection: Connection, order: Order) -> None:
    """Write a locked order's status if its open events changed it."""
    if await storage.mark(connection, order.store_id, order.id):
        held = await repository.lock(connection, order.id)
        await save.save_status(connection, held, synced=False)


def _code(error: OrderError) -> str:
    """The code of a refusal. One because of a doubt is tried again when the doubt ends."""
    # A doubt about a refund keeps its own code.
    doubtful = any(
        each.in_doubt and each.code != refund_targets.IN_DOUBT for each in error.problems
    )
    # mutation: event-waits-for-doubt
    return storage.IN_DOUBT if doubtful else error.code


async def _refused(context: AppContext, subject: EventSubject, error: OrderError) -> None:
    """Store a refusal with the order, where people look for it."""
    async with context.transaction() as connection:
        order, known, event = await subject.lock(connection)
        if is_dismissed(known, event):
            return
        refused = replace(
            event,
            order_id=order.id,
            state=storage.REFUSED,
            code=_code(error),
            message=str(error),
            note=None,
            dismissed_by=None,
        )
        await record(connection, context, order, known, refused)


async def record(
    connection: Connection,
    context: AppContext,
    order: Order,
    known: CommerceEvent | None,
    after: CommerceEvent,
) -> None:
    """Store an event of a locked order; a new refusal stands in the timeline too."""
    await _write(connection, order, known, after)
    if after.state != storage.REFUSED or (known is not None and known.same_trouble(after)):
        return
    detail = {
        "about": after.about,
        "reference": after.reference,
        "code": after.code,
        "message": after.message,
    }
    entry = timeline.TimelineEvent(OrderEvent.COMMERCE_EVENT_REFUSED, ACTOR, detail=detail)
    await timeline.add(connection, order.store_id, order.id, entry, context.new_id)
