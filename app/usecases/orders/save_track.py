"""Saves a track of a Commerce shipment: another carrier or number corrects the shipment."""

from uuid import UUID

from app.domain.errors import Unknown
from app.domain.orders.order import Order
from app.domain.orders.order_event import OrderEvent
from app.domain.orders.requests import TrackingCorrection
from app.domain.orders.tracking_key import tracking_key
from app.domain.update import State
from app.storage import idempotency, queries, timeline
from app.storage.idempotency import IdempotentRequest
from app.storage.orders import repository
from app.storage.postgres.database import Connection
from app.storage.queries.views import ShipmentView
from app.usecases.context import AppContext
from app.usecases.orders import correct_tracking

REMOVED = OrderEvent.TRACK_REMOVED


async def save(
    context: AppContext,
    order_id: UUID,
    shipment_id: UUID,
    track: TrackingCorrection,
    *,
    actor: str,
    once: IdempotentRequest | None = None,
) -> ShipmentView:
    """Give a shipment this carrier and number. What it has already changes nothing.

    A failed shipment is tried again, with the same number too. Raises as `correct_tracking`.
    """
    async with context.transaction(once) as connection:
        order = await repository.lock(connection, order_id)
        view = await _shipment(connection, order, shipment_id)
        # mutation: repeated-track
        if not _has(view, track):
            await correct_tracking.correct_locked(
                connection, context, order, shipment_id, track, actor=actor
            )
            view = await _shipment(connection, order, shipment_id)
        await idempotency.store(connection, once, view)
    context.wake()
    return view


async def remove(context: AppContext, order_id: UUID, shipment_id: UUID, *, actor: str) -> None:
    """Record that Commerce removed the track of a shipment. Raises Unknown.

    The package has left under its number, so the number stays until another track replaces it.
    """
    async with context.transaction() as connection:
        order = await repository.lock(connection, order_id)
        view = await _shipment(connection, order, shipment_id)
        detail = {"shipment_id": str(view.id), "tracking_number": view.tracking_number}
        if await timeline.has(connection, order.store_id, order_id, REMOVED, detail):
            return
        event = timeline.TimelineEvent(REMOVED, actor, view.update.id, detail)
        await timeline.add(connection, order.store_id, order_id, event, context.new_id)


async def _shipment(connection: Connection, order: Order, shipment_id: UUID) -> ShipmentView:
    view = await queries.shipment(connection, order.store_id, order.id, shipment_id)
    if view is None:
        raise Unknown("shipment", shipment_id)
    return view


def _has(shipment: ShipmentView, track: TrackingCorrection) -> bool:
    return (
        shipment.state != State.FAILED
        and tracking_key(track.tracking_number or "") == tracking_key(shipment.tracking_number)
        and track.carrier_code in {None, shipment.carrier_code}
        and track.carrier_title in {None, shipment.carrier_title}
    )
