"""/webhooks/walmart/{store_id}: receives Walmart's events about orders and returns."""

from typing import Annotated
from uuid import UUID

from fastapi import Header, Request, Response

from app.storage.idempotency import StoredResponse
from app.usecases.stores import walmart_webhooks
from app.walmart.webhooks import SIGNATURE_HEADER
from app.web.dependencies import respond
from app.web.path_rules import HOOK, PathRule
from app.web.problems import Unauthorized
from app.web.route import OperationRouter
from app.web.v1.fields import Out
from app.web.v1.responses import problems, success


class AnnouncedOut(Out):
    """known: whether the event was received before."""

    known: bool


router = OperationRouter("/webhooks/walmart", "webhooks", PathRule("/webhooks/walmart/", HOOK))
_BODY = {
    "source": {
        "eventType": "ORDER_UPDATES",
        "eventTime": "2026-11-23T10:00:00Z",
        "eventId": "8f2f1c1e-6a50-4a52-9a5c-2f3f6f0f7a10",
    },
    "payload": {"subEventType": "PO_CREATED", "purchaseOrderId": "1796330120075"},
}


@router.post(
    "/{store_id}",
    operation_id="receive_walmart_event",
    summary="Receive a Walmart event",
    response_model=AnnouncedOut,
    responses=success(200, AnnouncedOut, {"known": False}, "Stored.")
    | problems("notification_invalid", body=True),
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {
                    "schema": {
                        "type": "object",
                        "properties": {
                            "source": {"type": "object"},
                            "payload": {"type": "object"},
                        },
                    },
                    "example": _BODY,
                }
            },
        }
    },
)
async def receive_walmart_event(
    request: Request,
    store_id: UUID,
    signature: Annotated[
        str | None,
        Header(
            alias=SIGNATURE_HEADER,
            max_length=200,
            description="HMAC-SHA256 of the body, in hex or base64.",
        ),
    ] = None,
) -> Response:
    """Store the event. A poller then reads the order or return from Walmart.

    Subscribe with `waybill webhooks subscribe`. A repeated event changes nothing.
    """
    body = await request.body()
    try:
        fresh = await walmart_webhooks.announce(
            request.app.state.context, store_id, body, signature
        )
    except walmart_webhooks.NotSigned as error:
        message = "The event has no valid signature of Walmart for this store."
        raise Unauthorized(message) from error
    return respond(
        StoredResponse(200, AnnouncedOut(known=not fresh).model_dump_json().encode(), {})
    )
