"""Dismiss a Commerce event that was refused or waits: a person settled it elsewhere."""

from dataclasses import replace
from uuid import UUID

from app.domain.audited_act import AuditedAct
from app.domain.errors import Conflict
from app.domain.orders.order_event import OrderEvent
from app.storage import audit, queries, timeline
from app.storage.audit import Act
from app.storage.commerce import events as storage
from app.storage.idempotency import IdempotentRequest, store
from app.storage.orders import repository
from app.storage.queries.views import CommerceEventView
from app.usecases.commerce_events.carry_out import show
from app.usecases.context import AppContext

_CLOSED = "The event is neither refused nor waiting."


async def dismiss(
    context: AppContext,
    event_id: UUID,
    *,
    note: str,
    actor: str,
    once: IdempotentRequest | None = None,
) -> CommerceEventView:
    """End the event with a note. Raises Unknown, Conflict commerce_event_finished."""
    async with context.transaction(once) as connection:
        found = await storage.find(connection, event_id)
        # The order is locked before its events, everywhere in this order.
        order = await repository.lock(connection, found.order_id) if found.order_id else None
        known = await storage.lock(
            connection, found.store_id, found.commerce_order_id, found.reference
        )
        if known is None or known.state not in storage.OPEN:
            raise Conflict("commerce_event_finished", _CLOSED)
        ended = replace(known, state=storage.DISMISSED, note=note, dismissed_by=actor)
        await storage.save(connection, ended)
        if order is not None:
            detail = {"reference": known.reference, "code": known.code, "note": note}
            event = timeline.TimelineEvent(
                OrderEvent.COMMERCE_EVENT_DISMISSED, actor, detail=detail
            )
            await timeline.add(connection, order.store_id, order.id, event, context.new_id)
            await show(connection, order)
        act = Act(
            AuditedAct.COMMERCE_EVENT_DISMISSED,
            actor,
            str(event_id),
            found.store_id,
            after={"note": note},
        )
        await audit.record(connection, context.new_id, act)
        view = await queries.commerce_event(connection, found.store_id, event_id)
        assert view is not None  # noqa: S101 - held a moment ago
        await store(connection, once, view)
    return view
