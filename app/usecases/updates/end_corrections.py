"""Ends the tracking corrections of a shipment that never arrived at Walmart."""

from uuid import UUID

from app.domain.orders import reservation, tracking_correction
from app.domain.orders.order import Order
from app.domain.update import DUE, State
from app.storage.orders import repository, save
from app.storage.outbox import requeue
from app.storage.postgres.database import Connection


async def end(connection: Connection, order: Order, shipment: UUID, actor: str) -> None:
    """Dismiss the tracking corrections of a dismissed shipment that never arrived."""
    ended: dict[UUID, State] = {}
    for task in order.tasks:
        if task.corrects != shipment or task.state not in DUE | {State.FAILED}:
            continue
        waiting = await requeue.find(connection, task.update_id)
        if waiting is not None and waiting.state is not State.SENDING:
            await requeue.dismiss(
                connection, waiting, actor=actor, note=tracking_correction.SHIPMENT_DISMISSED
            )
            ended[task.update_id] = State.DISMISSED
    if ended:
        now = await repository.lock(connection, order.id)
        after = reservation.with_state(now, ended)
        await save.save_status(connection, after, synced=False)
