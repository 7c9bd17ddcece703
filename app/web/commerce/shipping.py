"""Ship the packages of a Commerce shipment, for the paths that take one."""

from collections.abc import Callable
from uuid import UUID

from fastapi import Response

from app.domain.update import State
from app.storage import queries
from app.storage.idempotency import StoredResponse
from app.usecases.commerce_events.rest_shipments import RestShipments
from app.usecases.orders.ship import AcceptedShipment
from app.web.commerce.schemas import CommerceBody, ShipIn
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
    remaining = await _remaining(context, store, order) if body.names_no_units else None
    requests, unsent = body.to_requests(remaining), body.unsent(remaining)
    return await context.once(
        sent or body,
        store,
        render,
        lambda once: RestShipments(context.app, context.actor).ship(
            order, requests, unsent=unsent, once=once
        ),
    )


async def _remaining(context: RequestContext, store: int, order: UUID) -> int:
    async with context.app.database.begin() as connection:
        view = await queries.order(connection, store, order)
    if view is None:
        return 0
    failed = [each for each in view.shipments if each.state == State.FAILED]
    lacking = sum(item.quantity - item.confirmed for each in failed for item in each.items)
    # Without other units the request is about those of a failed shipment.
    return sum(line.quantity.remaining for line in view.lines) or lacking
