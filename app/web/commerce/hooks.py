"""/webhooks/commerce/{store_code}: Adobe Commerce webhooks and Adobe I/O Events, verified."""

import json
from typing import Annotated, Any, Literal

import structlog
from fastapi import APIRouter, Header, Path, Query, Request, Response

from app.commerce import payloads, signatures
from app.commerce.signatures import AdobeKeys, KeyNotAvailable
from app.intake import commerce_events
from app.intake.commerce_events import Done
from app.intake.desk import Desk
from app.orders import bounds
from app.orders.errors import Invalid, NotAvailable, OrderError, Unknown
from app.storage import stores
from app.storage.idempotency import Answer
from app.storage.stores import CommerceSide
from app.web.api.responses import problems, success
from app.web.commerce.hook_schemas import EventsOut, OperationOut
from app.web.context import respond
from app.web.problems import Unauthorized

router = APIRouter(prefix="/webhooks/commerce/{store_code}", tags=["webhooks"])
_StoreCode = Annotated[str, Path(max_length=32, description="The code of the store view.")]
_log = structlog.get_logger(__name__)
_MOST_EVENTS = 100
_ANY_BODY = {
    "required": True,
    "content": {
        "application/json": {
            "schema": {"type": "object"},
            "example": {
                "eventName": "sales_order_shipment_save_after",
                "data": {
                    "shipment": {
                        "entity_id": "45",
                        "order_id": "7",
                        "items": [{"order_item_id": "55", "qty": "1.0000"}],
                        "tracks": [
                            {
                                "track_number": "1Z999AA10123456784",
                                "title": "United Parcel Service",
                                "carrier_code": "ups",
                            }
                        ],
                    }
                },
            },
        }
    },
}


@router.get(
    "/events",
    operation_id="answer_adobe_challenge",
    summary="Answer Adobe's challenge",
    response_class=Response,
    responses={
        200: {
            "description": "The challenge, as it came.",
            "content": {
                "text/plain": {
                    "schema": {"type": "string", "maxLength": 500},
                    "example": "8ec8d794-e0ab-42df-9017-e3dada8e84f7",
                }
            },
        },
        **problems("required"),
    },
)
async def answer_adobe_challenge(
    store_code: _StoreCode,
    challenge: Annotated[str, Query(max_length=500, description="What Adobe wants to hear.")],
) -> Response:
    """Prove to Adobe I/O Events that this address takes its events."""
    del store_code
    return Response(challenge, media_type="text/plain")


@router.post(
    "/events",
    operation_id="receive_adobe_events",
    summary="Take events of Adobe I/O",
    response_model=EventsOut,
    responses={
        **success(200, EventsOut, {"results": ["accepted"]}, "What came of each event."),
        **problems("store_not_found", "commerce_event_invalid", body=True),
    },
    openapi_extra={"requestBody": _ANY_BODY},
)
async def receive_adobe_events(request: Request, store_code: _StoreCode) -> Response:
    """Carry out shipments and cancellations that Commerce emitted; late and repeated ones too.

    4xx is answered only where sending it again can never help, 503 where it can.
    """
    desk, body = _desk(request), await request.body()
    side = await _side(desk, store_code)
    keys: AdobeKeys = request.app.state.adobe_keys
    try:
        if not await keys.signed(body, request.headers):
            raise Unauthorized("The events bear no signature of Adobe's.")
    except KeyNotAvailable as error:
        raise NotAvailable("adobe_keys_unavailable", str(error)) from error
    read = _json(body)
    events = read if isinstance(read, list) else [read]
    if len(events) > _MOST_EVENTS:
        message = f"At most {_MOST_EVENTS} events are taken at once."
        raise Invalid("commerce_event_invalid", message)
    if not all(_recipient(event) in side.io_client_ids for event in events):
        raise Unauthorized("The events are for none of the store's io_client_ids.")
    results = [await _event(desk, side, event) for event in events]
    return respond(Answer(200, EventsOut(results=results).model_dump_json().encode(), {}))


# After the fixed addresses, or it would take them for hooks.
@router.post(
    "/{hook}",
    operation_id="receive_commerce_webhook",
    summary="Take an Adobe Commerce webhook",
    response_model=OperationOut,
    responses={
        **success(200, OperationOut, {"op": "success", "message": None}, "An operation."),
        **problems("store_not_found", body=True),
    },
    openapi_extra={"requestBody": _ANY_BODY},
)
async def receive_commerce_webhook(
    request: Request,
    store_code: _StoreCode,
    hook: Literal["shipment", "cancellation"],
    signature: Annotated[
        str | None,
        Header(
            alias="x-adobe-commerce-webhook-signature",
            max_length=2000,
            description="RSA signature of the base64 text of the body.",
        ),
    ] = None,
) -> Response:
    """Ship or cancel what Commerce just saved; answers Commerce's `op` form.

    A refusal is `exception` with a sentence for the merchant. An order that is not Walmart's, and
    a hook that comes again, are `success`. The store's `commerce.webhook_public_keys` verify it.
    """
    desk, body = _desk(request), await request.body()
    side = await _side(desk, store_code)
    if not signatures.webhook_signed(body, signature, side.webhook_public_keys):
        raise Unauthorized("The hook bears no signature of this store's Commerce.")
    try:
        done = await _carry_out(desk, side, hook, _json(body))
    except NotAvailable:
        raise
    except OrderError as error:
        _log.info("commerce_webhook_refused", hook=hook, code=error.code)
        return _operation("exception", str(error))
    _log.info("commerce_webhook", hook=hook, what=done.what, why=done.why)
    return _operation("success", None)


async def _event(desk: Desk, side: CommerceSide, event: dict[str, Any]) -> str:
    about = payloads.about(str(event.get("type", "")))
    if about is None:
        return "ignored"
    data = event.get("data")
    try:
        done = await _carry_out(desk, side, about, data)
    except NotAvailable:
        raise
    except OrderError as error:
        # To send it again would change nothing: a person reads it in the log and mends it.
        _log.warning("commerce_event_refused", about=about, code=error.code, reason=str(error))
        return f"refused: {error.code}"
    _log.info("commerce_event", about=about, what=done.what, why=done.why)
    return done.what


async def _carry_out(desk: Desk, side: CommerceSide, about: str, payload: object) -> Done:
    if about == "shipment":
        shipment = payloads.shipment(payload)
        return await commerce_events.shipped(desk, side.store_id, shipment)
    return await commerce_events.canceled(desk, side.store_id, payloads.cancellation(payload))


def _recipient(event: object) -> str | None:
    """For whom the event is, in the new spelling or in the one that ends with 2026."""
    if not isinstance(event, dict):
        return None
    found = event.get("recipientclientid") or event.get("recipient_client_id")
    return found if isinstance(found, str) else None


def _json(body: bytes) -> Any:  # noqa: ANN401 - any JSON
    try:
        # A title with half an emoji is still a shipment.
        return bounds.mended_all(json.loads(body))
    except (ValueError, RecursionError) as error:
        raise Invalid("commerce_event_invalid", "The body is not JSON.") from error


def _desk(request: Request) -> Desk:
    desk: Desk = request.app.state.desk
    return desk


async def _side(desk: Desk, code: str) -> CommerceSide:
    async with desk.transaction() as connection:
        side = await stores.commerce_side(connection, code)
    if side is None:
        raise Unknown("store", code)
    return side


def _operation(op: str, message: str | None) -> Response:
    shown = OperationOut(op=op, message=message)
    return respond(Answer(200, shown.model_dump_json(exclude_none=True).encode(), {}))
