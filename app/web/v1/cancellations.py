"""/v1/orders/{order_id}/cancellation: cancel a whole order, with a reason."""

from typing import Annotated
from uuid import UUID

from fastapi import Body, Response

from app.domain.errors import Unknown
from app.domain.orders.cancellation import LABELS
from app.storage import queries
from app.storage.idempotency import StoredResponse
from app.storage.queries.views import CancellationView
from app.storage.stores import stores
from app.usecases.orders import cancel
from app.walmart.markets import CANCELLATION_CODES, Market
from app.web.dependencies import Reading, Writing, answer, respond
from app.web.dry_runs import DryRun, rehearse
from app.web.route import OperationRouter
from app.web.v1 import examples
from app.web.v1.cancellation_schemas import (
    CancellationIn,
    CancellationPreviewOut,
    ReasonOut,
    ReasonsOut,
)
from app.web.v1.responses import problems, success

router = OperationRouter("/v1", "cancellations")
_REASON = {
    "code": "out_of_stock",
    "label": "The item is out of stock",
    "labels": ["The item is out of stock"],
    "walmart_code": "SELLER_CANCEL_OUT_OF_STOCK",
    "walmart_codes": {
        "US": "SELLER_CANCEL_OUT_OF_STOCK",
        "CA": "CANCEL_BY_SELLER",
        "MX": "MIRAKL_REFUND_15",
    },
}
_CANCELLATION_IN = {"reason": "out_of_stock", "comment": "The last one was damaged."}
_PREVIEW = {
    "would_be_accepted": True,
    "walmart_code": "SELLER_CANCEL_OUT_OF_STOCK",
    "items": [{"line_number": "1", "quantity": 3}],
    "problems": [],
}


@router.post(
    "/orders/{order_id}/cancellation",
    operation_id="cancel_order",
    summary="Cancel an order",
    status_code=202,
    response_model=CancellationView,
    responses=success(
        202, CancellationView, examples.CANCELLATION, "Accepted and stored.", location=True
    )
    | problems(
        "order_not_found",
        "reason_required",
        "reason_invalid",
        "partial_cancellation_not_supported",
        "cancel_not_requested",
        "order_already_canceled",
        "order_already_shipped",
        "shipment_unresolved",
        "cancellation_pending",
        "cancellation_unresolved",
        "walmart_unavailable",
        body=True,
    ),
)
async def cancel_order(
    context: Writing,
    order_id: UUID,
    body: Annotated[
        CancellationIn,
        Body(examples=[_CANCELLATION_IN]),
    ],
    dry_run: DryRun = False,
) -> Response:
    """Cancel a whole order before any unit is shipped.

    `customer_request` is accepted only if the buyer requested it, for which Walmart is read first.
    With `?dry_run=true` the answer is that of `POST …/cancellation/preview`.
    """
    if dry_run:
        return await preview_cancellation(context, order_id, body)
    store = context.store_of(order_id)
    request = body.to_request()
    return await context.once(
        body,
        store,
        _canceled,
        lambda once: cancel.cancel(context.app, order_id, request, actor=context.actor, once=once),
    )


@router.post(
    "/orders/{order_id}/cancellation/preview",
    operation_id="preview_cancellation",
    summary="Preview a cancellation",
    response_model=CancellationPreviewOut,
    responses=success(
        200, CancellationPreviewOut, _PREVIEW, "What would be canceled; nothing is written."
    )
    | problems("order_not_found", "reason_invalid", "walmart_unavailable", body=True),
)
async def preview_cancellation(
    context: Writing,
    order_id: UUID,
    body: Annotated[CancellationIn, Body(examples=[_CANCELLATION_IN])],
) -> Response:
    """Return what a cancellation with the same body would do, and write nothing.

    Walmart is read where the cancellation would read it.
    """
    store = context.store_of(order_id)
    found = await rehearse(
        cancel.cancel(context.app.rehearsing(), order_id, body.to_request(), actor=context.actor)
    )
    async with context.app.transaction() as connection:
        _, market = await stores.time_zone(connection, store)
    code = CANCELLATION_CODES[Market(market)][body.reason.value]
    return respond(answer(200, CancellationPreviewOut.of(code, found)))


@router.get(
    "/orders/{order_id}/cancellation",
    operation_id="get_cancellation",
    summary="Get the cancellation of an order",
    response_model=CancellationView,
    responses=success(200, CancellationView, examples.CANCELLATION, "The newest cancellation.")
    | problems("order_not_found", "cancellation_not_found"),
)
async def get_cancellation(context: Reading, order_id: UUID) -> Response:
    """Get the newest cancellation of an order."""
    store = context.store_of(order_id)
    async with context.app.database.direct.reading() as session:
        view = await queries.cancellation(session, store, order_id)
    if view is None:
        raise Unknown("cancellation", f"of order {order_id}")
    return respond(answer(200, view))


@router.get(
    "/cancellation-reasons",
    operation_id="list_cancellation_reasons",
    summary="List the cancellation reasons",
    response_model=ReasonsOut,
    responses=success(200, ReasonsOut, {"data": [_REASON], "next_cursor": None}, "All reasons.")
    | problems(),
)
async def list_cancellation_reasons(context: Reading) -> Response:
    """List the reasons, with the labels of Adobe's screens and Walmart's codes."""
    del context
    data = [
        ReasonOut(
            code=reason,
            label=labels[0],
            labels=list(labels),
            walmart_code=CANCELLATION_CODES[Market.US][reason.value],
            walmart_codes={
                market.value: codes[reason.value] for market, codes in CANCELLATION_CODES.items()
            },
        )
        for reason, labels in LABELS.items()
    ]
    return respond(answer(200, ReasonsOut(data=data, next_cursor=None)))


def _canceled(view: CancellationView) -> StoredResponse:
    place = f"/v1/orders/{view.order_id}/cancellation"
    return answer(202, view, Location=place)
