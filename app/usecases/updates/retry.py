"""Retries an update: puts it back into the queue and says what will happen to it."""

from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from app.domain import ids
from app.domain.audited_act import AuditedAct
from app.domain.errors import Conflict, OrderError, Unknown
from app.domain.orders import blockers, readback, reservation
from app.domain.orders.order import Order
from app.domain.orders.order_event import OrderEvent
from app.domain.orders.snapshot import OrderSnapshot
from app.domain.update import COMMERCE_KINDS, Kind, State
from app.storage import audit, idempotency, queries, rate_limits, timeline
from app.storage.audit import Act
from app.storage.idempotency import IdempotentRequest
from app.storage.orders import repository
from app.storage.outbox import requeue, updates
from app.storage.outbox.requeue import StoredUpdate
from app.storage.postgres.database import Connection
from app.storage.queries.views import LineUnitsView, UpdateView, View
from app.storage.recording import settlement
from app.storage.recording.settlement import SettlementInput
from app.usecases import read_order
from app.usecases.context import AppContext
from app.usecases.walmart_reader import UNLIMITED, WalmartReader

_EXPLAINED = {
    blockers.EXCESS: "Walmart shows more units under this tracking number than Waybill knows "
    "of: compare the order in Seller Center, then dismiss it.",
    blockers.ALREADY_SHIPPED: "Units are shipped at Walmart, so the whole order cannot be "
    "canceled any more: dismiss it, and refund what was shipped.",
    blockers.CANCEL_NOT_REQUESTED: "The buyer did not ask to cancel: dismiss it, and cancel "
    "with the seller's own reason.",
    blockers.LINE_CANCELED: "Walmart shows the units as canceled; they cannot be shipped any "
    "more: dismiss it.",
    blockers.NO_OPEN_UNITS: "Walmart has fewer open units than it needs: others were shipped or "
    "canceled there. Dismiss it, and ship what remains.",
    blockers.STATUS_UNKNOWN: "Walmart shows the units under this tracking number in a status that "
    "Waybill does not know, so they are not sent again. It is confirmed once Walmart shows them "
    "shipped; otherwise compare the order in Seller Center, then dismiss it.",
}


@dataclass(frozen=True, slots=True)
class Retried(View):
    """A retried update and what will happen to it."""

    will: str
    """queued, already_applied, waiting or cannot_help."""
    until: datetime | None
    """When a waiting update goes out. null means that no time is known."""
    explanation: str
    update: UpdateView
    units: tuple[LineUnitsView, ...] = ()
    """What an update with units sends, as far as it is known now. Empty if nothing is sent."""
    why: str | None = None
    """What it waits for: paused, earlier_update or in_doubt; or the code of what a retry cannot
    overcome. null where it is queued or applied."""


async def retry(
    context: AppContext,
    update_id: UUID,
    *,
    override_cancel_request: bool,
    actor: str,
    once: IdempotentRequest | None = None,
    reader: WalmartReader = UNLIMITED,
) -> Retried:
    """Try an update again. Raises Unknown, Conflict update_in_progress or update_finished.

    A failed update is read at Walmart first: what Walmart has is not sent again.
    """
    async with context.transaction(once) as connection:
        found, order = await held(connection, update_id)
        # mutation: retry-read-clock
        read_at = await rate_limits.now(connection)
    snapshot = await _read(context, found, order, reader)
    # mutation: retry-read-start
    async with context.transaction(once) as connection:
        now = await held(connection, update_id)
        if order is None or now[1] is None or not settlement.still_holds(order, now[1]):
            snapshot = None
        read = (snapshot, read_at) if snapshot is not None else None
        retried = await _requeue(
            connection, context, update_id, read, override=override_cancel_request, actor=actor
        )
        after = {"will": retried.will, "override_cancel_request": override_cancel_request}
        act = Act(AuditedAct.UPDATE_RETRIED, actor, str(update_id), found.store_id, after=after)
        await audit.record(connection, context.new_id, act)
        await idempotency.store(connection, once, retried)
    context.wake()
    return retried


async def held(connection: Connection, update_id: UUID) -> tuple[StoredUpdate, Order | None]:
    """Lock an update that is not at rest, and its order, until the transaction ends.

    Raises Unknown, Conflict update_in_progress or update_finished.
    """
    view = None
    store_id = ids.store_of(update_id)
    if store_id is not None:
        view = await queries.update(connection, store_id, update_id)
    if view is None:
        raise Unknown("update", update_id)
    # The order is locked before its updates, everywhere in this order.
    order = await repository.lock(connection, view.order_id) if view.order_id else None
    found = await requeue.find(connection, update_id)
    if found is None:
        # Archived, so it has been at rest for long.
        raise Conflict("update_finished", f"The update is already {view.state}.")
    if found.state is State.SENDING:
        raise Conflict("update_in_progress", "A poller is delivering this update right now.")
    if found.state in {State.CONFIRMED, State.DISMISSED}:
        raise Conflict("update_finished", f"The update is already {found.state.value}.")
    return found, order


async def _read(
    context: AppContext, found: StoredUpdate, order: Order | None, reader: WalmartReader
) -> OrderSnapshot | None:
    to_commerce = found.kind in COMMERCE_KINDS
    if order is None or to_commerce or found.state is not State.FAILED or not found.attempts:
        return None
    try:
        return await read_order.read(context, order.store_id, order.purchase_order_id, reader)
    except OrderError:
        # The poller reads before it sends, so queueing without a read is safe.
        return None


async def _requeue(
    connection: Connection,
    context: AppContext,
    update_id: UUID,
    read: tuple[OrderSnapshot, datetime] | None,
    *,
    override: bool,
    actor: str,
) -> Retried:
    found, order = await held(connection, update_id)
    landed, why_not = False, None
    if order is not None and read is not None:
        turns = await settlement.settle(connection, SettlementInput(order, *read), context.new_id)
        await updates.activate_next(connection, turns)
        order = await repository.lock(connection, order.id)
        landed = _state(order, update_id) is State.CONFIRMED
        why_not = None if landed else _why_not(order, update_id, read, override=override)
    # mutation: retry-outcome-answer
    if not landed and why_not is None:
        await _queue(connection, found, order, override=override)
    if order is not None:
        detail = {"override": override, "why_not": why_not}
        event = timeline.TimelineEvent(OrderEvent.UPDATE_RETRIED, actor, update_id, detail)
        await timeline.add(connection, order.store_id, order.id, event, context.new_id)
    view = await queries.update(connection, found.store_id, update_id)
    if view is None:
        raise Unknown("update", update_id)
    if landed:
        return Retried("already_applied", None, "Walmart already has it; nothing is sent.", view)
    if why_not is not None:
        return Retried("cannot_help", None, _EXPLAINED[why_not], view, why=why_not)
    return replace(await _forecast(connection, found, view), units=await _units(connection, found))


async def _units(connection: Connection, found: StoredUpdate) -> tuple[LineUnitsView, ...]:
    if found.order_id is None:
        return ()
    task = (await repository.lock(connection, found.order_id)).task(found.id)
    return tuple(
        LineUnitsView(item.line_number, item.reserved)
        for item in (task.items if task else ())
        if item.reserved
    )


def _why_not(
    order: Order, update_id: UUID, read: tuple[OrderSnapshot, datetime], *, override: bool
) -> str | None:
    """The code of an obstacle that a retry cannot overcome. None means that there is none."""
    task = order.task(update_id)
    if task is None or task.kind not in {Kind.SHIPMENT, Kind.CANCELLATION}:
        return None
    snapshot, read_at = read
    reading = readback.read(order, task, snapshot)
    why = blockers.blocking_code(task, reading, snapshot)
    if why is not None or task.in_doubt(read_at) or task.kind is Kind.CANCELLATION:
        return why
    try:
        again = reservation.reserve_again(order, update_id).task(update_id) or task
    except Conflict:
        if any(
            number in snapshot.lines and snapshot.lines[number].open for number in reading.missing
        ):
            # Other updates of ours reserved the units; queueing the retry reports that.
            return None
        again = task
    again = replace(again, override_cancel_request=again.override_cancel_request or override)
    going = blockers.sendable(reservation.with_task(order, again), again, snapshot, read_at)
    blocked = [each.code for each in going.blocked if each.code != blockers.CANCEL_REQUESTED]
    return None if going.units or not blocked else blocked[0]


async def _queue(
    connection: Connection, found: StoredUpdate, order: Order | None, *, override: bool
) -> None:
    if override:
        await requeue.override_cancel_request(connection, found)
    if order is not None:
        await requeue.try_again(connection, order, found)
        return
    await requeue.requeue(connection, found)
    await updates.activate_next(connection, [found.queue])


def _state(order: Order, update_id: UUID) -> State | None:
    task = order.task(update_id)
    return task.state if task else None


async def _forecast(connection: Connection, found: StoredUpdate, view: UpdateView) -> Retried:
    system = "Commerce" if found.kind in COMMERCE_KINDS else "Walmart"
    paused = await rate_limits.paused_until(connection, found.store_id, found.kind)
    if paused is not None:
        text = f"{system} accepts no calls of this kind until then."
        return Retried("waiting", paused, text, view, why="paused")
    if not await updates.has_turn(connection, found.store_id, found.id):
        text = "An earlier update of the order goes first."
        return Retried("waiting", None, text, view, why="earlier_update")
    if found.in_doubt_until is not None and found.in_doubt_until > await rate_limits.now(
        connection
    ):
        text = (
            f"An earlier try may still arrive until then; {system} is read before anything is sent."
        )
        return Retried("waiting", found.in_doubt_until, text, view, why="in_doubt")
    if found.attempts:
        text = f"It goes out now: {system} is read first, and only what is missing is sent."
        return Retried("queued", None, text, view)
    return Retried("queued", None, "It goes out now.", view)
