"""Carries out Commerce's webhooks and events once, and never loses one.

Messages come twice and out of order, and cover every order, Walmart's or not. A shipment, credit
memo or cancellation is identified by its Commerce id. What Waybill itself wrote in Commerce comes
back as an event and changes nothing. A refused event is kept with its order; an event without a
known order waits.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from app.commerce.payloads import CommerceMessage, CreditMemoSaved, OrderCanceled
from app.domain.errors import Conflict, Invalid, NotAvailable, OrderError, Problem
from app.domain.orders import refunds
from app.domain.orders.cancellation import reason_of
from app.domain.orders.order import Order
from app.domain.orders.requests import CancelRequest
from app.storage import idempotency, queries, timeline
from app.storage.commerce import events as storage
from app.storage.commerce.events import CommerceEvent
from app.storage.idempotency import IdempotentRequest
from app.storage.orders import repository, save
from app.storage.postgres.database import Connection
from app.storage.queries.views import CommerceEventView
from app.storage.stores import stores
from app.usecases.commerce_dedup.event_state import (
    ACTOR,
    CANCELLATION,
    CREDITMEMO,
    SHIPMENT,
    EventResult,
    together,
)
from app.usecases.commerce_events import refunds as commerce_refunds
from app.usecases.commerce_events import shipments
from app.usecases.commerce_events.resolve_order import resolve_order
from app.usecases.context import AppContext
from app.usecases.orders import cancel

# The order is canceled already, or will be.
_ALREADY = frozenset({"cancellation_pending", "order_already_canceled"})
_SETTLED = "it was settled before"
_NEWS = frozenset({"accepted", "corrected"})
_CARRIERS: dict[
    str,
    Callable[
        [Connection, AppContext, Order, CommerceEvent], Awaitable[tuple[EventResult, CommerceEvent]]
    ],
] = {
    SHIPMENT: shipments.carry_out,
    CREDITMEMO: commerce_refunds.carry_out,
}


# Merges the message into what is known of its subject; None: nothing is known yet.
Snapshot = Callable[[CommerceEvent | None], CommerceEvent]


@dataclass(frozen=True, slots=True)
class _EventSubject:
    """A shipment, credit memo or cancellation of an order, with the message to merge."""

    order_id: UUID
    picture: Snapshot

    @property
    def about(self) -> str:
        """shipment, creditmemo or cancellation."""
        return self.picture(None).about

    async def held(
        self, connection: Connection
    ) -> tuple[Order, CommerceEvent | None, CommerceEvent]:
        """Lock the order; answers it with the event as it was known and as it is now."""
        order = await repository.lock(connection, self.order_id)
        known = await _known(connection, self.picture)
        return order, known, self.picture(known)


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

    def picture(known: CommerceEvent | None) -> CommerceEvent:
        return together(known, message, when, store_id, context.new_id, named=named)

    try:
        found = await resolve_order(context, store_id, message.order_id)
    except OrderError as error:
        await _wait(context, picture, error)
        raise
    if found.foreign:
        return EventResult("ignored", "Commerce says that the order is not a Walmart order")
    order_id = found.order_id or await _wait(context, picture)
    if order_id is None:
        return EventResult(
            "waiting", f"no Walmart order is linked to Commerce's {message.order_id}"
        )
    return await _work(context, _EventSubject(order_id, picture))


async def replay(context: AppContext, event_id: UUID) -> EventResult:
    """Carry out a stored event, again or for the first time. Raises as `receive`."""
    async with context.transaction() as connection:
        event = await storage.find(connection, event_id)
        order_id = event.order_id or await queries.by_commerce_id(
            connection, event.store_id, event.commerce_order_id
        )
    if order_id is None:
        return EventResult("waiting", event.message or "")
    return await _work(context, _EventSubject(order_id, lambda known: known or event), asked=True)


async def retry(
    context: AppContext, event_id: UUID, once: IdempotentRequest | None = None
) -> CommerceEventView:
    """Carry a stored event out again at a person's request; a refusal is stored with it.

    Raises Unknown, Conflict commerce_event_finished.
    """
    async with context.transaction(once) as connection:
        event = await storage.find(connection, event_id)
    if event.state not in storage.OPEN:
        raise Conflict("commerce_event_finished", "The event is neither refused nor waiting.")
    await replay_all(context, [event_id])
    async with context.transaction(once) as connection:
        view = await queries.commerce_event(connection, event.store_id, event_id)
        assert view is not None  # noqa: S101 - found a moment ago
        await idempotency.store(connection, once, view)
    return view


async def replay_all(context: AppContext, event_ids: list[UUID]) -> None:
    """Carry out stored events; a refusal is stored with its event."""
    for event_id in event_ids:
        try:
            await replay(context, event_id)
        except OrderError:
            # A refusal is stored by now; a waiting event is taken up by a poller.
            continue


async def work(context: AppContext) -> bool:
    """Carry out events that waited for a link or the end of a doubt; True if more are left."""
    found = await storage.take(context.database)
    await replay_all(context, found)
    return len(found) >= storage.BATCH


async def _wait(
    context: AppContext, picture: Snapshot, error: OrderError | None = None
) -> UUID | None:
    """Store the event until its order is linked; answers the order if it was linked just now."""
    async with context.transaction() as connection:
        new = picture(None)
        await storage.hold_link(connection, new.store_id, new.commerce_order_id)
        known = await _known(connection, picture)
        event = picture(known)
        if error is None:
            found = await queries.by_commerce_id(connection, new.store_id, new.commerce_order_id)
            if found is not None:
                return found
        if _dismissed(known, event):
            return None
        why = str(error) if error else "No Walmart order is linked to this Commerce order."
        waits = replace(event, state=storage.WAITING, code=storage.NOT_LINKED, message=why)
        await storage.save(connection, waits)
    return None


async def _known(connection: Connection, picture: Snapshot) -> CommerceEvent | None:
    new = picture(None)
    return await storage.hold(connection, new.store_id, new.commerce_order_id, new.reference)


async def _work(context: AppContext, thing: _EventSubject, *, asked: bool = False) -> EventResult:
    """Carry an event out and store the result. asked: it was stored before."""
    try:
        if thing.about == CANCELLATION:
            return await _cancel(context, thing, asked=asked)
        async with context.transaction() as connection:
            order, known, event = await thing.held(connection)
            if _settled(known, event, asked=asked):
                return EventResult("known", _SETTLED)
            done, after = await _CARRIERS[event.about](connection, context, order, event)
            await _write(connection, order, known, after)
    except NotAvailable:
        raise
    except OrderError as error:
        await _refused(context, thing, error)
        raise
    if done.what in _NEWS:
        context.wake()
    return done


def _dismissed(known: CommerceEvent | None, event: CommerceEvent) -> bool:
    """Whether a person dismissed exactly this content: Commerce repeats it with each save."""
    return known is not None and known.state == storage.DISMISSED and known.told == event.told


def _settled(known: CommerceEvent | None, event: CommerceEvent, *, asked: bool) -> bool:
    """Whether nothing is left to do, checked under the lock.

    asked: the event was read without a lock before, and may have been settled meanwhile.
    """
    if asked:
        return known is not None and known.state not in storage.OPEN
    return _dismissed(known, event)


async def _cancel(context: AppContext, thing: _EventSubject, *, asked: bool) -> EventResult:
    async with context.transaction() as connection:
        order, known, event = await thing.held(connection)
        default = await stores.default_cancellation_reason(connection, order.store_id)
    if _settled(known, event, asked=asked):
        return EventResult("known", _SETTLED)
    said = event.told.get("reason")
    reason = reason_of(said) if said else default
    if reason is None:
        message = "Walmart requires a reason to cancel, and the store has no default reason."
        raise Invalid("reason_required", message, [Problem("reason_required", message)])
    done = EventResult("accepted")
    try:
        await cancel.cancel(context, thing.order_id, CancelRequest(reason), actor=ACTOR)
    except Conflict as error:
        if error.code not in _ALREADY:
            raise
        done = EventResult("known")
    if known is not None:
        async with context.transaction() as connection:
            order = await repository.lock(connection, thing.order_id)
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
    doubtful = any(each.in_doubt and each.code != refunds.IN_DOUBT for each in error.problems)
    return storage.IN_DOUBT if doubtful else error.code


async def _refused(context: AppContext, thing: _EventSubject, error: OrderError) -> None:
    """Store a refusal with the order, where people look for it."""
    async with context.transaction() as connection:
        order, known, event = await thing.held(connection)
        if _dismissed(known, event):
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
        await _write(connection, order, known, refused)
        if known is not None and known.same_trouble(refused):
            return
        detail = {
            "about": event.about,
            "reference": event.reference,
            "code": refused.code,
            "message": str(error),
        }
        entry = timeline.TimelineEvent("commerce_event_refused", ACTOR, detail=detail)
        await timeline.add(connection, order.store_id, order.id, entry, context.new_id)
