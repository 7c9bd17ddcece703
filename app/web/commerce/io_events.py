"""/webhooks/commerce/{store_code}/events: receives Adobe I/O Events."""

import hashlib
import json
from datetime import datetime
from typing import Annotated, Any

import structlog
from fastapi import Query, Request, Response

from app.commerce import payloads
from app.commerce.adobe_keys import AdobeKeys, KeyNotAvailable
from app.domain import db_limits
from app.domain.errors import Invalid, NotAvailable, OrderError
from app.storage.commerce import events as storage
from app.storage.idempotency import StoredResponse
from app.storage.stores.stores import CommerceSide
from app.usecases.commerce_events import receive
from app.usecases.context import AppContext
from app.web.commerce.examples import HOOK_BODY
from app.web.commerce.hook_request import (
    PREFIX,
    context_of,
    in_time,
    read_json,
    side_of,
)
from app.web.commerce.lookups import StoreCode
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
            "description": "The challenge, unchanged.",
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
    challenge: Annotated[str, Query(max_length=500, description="Text to return.")],
) -> Response:
    """Confirm to Adobe I/O Events that this URL receives events."""
    del store_code
    return Response(challenge, media_type="text/plain")


@router.post(
    "/events",
    operation_id="receive_adobe_events",
    summary="Receive Adobe I/O Events",
    response_model=EventsOut,
    responses=success(200, EventsOut, {"results": ["accepted"]}, "The result of each event.")
    | problems("commerce_event_invalid", body=True),
    openapi_extra={"requestBody": HOOK_BODY},
)
async def receive_adobe_events(request: Request, store_code: StoreCode) -> Response:
    """Carry out events of Commerce: shipments, tracks, cancellations, credit memos.

    Late and repeated events change nothing. A 4xx means that sending the request again cannot
    succeed, a 503 that it can; events that were carried out before are then `known`. A `waiting`
    event is stored until its order is linked. A `refused` one is listed at /v1/commerce-events.
    """
    context, body = context_of(request), await request.body()
    async with in_time(request):
        await _verify(request, body)
        side = await side_of(context, store_code)
        read = await read_json(body)
        events = read if isinstance(read, list) else [read]
        if len(events) > _MOST_EVENTS:
            message = f"A request has at most {_MOST_EVENTS} events."
            raise Invalid("commerce_event_invalid", message)
        # An unknown store has no recipients: callers without a key cannot ask which exist.
        recipients = side.io_client_ids if side else frozenset[str]()
        # mutation: event-recipient
        addressed = {_recipient(event) for event in events} <= recipients and bool(events)
        if not addressed or side is None:
            raise Unauthorized("The recipient of an event is not in the store's io_client_ids.")
        results = await _events(context, side, events)
    return respond(StoredResponse(200, EventsOut(results=results).model_dump_json().encode(), {}))


async def _verify(request: Request, body: bytes) -> None:
    keys: AdobeKeys = request.app.state.adobe_keys
    try:
        if not await keys.signed(body, request.headers):
            raise Unauthorized("The events have no valid signature of Adobe.")
    except KeyNotAvailable as error:
        raise NotAvailable("adobe_keys_unavailable", str(error)) from error


async def _events(
    context: AppContext, side: CommerceSide, events: list[dict[str, Any]]
) -> list[str]:
    """Handle all events, and raise NotAvailable afterwards if one of them raised it."""
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
        # Not to be sent again: it is stored as refused, and a person decides.
        _log.warning("commerce_event_refused", about=about, code=error.code, reason=str(error))
        return f"refused: {error.code}"
    async with context.transaction() as connection:
        await storage.remember(connection, side.store_id, name)
    _log.info("commerce_event", about=about, what=done.what, why=done.why)
    return done.what


def _name(event: dict[str, Any]) -> str:
    """Digest that identifies an event: Adobe's id with the data, in case two share an id."""
    content = [event.get("eventid") or event.get("event_id") or event.get("id"), event.get("data")]
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _time(event: dict[str, Any]) -> datetime | None:
    """Time of the event by Adobe's clock."""
    try:
        return db_limits.utc_time(datetime.fromisoformat(str(event.get("time"))))
    except ValueError:
        return None


def _recipient(event: object) -> str | None:
    """Client id of the recipient, in the new spelling or in the one that ends in 2026."""
    if not isinstance(event, dict):
        return None
    found = event.get("recipientclientid") or event.get("recipient_client_id")
    return found if isinstance(found, str) else None
