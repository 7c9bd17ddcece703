"""/rest/{store_code}/V1/shipment: read and save shipments and their tracks as in Commerce."""

from typing import Annotated

from fastapi import Body, Path, Response

from app.domain.db_limits import BIGINT
from app.domain.errors import Conflict, Invalid, Problem, Unknown
from app.domain.orders.requests import TrackingCorrection
from app.domain.orders.tracking_key import tracking_key
from app.storage import queries
from app.storage.queries import commerce_document_search
from app.storage.queries.views import OrderView, ShipmentView
from app.usecases.orders import save_track
from app.web.commerce import problems, shipping
from app.web.commerce.examples import SAVE_SHIPMENT, SAVE_TRACK, SHIPMENT, SHIPMENTS, TRACK
from app.web.commerce.lookups import StoreCode, order_view, store_of
from app.web.commerce.responses import TRUE, answers
from app.web.commerce.route import CommerceRouter
from app.web.commerce.search_pages import search_page
from app.web.commerce.search_parameters import searching
from app.web.commerce.shipment_schemas import (
    CommerceShipmentOut,
    CommerceShipmentsOut,
    CommerceTrackOut,
    SaveShipmentIn,
    SaveTrackIn,
    ShipmentEntityIn,
)
from app.web.dependencies import Reading, RequestContext, Writing, answer, respond

router = CommerceRouter("/rest/{store_code}/V1", "commerce")
_ShipmentId = Annotated[int, Path(ge=1, le=BIGINT, description="entity_id of the shipment.")]
_TrackId = Annotated[int, Path(ge=1, le=BIGINT, description="entity_id of the track.")]


@router.get(
    "/shipments",
    operation_id="commerce_search_shipments",
    summary="Search shipments by Commerce's API",
    response_model=CommerceShipmentsOut,
    responses=answers(CommerceShipmentsOut, example=SHIPMENTS, description="A page."),
    openapi_extra=searching(commerce_document_search.SHIPMENTS.fields(0)),
)
async def search_shipments(context: Reading, store_code: StoreCode) -> Response:
    """Search the shipments of a store by `searchCriteria`, as `GET …/orders` searches orders.

    Fields: `entity_id`, `increment_id`, `order_id`, `store_id`, `created_at`, `updated_at`. Only
    shipments of orders that are linked to a Commerce order are found.
    """
    return await search_page(
        context,
        store_code,
        queries.search_shipments,
        CommerceShipmentsOut,
        lambda found: CommerceShipmentOut.of(*found),
    )


@router.get(
    "/shipment/{shipment_id}",
    operation_id="commerce_get_shipment",
    summary="Get a shipment by Commerce's API",
    response_model=CommerceShipmentOut,
    responses=answers(CommerceShipmentOut, example=SHIPMENT, description="The shipment."),
)
async def get_shipment(
    context: Reading, store_code: StoreCode, shipment_id: _ShipmentId
) -> Response:
    """Get a shipment by its number, which is its `entity_id`.

    Each package is a shipment with one track. `sync_state` says whether Walmart has confirmed it.
    """
    store = await store_of(context, store_code)
    order, shipment = await _find(context, store, shipment_id)
    return respond(answer(200, CommerceShipmentOut.of(order, shipment)))


@router.post(
    "/shipment",
    operation_id="commerce_save_shipment",
    summary="Save a shipment by Commerce's API",
    response_model=CommerceShipmentOut,
    responses=answers(
        CommerceShipmentOut, example=SHIPMENT, description="The shipment.", body=True
    ),
)
@problems.in_fields_of_commerce("entity")
async def save_shipment(
    context: Writing,
    store_code: StoreCode,
    body: Annotated[SaveShipmentIn, Body(examples=[SAVE_SHIPMENT])],
) -> Response:
    """Ship items of an order, or replace the track of a shipment that has an `entity_id`.

    A new shipment is accepted by the rules of `POST …/order/{order_id}/ship`: the same items and
    tracks again are the same shipment, by either path. Of an existing shipment only the track can
    change; its new number is a correction, as with `POST …/shipment/track`.
    """
    entity = body.entity
    if entity.entity_id is not None:
        return await _save_tracks(context, store_code, body, entity.entity_id)
    if not entity.items:
        message = "A shipment needs items with an order_item_id and a qty."
        raise Invalid("required", message, [Problem("required", message, "/entity/items")])
    store, order = await order_view(context, store_code, entity.order_id)
    return await shipping.ship(
        context,
        (store, order.id),
        entity.to_ship(),
        lambda shipped: answer(200, CommerceShipmentOut.of(order, shipped.shipment)),
        sent=body,
    )


@router.post(
    "/shipment/track",
    operation_id="commerce_save_track",
    summary="Save a track by Commerce's API",
    response_model=CommerceTrackOut,
    responses=answers(CommerceTrackOut, example=TRACK, description="The track.", body=True),
)
@problems.in_fields_of_commerce("entity")
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


async def _save_tracks(
    context: RequestContext, store_code: str, body: SaveShipmentIn, shipment_id: int
) -> Response:
    """Save the tracks of an existing shipment, of which one may be new."""
    store = await store_of(context, store_code)
    order, shipment = await _find(context, store, shipment_id, body.entity.order_id)
    correction = _correction(shipment, body.entity)
    return await context.once(
        body,
        store,
        lambda saved: answer(200, CommerceShipmentOut.of(order, saved)),
        lambda once: save_track.save(
            context.app, order.id, shipment.id, correction, actor=context.actor, once=once
        ),
    )


def _correction(shipment: ShipmentView, entity: ShipmentEntityIn) -> TrackingCorrection:
    """The track to save: the one new number, or else the number that the shipment has.

    Beside the number that the shipment has, a track with an entity_id is an earlier number.
    """
    known = tracking_key(shipment.tracking_number)
    by_key = {tracking_key(track.track_number): track for track in entity.tracks}
    # mutation: new-track-of-saved-shipment
    fresh = [
        key
        for key, track in by_key.items()
        if key != known and (known not in by_key or track.entity_id is None)
    ]
    if len(fresh) > 1:
        message = "A shipment is one package: of several new tracking numbers none is sent."
        raise Conflict(
            "track_not_sent", message, [Problem("track_not_sent", message, "/entity/tracks")]
        )
    track = by_key.get(fresh[0] if fresh else known)
    if track is None:
        return TrackingCorrection(tracking_number=shipment.tracking_number)
    code = track.carrier_code if "carrier_code" in track.model_fields_set else None
    return TrackingCorrection(code, track.title, track.track_number)


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
    async with context.app.database.read() as connection:
        found = await queries.shipment_of_number(connection, store, number)
        order = await queries.order(connection, store, found[0]) if found else None
    linked = order.commerce_order_id if order else None
    if order is None or linked is None or order_id not in {None, linked}:
        raise Unknown(noun, number)
    return order, next(each for each in order.shipments if each.number == number)
