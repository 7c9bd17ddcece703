"""/rest/{store_code}/V1/shipment: read and save shipments and their tracks as in Commerce."""

from typing import Annotated

from fastapi import Body, Path, Response

from app.domain.db_limits import BIGINT
from app.domain.errors import Unknown
from app.storage import queries
from app.storage.queries.views import OrderView, ShipmentView
from app.usecases.orders import save_track
from app.web.commerce.examples import SAVE_TRACK, SHIPMENT, TRACK
from app.web.commerce.lookups import StoreCode, store_of
from app.web.commerce.responses import TRUE, answers
from app.web.commerce.shipment_schemas import (
    CommerceShipmentOut,
    CommerceTrackOut,
    SaveTrackIn,
)
from app.web.dependencies import ReadingAnyParameters, RequestContext, Writing, answer, respond
from app.web.route import OperationRouter

router = OperationRouter("/rest/{store_code}/V1", "commerce")
_ShipmentId = Annotated[int, Path(ge=1, le=BIGINT, description="entity_id of the shipment.")]
_TrackId = Annotated[int, Path(ge=1, le=BIGINT, description="entity_id of the track.")]


@router.get(
    "/shipment/{shipment_id}",
    operation_id="commerce_get_shipment",
    summary="Get a shipment by Commerce's API",
    response_model=CommerceShipmentOut,
    responses=answers(CommerceShipmentOut, example=SHIPMENT, description="The shipment."),
)
async def get_shipment(
    context: ReadingAnyParameters, store_code: StoreCode, shipment_id: _ShipmentId
) -> Response:
    """Get a shipment by its number, which is its `entity_id`.

    Each package is a shipment with one track. `sync_state` says whether Walmart has confirmed it.
    """
    store = await store_of(context, store_code)
    order, shipment = await _find(context, store, shipment_id)
    return respond(answer(200, CommerceShipmentOut.of(order, shipment)))


@router.post(
    "/shipment/track",
    operation_id="commerce_save_track",
    summary="Save a track by Commerce's API",
    response_model=CommerceTrackOut,
    responses=answers(CommerceTrackOut, example=TRACK, description="The track.", body=True),
)
async def save_shipment_track(
    context: Writing,
    store_code: StoreCode,
    body: Annotated[SaveTrackIn, Body(examples=[SAVE_TRACK])],
) -> Response:
    """Correct the carrier or the number of a shipment, `parent_id`.

    Walmart cannot divide a package afterwards, so a shipment has one track, and another number
    replaces it. Walmart takes corrections for 4 hours after it confirmed the shipment. What the
    shipment has already changes nothing. A failed shipment is tried again.
    """
    store = await store_of(context, store_code)
    track = body.entity
    order, shipment = await _find(context, store, track.parent_id, track.order_id)
    return await context.once(
        body,
        store,
        lambda saved: answer(200, CommerceTrackOut.of(order, saved)),
        lambda once: save_track.save(
            context.app,
            order.id,
            shipment.id,
            track.to_correction(),
            actor=context.actor,
            once=once,
        ),
    )


@router.delete(
    "/shipment/track/{track_id}",
    operation_id="commerce_delete_track",
    summary="Remove a track by Commerce's API",
    response_model=bool,
    responses=answers(bool, example=True, description="Recorded."),
)
async def delete_track(context: Writing, store_code: StoreCode, track_id: _TrackId) -> Response:
    """Record in the timeline that Commerce removed a track.

    The package keeps its number at Walmart until another track replaces it
    (`POST …/shipment/track`).
    """
    store = await store_of(context, store_code)
    order, shipment = await _find(context, store, track_id, noun="track")
    await save_track.remove(context.app, order.id, shipment.id, actor=context.actor)
    return respond(TRUE)


async def _find(
    context: RequestContext,
    store: int,
    number: int,
    order_id: int | None = None,
    *,
    noun: str = "shipment",
) -> tuple[OrderView, ShipmentView]:
    """A shipment, and its order that is linked to a Commerce order. Raises Unknown.

    order_id: that of Commerce's order, which the shipment must have. None means any.
    """
    async with context.app.database.begin() as connection:
        found = await queries.shipment_of_number(connection, store, number)
        order = await queries.order(connection, store, found[0]) if found else None
    linked = order.commerce_order_id if order else None
    if order is None or linked is None or order_id not in {None, linked}:
        raise Unknown(noun, number)
    return order, next(each for each in order.shipments if each.number == number)
