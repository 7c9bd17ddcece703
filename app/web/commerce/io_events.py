"""/webhooks/commerce/{store_code}/events: Adobe I/O Events, verified."""

import hashlib
import json
from datetime import datetime
from typing import Annotated, Any

import structlog
from fastapi import Query, Request, Response

from app.commerce import payloads
from app.commerce.signatures import AdobeKeys, KeyNotAvailable
from app.domain import db_limits
from app.domain.errors import Invalid, NotAvailable, OrderError
from app.storage.commerce import events as storage
from app.storage.idempotency import StoredResponse
from app.storage.stores.stores import CommerceSide
from app.usecases.commerce_events import receive
from app.usecases.context import AppContext
from app.web.commerce.hook_request import (
    ANY_BODY,
    PREFIX,
    StoreCode,
    context_of,
    in_time,
    read_json,
    side_of,
)
from app.web.commerce.responses import EventsOut
from app.web.dependencies import respond
from app.web.problems import Unauthorized
from app.web.route import OperationRouter
from app.web.v1.responses import problems, success

router = OperationRouter(PREFIX, "webhooks")
_log = structlog.get_logger(__name__)
_MOST_EVENTS = 100


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
    store_code: StoreCode,
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
    openapi_extra={"requestBody": ANY_BODY},
)
async def receive_adobe_events(request: Request, store_code: StoreCode) -> Response:
    """Carry out what Commerce emitted: shipments, tracks, cancellations, credit memos.

    Late and repeated events change nothing. 4xx is answered only where sending it again can never
    help, 503 where it can; what was carried out by then is known when it comes again. `waiting`
    is kept until its order is linked; `refused` stands with its order, see /v1/commerce-events.
    """
    context, body = context_of(request), await request.body()
    async with in_time(request):
        side = await side_of(context, store_code)
        await _verify(request, body)
        read = await read_json(body)
        events = read if isinstance(read, list) else [read]
        if len(events) > _MOST_EVENTS:
            message = f"At most {_MOST_EVENTS} events are taken at once."
            raise Invalid("commerce_event_invalid", message)
        if not all(_recipient(event) in side.io_client_ids for event in events):
            raise Unauthorized("The events are for none of the store's io_client_ids.")
        results = await _events(context, side, events)
    return respond(StoredResponse(200, EventsOut(results=results).model_dump_json().encode(), {}))


async def _verify(request: Request, body: bytes) -> None:
    keys: AdobeKeys = request.app.state.adobe_keys
    try:
        if not await keys.signed(body, request.headers):
            raise Unauthorized("The events bear no signature of Adobe's.")
    except KeyNotAvailable as error:
        raise NotAvailable("adobe_keys_unavailable", str(error)) from error


async def _events(
    context: AppContext, side: CommerceSide, events: list[dict[str, Any]]
) -> list[str]:
    """One that has to come again keeps none of the others from being carried out."""
    results, later = [], None
    for event in events:
        try:
            results.append(await _event(context, side, event))
        except NotAvailable as error:
            later = error
    if later is not None:
        raise later
    return results


async def _event(context: AppContext, side: CommerceSide, event: dict[str, Any]) -> str:
    about = payloads.about(str(event.get("type", "")))
    if about is None:
        return "ignored"
    name = _name(event)
    async with context.transaction() as connection:
        if await storage.seen(connection, side.store_id, name):
            return "known"
    try:
        message = payloads.read(about, event.get("data"))
        done = await receive.receive(context, side.store_id, message, _time(event), named=True)
    except NotAvailable:
        raise
    except OrderError as error:
        # To send it again would change nothing: a person reads it with the order and mends it.
        _log.warning("commerce_event_refused", about=about, code=error.code, reason=str(error))
        return f"refused: {error.code}"
    async with context.transaction() as connection:
        await storage.remember(connection, side.store_id, name)
    _log.info("commerce_event", about=about, what=done.what, why=done.why)
    return done.what


def _name(event: dict[str, Any]) -> str:
    """What an event is known by: Adobe's id, and its content lest two share an id."""
    said = [event.get("eventid") or event.get("event_id") or event.get("id"), event.get("data")]
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def _time(event: dict[str, Any]) -> datetime | None:
    """When it happened, by Adobe's clock."""
    try:
        return db_limits.utc_time(datetime.fromisoformat(str(event.get("time"))))
    except ValueError:
        return None


def _recipient(event: object) -> str | None:
    """For whom the event is, in the new spelling or in the one that ends with 2026."""
    if not isinstance(event, dict):
        return None
    found = event.get("recipientclientid") or event.get("recipient_client_id")
    return found if isinstance(found, str) else None
