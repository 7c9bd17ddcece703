"""/v1/orders/{order_id}/shipments: ship, list, read, correct the tracking."""

from typing import Annotated
from uuid import UUID

from fastapi import Body, Response

from app.domain.errors import Unknown
from app.storage import queries
from app.storage.idempotency import StoredResponse
from app.storage.queries.views import ShipmentView
from app.usecases.orders import correct_tracking as tracking
from app.usecases.orders import preview_shipment as preview
from app.usecases.orders import ship
from app.usecases.orders.ship_locked import AcceptedShipment
from app.web import pagination
from app.web.dependencies import Reading, Writing, answer, respond
from app.web.dry_runs import DryRun, rehearse
from app.web.route import OperationRouter
from app.web.v1 import examples
from app.web.v1.responses import problems, success
from app.web.v1.shipment_schemas import (
    PreviewOut,
    ShipmentIn,
    ShipmentsOut,
    TrackingIn,
    TrackingPreviewOut,
)

router = OperationRouter("/v1/orders/{order_id}/shipments", "shipments")
# What refuses a shipment, alone or as one of several packages.
SHIPMENT_REFUSALS = problems(
    "order_not_found",
    "tracking_number_required",
    "tracking_number_invalid",
    "tracking_url_required",
    "unknown_line",
    "invalid_quantity",
    "idempotency_key_reused",
    "quantity_exceeds_remaining",
    "cancel_requested",
    "nothing_to_ship",
    "order_canceled",
    "cancellation_pending",
    "cancellation_unresolved",
    "reference_reused",
    "idempotency_in_progress",
    body=True,
)


@router.post(
    "",
    operation_id="ship_order",
    summary="Ship an order or some of its units",
    status_code=202,
    response_model=ShipmentView,
    responses=success(202, ShipmentView, examples.SHIPMENT, "Accepted and stored.", location=True)
    | success(200, ShipmentView, examples.SHIPMENT, "The first shipment with the same `reference`.")
    | SHIPMENT_REFUSALS,
)
async def ship_order(
    context: Writing,
    order_id: UUID,
    body: Annotated[ShipmentIn, Body(examples=[examples.SHIPMENT_IN])],
    dry_run: DryRun = False,
) -> Response:
    """Accept a shipment, which is usually delivered to Walmart within a second.

    202 means that the shipment is stored and will be delivered. Its units count as `pending`
    until Walmart has confirmed them. A repeated `reference` returns the first shipment. With
    `?dry_run=true` the answer is that of `POST …/shipments/preview`.
    """
    if dry_run:
        return await preview_shipment(context, order_id, body)
    store = context.store_of(order_id)
    request = body.to_request()
    return await context.once(
        body,
        store,
        _shipped,
        lambda once: ship.ship(context.app, order_id, request, actor=context.actor, once=once),
    )


@router.post(
    "/preview",
    operation_id="preview_shipment",
    summary="Preview a shipment",
    response_model=PreviewOut,
    responses=success(200, PreviewOut, examples.PREVIEW, "What would be sent; nothing is written.")
    | problems("order_not_found", "invalid", body=True),
)
async def preview_shipment(
    context: Writing,
    order_id: UUID,
    body: Annotated[ShipmentIn, Body(examples=[examples.SHIPMENT_IN])],
) -> Response:
    """Return the exact request to Walmart of a shipment and every problem, and write nothing.

    The body is that of `POST …/shipments`. An `Idempotency-Key` has no effect.
    """
    context.store_of(order_id)
    found = await preview.preview(context.app, order_id, body.to_request())
    return respond(answer(200, PreviewOut.of(found)))


@router.get(
    "",
    operation_id="list_shipments",
    summary="List the shipments of an order",
    response_model=ShipmentsOut,
    responses=success(
        200,
        ShipmentsOut,
        {"data": [examples.SHIPMENT], "next_cursor": None},
        "A page.",
    )
    | problems("order_not_found", "cursor_invalid"),
)
async def list_shipments(
    context: Reading, order_id: UUID, limit: pagination.Limit = 50, cursor: pagination.Cursor = None
) -> Response:
    """List the shipments of an order, oldest first."""
    store = context.store_of(order_id)
    kind = f"shipments.{order_id}"
    page = pagination.page(limit, cursor, kind)
    async with context.app.database.direct.reading() as session:
        if not await queries.exists(session, store, order_id):
            raise Unknown("order", order_id)
        found, after = await queries.shipments(session, store, order_id, page)
    following = pagination.next_cursor(after, kind)
    return respond(answer(200, ShipmentsOut(data=found, next_cursor=following)))


@router.get(
    "/{shipment_id}",
    operation_id="get_shipment",
    summary="Get a shipment",
    response_model=ShipmentView,
    responses=success(200, ShipmentView, examples.SHIPMENT, "The shipment.")
    | problems("order_not_found", "shipment_not_found"),
)
async def get_shipment(context: Reading, order_id: UUID, shipment_id: UUID) -> Response:
    """Get a shipment, with the units that Walmart has confirmed."""
    store = context.store_of(order_id)
    async with context.app.database.direct.reading() as session:
        view = await queries.shipment(session, store, order_id, shipment_id)
    if view is None:
        raise Unknown("shipment", shipment_id)
    return respond(answer(200, view))


@router.patch(
    "/{shipment_id}/tracking",
    operation_id="correct_tracking",
    summary="Correct the tracking of a shipment",
    status_code=202,
    response_model=ShipmentView,
    responses=success(
        202,
        ShipmentView,
        examples.SHIPMENT,
        "The corrected shipment.",
    )
    | problems(
        "order_not_found",
        "shipment_not_found",
        "tracking_number_invalid",
        "tracking_url_required",
        "update_finished",
        "tracking_window_closed",
        body=True,
    ),
)
async def correct_tracking(
    context: Writing,
    order_id: UUID,
    shipment_id: UUID,
    body: Annotated[TrackingIn, Body(examples=[examples.TRACKING_IN])],
    dry_run: DryRun = False,
) -> Response:
    """Correct carrier, number or URL of a shipment, until 4 hours after Walmart confirmed it.

    A shipment that is known not to have reached Walmart, also a failed one, is sent with the new
    values. One that may have reached Walmart stays as it is, and a tracking update follows once
    its result is known. With `?dry_run=true` the answer is that of `POST …/tracking/preview`.
    """
    if dry_run:
        return await preview_tracking(context, order_id, shipment_id, body)
    context.store_of(order_id)
    view = await tracking.correct(
        context.app, order_id, shipment_id, body.to_correction(), actor=context.actor
    )
    return respond(answer(202, view))


@router.post(
    "/{shipment_id}/tracking/preview",
    operation_id="preview_tracking",
    summary="Preview a correction of the tracking",
    response_model=TrackingPreviewOut,
    responses=success(
        200,
        TrackingPreviewOut,
        examples.TRACKING_PREVIEW,
        "What would happen; nothing is written.",
    )
    | problems("order_not_found", "shipment_not_found", body=True),
)
async def preview_tracking(
    context: Writing,
    order_id: UUID,
    shipment_id: UUID,
    body: Annotated[TrackingIn, Body(examples=[examples.TRACKING_IN])],
) -> Response:
    """Return what `PATCH …/tracking` with the same body would do, and write nothing."""
    store = context.store_of(order_id)
    async with context.app.database.direct.reading() as session:
        before = await queries.shipment(session, store, order_id, shipment_id)
    found = await rehearse(
        tracking.correct(
            context.app.rehearsing(),
            order_id,
            shipment_id,
            body.to_correction(),
            actor=context.actor,
        )
    )
    return respond(answer(200, TrackingPreviewOut.of(before, found)))


def _shipped(shipped: AcceptedShipment) -> StoredResponse:
    view = shipped.shipment
    place = f"/v1/orders/{view.order_id}/shipments/{view.id}"
    if shipped.repeated:
        again = {"Idempotent-Replayed": "true"}
        return answer(200, view, Location=place, **again)
    return answer(202, view, Location=place)
