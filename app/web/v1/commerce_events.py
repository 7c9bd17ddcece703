"""/v1/commerce-events: what Commerce's hooks and events told, and Walmart was not told."""

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
from app.web.v1.commerce_event_schemas import EXAMPLE, CommerceEventOut, CommerceEventsOut
from app.web.v1.responses import problems, success
from app.web.v1.update_schemas import DismissIn

router = OperationRouter("/v1/commerce-events", "webhooks")
_State = Literal["waiting", "refused"]
_MISSING = "commerce_event_not_found"


@router.get(
    "",
    operation_id="list_commerce_events",
    summary="List what Commerce told",
    response_model=CommerceEventsOut,
    responses={
        **success(200, CommerceEventsOut, {"data": [EXAMPLE], "next_cursor": None}, "A page."),
        **problems("cursor_invalid", "store_not_found", "order_not_found"),
    },
)
async def list_commerce_events(  # noqa: PLR0917 - FastAPI passes them by name
    context: Reading,
    order_id: UUID | None = None,
    store_id: UUID | None = None,
    state: Annotated[
        _State | None,
        Query(description="`waiting` for an order to be linked, or `refused`; none for all."),
    ] = None,
    limit: pagination.Limit = 50,
    cursor: pagination.Cursor = None,
) -> Response:
    """List what Adobe Commerce's webhooks and events told, the newest first.

    `waiting`: nobody has said which Walmart order it is of; it is carried out when somebody does,
    and forgotten after 30 days. `refused`: it stands with its order, which is in `error`, until
    the same thing is told so that it can be carried out, or a person dismisses it.
    """
    store = context.one_store(store_id, order_id)
    page = pagination.page(limit, cursor, "commerce_events")
    async with context.app.database.begin() as connection:
        found, after = await queries.commerce_events(
            connection, CommerceEventFilter(store, order_id, state), page
        )
    data = [CommerceEventOut.of(view) for view in found]
    following = pagination.next_cursor(after, "commerce_events")
    return respond(answer(200, CommerceEventsOut(data=data, next_cursor=following)))


@router.post(
    "/{event_id}/retry",
    operation_id="retry_commerce_event",
    summary="Carry out again what Commerce told",
    response_model=CommerceEventOut,
    responses={
        **success(200, CommerceEventOut, EXAMPLE, "What became of it."),
        **problems(_MISSING, "commerce_event_finished"),
    },
)
async def retry_commerce_event(context: Writing, event_id: UUID) -> Response:
    """Carry out what was refused, after what stood against it was mended."""
    store = context.store_of(event_id, "commerce event")
    return await context.once(
        None, store, _shown, lambda once: replay.retry(context.app, event_id, once)
    )


@router.post(
    "/{event_id}/dismiss",
    operation_id="dismiss_commerce_event",
    summary="Dismiss what Commerce told",
    response_model=CommerceEventOut,
    responses={
        **success(200, CommerceEventOut, EXAMPLE, "It is settled."),
        **problems(_MISSING, "required", "commerce_event_finished", body=True),
    },
)
async def dismiss_commerce_event(
    context: Writing,
    event_id: UUID,
    body: Annotated[DismissIn, Body(examples=[{"note": "Shipped in Seller Center."}])],
) -> Response:
    """Say that a person has settled it. The same told again then stays dismissed."""
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
    return answer(200, CommerceEventOut.of(view))
