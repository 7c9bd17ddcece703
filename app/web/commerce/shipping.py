"""Ship the packages of a Commerce shipment, for the paths that take one."""

from collections.abc import Callable
from uuid import UUID

from fastapi import Response

from app.domain.orders.order import Order
from app.storage.idempotency import StoredResponse
from app.storage.orders import repository
from app.usecases.commerce_events.rest_shipments import RestShipments
from app.usecases.orders.ship_locked import AcceptedShipment
from app.web.commerce.fields import CommerceBody
from app.web.commerce.schemas import ShipIn
from app.web.dependencies import RequestContext


async def ship(
    context: RequestContext,
    place: tuple[int, UUID],
    body: ShipIn,
    render: Callable[[AcceptedShipment], StoredResponse],
    *,
    sent: CommerceBody | None = None,
) -> Response:
    """Ship, once. place: the store and the order. sent: the body, if the shipment is within it."""
    store, order = place
    known = await _loaded(context, store, order) if body.has_packages else None
    shipment = body.to_shipment(known)
    return await context.once(
        sent or body,
        store,
        render,
        lambda once: RestShipments(context.app, context.actor).ship(order, shipment, once=once),
    )


async def _loaded(context: RequestContext, store: int, order_id: UUID) -> Order:
    async with context.app.database.begin() as connection:
        found = await repository.load_many(connection, store, [order_id])
    return found[order_id]
