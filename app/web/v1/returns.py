"""/v1/returns: list, read, count and refund returns."""

from typing import Annotated
from uuid import UUID

from fastapi import Body, Depends, Response

from app.domain.errors import Unknown
from app.storage import queries
from app.storage.idempotency import StoredResponse
from app.storage.queries.views import ReturnView
from app.usecases.returns import refund as use_cases
from app.usecases.returns.refund import Refunded
from app.web import pagination
from app.web.dependencies import Reading, Writing, answer, respond
from app.web.dry_runs import DryRun, rehearse
from app.web.route import OperationRouter
from app.web.v1.examples import AT
from app.web.v1.list_filters import ReturnQuery
from app.web.v1.responses import problems, success
from app.web.v1.return_examples import REFUND, REFUND_PREVIEW, RETURN
from app.web.v1.return_schemas import RefundIn, RefundPreviewOut, ReturnsOut, ReturnSummaryOut

router = OperationRouter("/v1/returns", "returns")
_SUMMARY = {
    "received": 2,
    "refunded": 40,
    "error": 0,
    "closed": 1,
    "total": 43,
    "cards": {
        name: {"count": count, "at_least": False, "time": AT if name == "arrived" else None}
        for name, count in (
            ("received", 2),
            ("arrived", 1),
            ("refunded", 40),
            ("error", 0),
            ("closed", 1),
        )
    },
}


@router.get(
    "",
    operation_id="list_returns",
    summary="List returns",
    response_model=ReturnsOut,
    responses=success(200, ReturnsOut, {"data": [RETURN], "next_cursor": None}, "A page.")
    | problems(
        "cursor_invalid",
        "store_not_found",
        "order_not_found",
        "search_too_broad",
        "store_id_required",
    ),
)
async def list_returns(
    context: Reading,
    query: Annotated[ReturnQuery, Depends()],
    limit: pagination.Limit = 50,
    cursor: pagination.Cursor = None,
) -> Response:
    """List returns, the newest first. Returns with `status=received` wait for a refund.

    `order_id` also finds returns that belong to several orders.
    """
    wanted = query.filter(context)
    page = pagination.page(limit, cursor, query.order)
    async with context.app.database.direct.reading() as session:
        found, after = await queries.returns(session, wanted, page)
    following = pagination.next_cursor(after, query.order)
    return respond(answer(200, ReturnsOut(data=found, next_cursor=following)))


@router.get(
    "/summary",
    operation_id="summarize_returns",
    summary="Count returns by status",
    response_model=ReturnSummaryOut,
    responses=success(200, ReturnSummaryOut, _SUMMARY, "The counts.")
    | problems("store_not_found", "store_id_required"),
)
async def summarize_returns(context: Reading, store_id: UUID | None = None) -> Response:
    """Count the returns of a store, or of all stores that the key may see.

    `cards` has the returns that Walmart refunds by itself next as well, and is counted up to 1,000.
    """
    store = context.one_store(store_id, None)
    counts = await queries.return_summary(context.app.database.direct, store)
    cards = await queries.return_cards(context.app.database.direct, store)
    return respond(answer(200, ReturnSummaryOut(**counts, cards=cards)))


@router.get(
    "/{return_id}",
    operation_id="get_return",
    summary="Get a return",
    response_model=ReturnView,
    responses=success(200, ReturnView, RETURN, "The return.") | problems("return_not_found"),
)
async def get_return(context: Reading, return_id: UUID) -> Response:
    """Get a return as Walmart shows it, with its refunds."""
    store = context.store_of(return_id, "return")
    async with context.app.database.direct.reading() as session:
        view = await queries.return_(session, store, return_id)
    if view is None:
        raise Unknown("return", return_id)
    return respond(answer(200, view))


@router.post(
    "/{return_id}/refund",
    operation_id="refund_return",
    summary="Refund a return or some of its units",
    status_code=202,
    response_model=Refunded,
    responses=success(202, Refunded, REFUND, "Accepted and stored.", location=True)
    | problems(
        "return_not_found",
        "unknown_line",
        "invalid_quantity",
        "nothing_to_refund",
        "refund_exceeds_return",
        "order_not_shipped",
        "order_unknown",
        "return_closed",
        "return_unreadable",
        "idempotency_key_reused",
        "idempotency_in_progress",
        body=True,
    ),
)
async def refund_return(
    context: Writing,
    return_id: UUID,
    body: Annotated[
        RefundIn, Body(examples=[{"items": [{"return_line_number": 1, "quantity": 1}]}])
    ],
    dry_run: DryRun = False,
) -> Response:
    """Refund units of a return, or without `items` all of its remaining units.

    Walmart is read before every write. A refund that Walmart has made itself in the meantime is
    not sent again, and counts as confirmed. A return of several orders gets one update per order.
    With `?dry_run=true` the answer is that of `POST …/refund/preview`.
    """
    if dry_run:
        return await preview_refund(context, return_id, body)
    store = context.store_of(return_id, "return")
    request = body.to_request()
    return await context.once(
        body,
        store,
        _refunded,
        lambda once: use_cases.refund(
            context.app, return_id, request, actor=context.actor, once=once
        ),
    )


@router.post(
    "/{return_id}/refund/preview",
    operation_id="preview_refund",
    summary="Preview a refund",
    response_model=RefundPreviewOut,
    responses=success(
        200, RefundPreviewOut, REFUND_PREVIEW, "What would be refunded; nothing is written."
    )
    | problems("return_not_found", body=True),
)
async def preview_refund(
    context: Writing,
    return_id: UUID,
    body: Annotated[
        RefundIn, Body(examples=[{"items": [{"return_line_number": 1, "quantity": 1}]}])
    ],
) -> Response:
    """Return what a refund with the same body would do, and write nothing."""
    context.store_of(return_id, "return")
    found = await rehearse(
        use_cases.preview(context.app, return_id, body.to_request(), actor=context.actor)
    )
    return respond(answer(200, RefundPreviewOut.of(found)))


def _refunded(refunded: Refunded) -> StoredResponse:
    place = f"/v1/returns/{refunded.returned.id}"
    return answer(202, refunded, Location=place)
