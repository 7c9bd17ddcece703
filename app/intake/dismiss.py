"""Dismiss: a person says it is settled; Waybill reads the order back and says what it found."""

from dataclasses import dataclass
from uuid import UUID

from app.intake import reading
from app.intake.desk import Desk
from app.intake.retry import find, held
from app.orders import readback, reservation
from app.orders.errors import OrderError, Unknown
from app.orders.order import Order, Task
from app.orders.snapshot import OrderSnapshot
from app.orders.update import DUE, TOLD_COMMERCE, Kind, State
from app.storage import (
    events,
    idempotency,
    interventions,
    order_changes,
    orders,
    overview,
    settling,
    updates,
)
from app.storage.database import Connection
from app.storage.idempotency import Once
from app.storage.interventions import Found
from app.storage.settling import Picture
from app.storage.views import UpdateView

NOT_READ = "not_read"
ABSENT = "absent"
_EXPLAINED = {
    "acknowledged": "Walmart shows the order as acknowledged.",
    "shipped": "Walmart shows all of it as shipped.",
    "canceled": "Walmart shows all of it as canceled.",
    "partly": "Walmart shows a part of it; the rest is free again.",
    ABSENT: "Walmart shows nothing of it; its units are free again.",
    NOT_READ: "Walmart could not be read; the units stay reserved until a refresh shows them.",
}
_WITH_SHIPMENT = "Its shipment was dismissed."
_OF_COMMERCE = "It was for Commerce alone; Walmart was not read, and no unit was kept for it."


@dataclass(frozen=True, slots=True)
class Dismissed:
    """The update at rest, and what Walmart shows of it."""

    update: UpdateView
    walmart: str
    explanation: str


async def dismiss(
    desk: Desk, update_id: UUID, *, note: str, actor: str, once: Once | None = None
) -> Dismissed:
    """End an update by a person's word.

    Raises Unknown, Conflict update_in_progress or update_finished.
    """
    waiting, basis = await find(desk, update_id, once)
    told_commerce = waiting.kind in TOLD_COMMERCE
    # Walmart has nothing to say to what Commerce is told.
    snapshot = None if told_commerce else await _picture(desk, basis)
    async with desk.transaction(once) as connection:
        found, order = await held(connection, update_id)
        if (
            order is None
            or not settling.still_holds(basis, order)
            or (snapshot is not None and _may_still_land(desk, found, order, snapshot))
        ):
            snapshot = None
        await interventions.dismiss(connection, found, actor=actor, note=note)
        walmart = NOT_READ
        if order is not None:
            walmart = await _release(connection, desk, order, update_id, snapshot)
            if walmart == ABSENT:
                await _end_corrections(connection, order, update_id, actor)
            detail = {"note": note, "walmart": walmart}
            event = events.Event("update_dismissed", actor, update_id, detail)
            await events.add(connection, order.store_id, order.id, event, desk.new_id)
        await updates.hand_turns(connection, [found.place])
        view = await overview.update(connection, found.store_id, update_id)
        if view is None:
            raise Unknown("update", update_id)
        explanation = _OF_COMMERCE if told_commerce else _EXPLAINED[walmart]
        dismissed = Dismissed(view, walmart, explanation)
        await idempotency.keep(connection, once, dismissed)
    desk.wake()
    return dismissed


async def _end_corrections(
    connection: Connection, order: Order, shipment: UUID, actor: str
) -> None:
    """What would correct a dismissed shipment that never was has nothing to correct."""
    ended: dict[UUID, State] = {}
    for task in order.tasks:
        if task.corrects != shipment or task.state not in DUE | {State.FAILED}:
            continue
        waiting = await interventions.find(connection, task.update_id)
        if waiting is not None and waiting.state is not State.SENDING:
            await interventions.dismiss(connection, waiting, actor=actor, note=_WITH_SHIPMENT)
            ended[task.update_id] = State.DISMISSED
    if ended:
        now = await orders.lock(connection, order.id)
        after = reservation.with_state(now, ended)
        await order_changes.save_status(connection, after, synced=False)


def _may_still_land(desk: Desk, found: Found, order: Order, snapshot: OrderSnapshot) -> bool:
    """Whether what Walmart does not show yet may come: its units must not be free then."""
    task = order.task(found.id)
    if task is None or not found.ambiguous or found.may_have_left_at is None:
        return False
    quiet = desk.now() - found.may_have_left_at >= desk.quiet_period
    return not quiet and bool(readback.read(order, task, snapshot).missing)


async def _picture(desk: Desk, order: Order | None) -> OrderSnapshot | None:
    if order is None:
        return None
    try:
        return await reading.read(desk, order.store_id, order.purchase_order_id)
    except OrderError:
        return None


async def _release(
    connection: Connection,
    desk: Desk,
    order: Order,
    update_id: UUID,
    snapshot: OrderSnapshot | None,
) -> str:
    order = reservation.with_state(order, {update_id: State.DISMISSED})
    if snapshot is None:
        await order_changes.save_status(connection, order, synced=False)
        return NOT_READ
    turns = await settling.settle(connection, Picture(order, snapshot, desk.now()), desk.new_id)
    await updates.hand_turns(connection, turns)
    after = await orders.lock(connection, order.id)
    return _found(after.task(update_id), snapshot)


def _found(task: Task | None, snapshot: OrderSnapshot) -> str:
    if task is None or task.kind is Kind.ACKNOWLEDGEMENT:
        return ABSENT if snapshot.created else "acknowledged"
    confirmed = sum(item.confirmed for item in task.items)
    if not confirmed:
        return ABSENT
    if confirmed < sum(item.quantity for item in task.items):
        return "partly"
    return "canceled" if task.kind is Kind.CANCELLATION else "shipped"
