"""/v1/commerce-events: webhooks and events of Commerce that are not carried out."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import Body, Query, Response

from app.storage import queries
from app.storage.idempotency import StoredResponse
from app.storage.queries import CommerceEventFilter
from app.storage.queries.views import CommerceEventView
from app.usecases.commerce_events import dismiss, replay
from app.web import pagination
from app.web.dependencies import Reading, Writing, answer, respond
from app.web.route import OperationRouter
from app.web.v1.commerce_event_schemas import EXAMPLE, CommerceEventsOut
from app.web.v1.responses import problems, success
from app.web.v1.update_schemas import DismissIn

router = OperationRouter("/v1/commerce-events", "webhooks")
_State = Literal["waiting", "refused"]
_MISSING = "commerce_event_not_found"


@router.get(
    "",
    operation_id="list_commerce_events",
    summary="List Commerce events",
    response_model=CommerceEventsOut,
    responses=success(200, CommerceEventsOut, {"data": [EXAMPLE], "next_cursor": None}, "A page.")
    | problems("cursor_invalid", "store_not_found", "order_not_found"),
)
async def list_commerce_events(  # noqa: PLR0917 - FastAPI passes them by name
    context: Reading,
    order_id: UUID | None = None,
    store_id: UUID | None = None,
    state: Annotated[
        _State | None,
        Query(description="`waiting` for its order to be linked, or `refused`; none for both."),
    ] = None,
    limit: pagination.Limit = 50,
    cursor: pagination.Cursor = None,
) -> Response:
    """List the webhooks and events of Adobe Commerce, the newest first.

    `waiting`: the Commerce order is not linked to a Walmart order yet. The event is handled when
    it is, and deleted after 30 days. `refused`: the event could not be carried out, and its order
    has the status `error` until a corrected event arrives or the event is dismissed.
    """
    store = context.one_store(store_id, order_id)
    page = pagination.page(limit, cursor, "commerce_events")
    async with context.app.database.read() as connection:
        found, after = await queries.commerce_events(
            connection, CommerceEventFilter(store, order_id, state), page
        )
    following = pagination.next_cursor(after, "commerce_events")
    return respond(answer(200, CommerceEventsOut(data=found, next_cursor=following)))


@router.post(
    "/{event_id}/retry",
    operation_id="retry_commerce_event",
    summary="Retry a Commerce event",
    response_model=CommerceEventView,
    responses=success(200, CommerceEventView, EXAMPLE, "The event after the retry.")
    | problems(_MISSING, "commerce_event_finished"),
)
async def retry_commerce_event(context: Writing, event_id: UUID) -> Response:
    """Handle a refused event again, after its cause was fixed."""
    store = context.store_of(event_id, "commerce event")
    return await context.once(
        None,
        store,
        _shown,
        lambda once: replay.retry(context.app, event_id, actor=context.actor, once=once),
    )


@router.post(
    "/{event_id}/dismiss",
    operation_id="dismiss_commerce_event",
    summary="Dismiss a Commerce event",
    response_model=CommerceEventView,
    responses=success(200, CommerceEventView, EXAMPLE, "The dismissed event.")
    | problems(_MISSING, "required", "commerce_event_finished", body=True),
)
async def dismiss_commerce_event(
    context: Writing,
    event_id: UUID,
    body: Annotated[DismissIn, Body(examples=[{"note": "Shipped in Seller Center."}])],
) -> Response:
    """Mark an event as settled by a person. The same event stays dismissed if it arrives again."""
    store = context.store_of(event_id, "commerce event")
    return await context.once(
        body,
        store,
        _shown,
        lambda once: dismiss.dismiss(
            context.app, event_id, note=body.note, actor=context.actor, once=once
        ),
    )


def _shown(view: CommerceEventView) -> StoredResponse:
    return answer(200, view)
