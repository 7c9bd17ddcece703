"""Carries out stored events of Commerce, again or for the first time."""

from uuid import UUID

from app.domain.audited_act import AuditedAct
from app.domain.errors import Conflict, OrderError
from app.storage import audit, idempotency, queries
from app.storage.audit import Act
from app.storage.commerce import events as storage
from app.storage.idempotency import IdempotentRequest
from app.storage.queries.views import CommerceEventView
from app.usecases.commerce_dedup.event_state import (
    EventResult,
)
from app.usecases.commerce_events.carry_out import EventSubject, carry_out
from app.usecases.context import AppContext


async def replay(context: AppContext, event_id: UUID) -> EventResult:
    """Carry out a stored event, again or for the first time. Raises as `receive`."""
    async with context.transaction() as connection:
        event = await storage.find(connection, event_id)
        order_id = event.order_id or await queries.by_commerce_id(
            connection, event.store_id, event.commerce_order_id
        )
    if order_id is None:
        return EventResult("waiting", event.message or "")
    subject = EventSubject(order_id, lambda known: known or event)
    with audit.continued(event.request_id, event.traceparent):
        return await carry_out(context, subject, stored=True)


async def retry(
    context: AppContext,
    event_id: UUID,
    *,
    actor: str,
    once: IdempotentRequest | None = None,
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
        what = AuditedAct.COMMERCE_EVENT_RETRIED
        act = Act(what, actor, str(event_id), event.store_id, after={"state": view.state})
        await audit.record(connection, context.new_id, act)
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
