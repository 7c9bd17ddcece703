"""/v1/updates: list, read, retry and dismiss updates of the outbox."""

from typing import Annotated
from uuid import UUID

from fastapi import Body, Depends, Response

from app.domain.errors import Unknown
from app.domain.orders.fixes import FixAction
from app.storage import queries
from app.storage.idempotency import StoredResponse
from app.storage.queries.views import UpdateWithAttemptsView
from app.usecases import apply_fix
from app.usecases.apply_fix import Fixed
from app.usecases.updates import dismiss, retry
from app.usecases.updates.dismiss import Dismissed
from app.usecases.updates.retry import Retried
from app.web import pagination
from app.web.dependencies import Reading, Writing, answer, respond
from app.web.dry_runs import DryRun, rehearse
from app.web.route import OperationRouter
from app.web.v1 import examples
from app.web.v1.list_filters import UpdateQuery
from app.web.v1.responses import problems, success
from app.web.v1.update_schemas import (
    DismissIn,
    FixIn,
    RetryIn,
    RetryPreviewOut,
    UpdatesOut,
)

router = OperationRouter("/v1/updates", "updates")
_WITH_ATTEMPTS = {**examples.UPDATE, "attempts": [examples.ATTEMPT]}
_RETRIED = {
    "will": "queued",
    "until": None,
    "explanation": "It goes out now: Walmart is read first, and only what is missing is sent.",
    "update": examples.UPDATE,
    "units": [{"line_number": "1", "quantity": 1}],
    "why": None,
}
_RETRY_PREVIEW = {
    "would_be_accepted": True,
    "will": _RETRIED["will"],
    "until": None,
    "explanation": _RETRIED["explanation"],
    "units": _RETRIED["units"],
    "why": None,
    "problems": [],
}
_FIX_IN = {"action": "correct_tracking", "changes": {"carrier_code": "USPS"}}
_FIXED = {
    "action": "correct_tracking",
    "explanation": "Walmart is read first; then the shipment goes out once, with the new values.",
    "update": examples.UPDATE,
}
_DISMISSED = {
    "walmart": "shipped",
    "explanation": "Walmart shows all of it as shipped.",
    "until": None,
    "update": {**examples.UPDATE, "state": "dismissed", "note": "Done in Seller Center."},
}


@router.get(
    "",
    operation_id="list_updates",
    summary="List updates",
    response_model=UpdatesOut,
    responses=success(200, UpdatesOut, {"data": [examples.UPDATE], "next_cursor": None}, "A page.")
    | problems("cursor_invalid", "store_not_found", "order_not_found"),
)
async def list_updates(
    context: Reading,
    query: Annotated[UpdateQuery, Depends()],
    limit: pagination.Limit = 50,
    cursor: pagination.Cursor = None,
) -> Response:
    """List updates, the newest first. Updates with `state=failed` need a decision of a person.

    An update is archived `WAYBILL_RETAIN_UPDATES` days after it was confirmed or dismissed. An
    archived update is not listed, but can be read by its id and with its order.
    """
    wanted = query.filter(context)
    page = pagination.page(limit, cursor, "updates")
    async with context.app.database.direct.reading() as session:
        found, after = await queries.updates(session, wanted, page)
    following = pagination.next_cursor(after, "updates")
    return respond(answer(200, UpdatesOut(data=found, next_cursor=following)))


@router.get(
    "/{update_id}",
    operation_id="get_update",
    summary="Get an update with its attempts",
    response_model=UpdateWithAttemptsView,
    responses=success(200, UpdateWithAttemptsView, _WITH_ATTEMPTS, "The update.")
    | problems("update_not_found"),
)
async def get_update(context: Reading, update_id: UUID) -> Response:
    """Get an update with its attempts: requests and responses, redacted, and the verdicts."""
    store = context.store_of(update_id, "update")
    async with context.app.database.direct.reading() as session:
        view = await queries.update_with_attempts(session, store, update_id)
    if view is None:
        raise Unknown("update", update_id)
    return respond(answer(200, view))


@router.post(
    "/{update_id}/retry",
    operation_id="retry_update",
    summary="Retry an update",
    status_code=202,
    response_model=Retried,
    responses=success(202, Retried, _RETRIED, "What will happen.")
    | problems(
        "update_not_found",
        "update_in_progress",
        "update_finished",
        "quantity_exceeds_remaining",
        body=True,
    ),
)
async def retry_update(
    context: Writing,
    update_id: UUID,
    body: Annotated[RetryIn | None, Body(examples=[{"override_cancel_request": False}])] = None,
    dry_run: DryRun = False,
) -> Response:
    """Retry an update, and return what will happen.

    Walmart is read first, so that nothing that it already has is sent again. With `?dry_run=true`
    the answer is that of `POST …/retry/preview`.
    """
    if dry_run:
        return await preview_retry(context, update_id, body)
    store = context.store_of(update_id, "update")
    override = body is not None and body.override_cancel_request
    return await context.once(
        body,
        store,
        _retried,
        lambda once: retry.retry(
            context.app,
            update_id,
            override_cancel_request=override,
            actor=context.actor,
            once=once,
        ),
    )


@router.post(
    "/{update_id}/retry/preview",
    operation_id="preview_retry",
    summary="Preview the retry of an update",
    response_model=RetryPreviewOut,
    responses=success(
        200, RetryPreviewOut, _RETRY_PREVIEW, "What would happen; nothing is written."
    )
    | problems("update_not_found", body=True),
)
async def preview_retry(
    context: Writing,
    update_id: UUID,
    body: Annotated[RetryIn | None, Body(examples=[{"override_cancel_request": False}])] = None,
) -> Response:
    """Read Walmart, return what a retry with the same body would do, and write nothing."""
    context.store_of(update_id, "update")
    found = await rehearse(
        retry.retry(
            context.app.rehearsing(),
            update_id,
            override_cancel_request=body is not None and body.override_cancel_request,
            actor=context.actor,
        )
    )
    return respond(answer(200, RetryPreviewOut.of(found)))


@router.post(
    "/{update_id}/dismiss",
    operation_id="dismiss_update",
    summary="Dismiss an update",
    response_model=Dismissed,
    responses=success(200, Dismissed, _DISMISSED, "The dismissed update, and what Walmart shows.")
    | problems("update_not_found", "required", "update_in_progress", "update_finished", body=True),
)
async def dismiss_update(
    context: Writing,
    update_id: UUID,
    body: Annotated[DismissIn, Body(examples=[{"note": "Done in Seller Center."}])],
) -> Response:
    """Dismiss an update that a person has settled.

    Walmart is read. Units that Walmart does not show are released, unless an attempt may still
    take effect: then they stay reserved until Waybill reads Walmart again.
    """
    store = context.store_of(update_id, "update")
    return await context.once(
        body,
        store,
        _dismissed,
        lambda once: dismiss.dismiss(
            context.app, update_id, note=body.note, actor=context.actor, once=once
        ),
    )


@router.post(
    "/{update_id}/fix",
    operation_id="fix_update",
    summary="Apply the fix of a failed update",
    status_code=202,
    response_model=Fixed,
    responses=success(202, Fixed, _FIXED, "What the fix did.")
    | problems(
        "update_not_found",
        "required",
        "tracking_number_invalid",
        "tracking_url_required",
        "method_code_invalid",
        "fix_changed",
        "update_in_progress",
        "update_finished",
        "tracking_window_closed",
        body=True,
    ),
)
async def fix_update(
    context: Writing,
    update_id: UUID,
    body: Annotated[FixIn, Body(examples=[_FIX_IN])],
) -> Response:
    """Apply the `fix` of the status detail of a failed update.

    Send its `action` and `changes`, with the fields that it `needs`. If the update needs another
    fix meanwhile, the answer is 409 `fix_changed`, and nothing is done.
    """
    store = context.store_of(update_id, "update")
    changes = body.changes.model_dump(exclude_none=True)
    return await context.once(
        body,
        store,
        _fixed,
        lambda once: apply_fix.apply(
            context.app,
            update_id,
            FixAction(body.action),
            changes,
            actor=context.actor,
            once=once,
        ),
    )


def _fixed(fixed: Fixed) -> StoredResponse:
    return answer(202, fixed)


def _retried(retried: Retried) -> StoredResponse:
    return answer(202, retried)


def _dismissed(dismissed: Dismissed) -> StoredResponse:
    return answer(200, dismissed)
