"""Dismisses an update: a person ends it; Waybill reads its subject and says what it found."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from app.domain.audited_act import AuditedAct
from app.domain.errors import Unknown
from app.domain.orders import reservation
from app.domain.orders.order import Order
from app.domain.orders.order_event import OrderEvent
from app.domain.update import Kind, State
from app.storage import audit, idempotency, queries, rate_limits, timeline
from app.storage.audit import Act
from app.storage.idempotency import IdempotentRequest
from app.storage.orders import save
from app.storage.outbox import requeue, updates
from app.storage.outbox.requeue import StoredUpdate
from app.storage.postgres.database import Connection
from app.storage.queries.views import UpdateView, View
from app.storage.recording import settlement
from app.usecases.context import AppContext
from app.usecases.updates import end_corrections, read_subject, subject_reader
from app.usecases.updates.read_subject import ABSENT, NOT_READ, SubjectRead
from app.usecases.updates.retry import held
from app.usecases.walmart_reader import UNLIMITED, WalmartReader


@dataclass(frozen=True, slots=True)
class Dismissed(View):
    """A dismissed update, and what Walmart shows of it."""

    walmart: str
    """shipped, canceled, acknowledged, corrected, refunded, stock_level, partly, absent, in_doubt
    or not_read."""
    explanation: str
    until: datetime | None
    """From when a read may end the doubt of the update. null means that it is not in doubt."""
    update: UpdateView


async def dismiss(
    context: AppContext,
    update_id: UUID,
    *,
    note: str,
    actor: str,
    once: IdempotentRequest | None = None,
    reader: WalmartReader = UNLIMITED,
) -> Dismissed:
    """End an update at a person's request.

    Its doubt stays: its units stay reserved until a read that began late enough shows the outcome.
    Raises Unknown, Conflict update_in_progress or update_finished.
    """
    # mutation: dismissal-read-start
    async with context.transaction(once) as connection:
        waiting, basis = await held(connection, update_id)
        # mutation: dismissal-read-clock
        read_at = await rate_limits.now(connection)
    seen = await subject_reader.read_subject(context, waiting, basis, reader=reader)
    async with context.transaction(once) as connection:
        found, order = await held(connection, update_id)
        if order is not None and not settlement.still_holds(basis, order):
            seen = None
        await requeue.dismiss(connection, found, actor=actor, note=note)
        if order is not None:
            order = reservation.with_state(order, {update_id: State.DISMISSED})
            await save.save_status(connection, order, synced=False)
        read = SubjectRead(seen, read_at) if seen is not None else None
        finding = await read_subject.conclude(connection, context, found, order, read)
        # mutation: reread-after-dismissal
        if finding.walmart == NOT_READ and _holds(order, update_id):
            # A poller reads its subject as soon as it can.
            await requeue.doubt_now(connection, found)
        if order is not None and found.kind is Kind.SHIPMENT and finding.walmart == ABSENT:
            await end_corrections.end(connection, order, update_id, actor)
        detail = {"note": note, "walmart": finding.walmart}
        await _record(connection, context, found, actor, detail)
        await updates.activate_next(connection, [found.queue])
        view = await queries.update(connection, found.store_id, update_id)
        if view is None:
            raise Unknown("update", update_id)
        dismissed = Dismissed(finding.walmart, finding.explanation, finding.until, view)
        await idempotency.store(connection, once, dismissed)
    context.wake()
    return dismissed


async def _record(
    connection: Connection,
    context: AppContext,
    found: StoredUpdate,
    actor: str,
    detail: Mapping[str, str],
) -> None:
    """Write a dismissal to the timeline of its order, if it has one, and to the audit."""
    if found.order_id is not None:
        event = timeline.TimelineEvent(OrderEvent.UPDATE_DISMISSED, actor, found.id, detail)
        await timeline.add(connection, found.store_id, found.order_id, event, context.new_id)
    act = Act(AuditedAct.UPDATE_DISMISSED, actor, str(found.id), found.store_id, after=detail)
    await audit.record(connection, context.new_id, act)


def _holds(order: Order | None, update_id: UUID) -> bool:
    task = order.task(update_id) if order is not None else None
    return task is not None and any(item.reserved for item in task.items)
