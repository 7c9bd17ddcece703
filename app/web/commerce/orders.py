"""/rest/{store_code}/V1: ship, cancel, refund and read orders as in Commerce's REST API."""

import json
from typing import Annotated

from fastapi import Body, Response

from app.domain.errors import OrderError
from app.domain.orders.cancellation import reason_of
from app.domain.orders.requests import CancelRequest
from app.storage import queries
from app.storage.idempotency import StoredResponse
from app.storage.queries import commerce_order_search
from app.storage.queries.views import CancellationView
from app.storage.stores import stores
from app.usecases.orders import cancel
from app.usecases.orders.ship_locked import AcceptedShipment
from app.usecases.returns.refund import Refunded
from app.web.commerce import problems, refunding, shipping
from app.web.commerce.examples import ORDER, ORDERS, SHIP
from app.web.commerce.lookups import OrderId, StoreCode, order_of, order_view
from app.web.commerce.order_schemas import CommerceOrderOut, CommerceOrdersOut
from app.web.commerce.responses import FALSE, TRUE, answers
from app.web.commerce.route import CommerceRouter
from app.web.commerce.schemas import CancelIn, CommerceRefundIn, ShipIn
from app.web.commerce.search_pages import search_page
from app.web.commerce.search_parameters import searching
from app.web.dependencies import Reading, Writing, answer, respond
from app.web.path_rules import PathRule

router = CommerceRouter(
    "/rest/{store_code}/V1", "commerce", PathRule("/rest/", render=problems.render)
)


@router.post(
    "/order/{order_id}/ship",
    operation_id="commerce_ship_order",
    summary="Ship an order by Commerce's API",
    response_model=int,
    responses=answers(int, example=45, description="Number of the shipment.", body=True),
)
@problems.in_fields_of_commerce()
async def ship_order(
    context: Writing,
    store_code: StoreCode,
    order_id: OrderId,
    body: Annotated[ShipIn, Body(examples=[SHIP])],
) -> Response:
    """Ship items, or all remaining units, and return the number of the shipment.

    The Commerce ids of the order and its items must be linked first
    (`PATCH /v1/orders/{order_id}`). The same body again returns the same number, as does a
    shipment that already arrived by a webhook or event of Commerce. If Walmart refused the
    shipment, the same body retries it, and a body with exactly its units corrects it; both return
    its number. Several tracks become several
    packages if each names its items in `extension_attributes.items`, or if there is one item
    with one unit for each track. Of more tracks than units the first gets all units, and the
    order shows `track_not_sent` for the others, as for a shipment that only adds parts of a bundle
    to units that were shipped before.
    """
    place = await order_of(context, store_code, order_id)
    return await shipping.ship(context, place, body, _number)


@router.post(
    "/orders/{order_id}/cancel",
    operation_id="commerce_cancel_order",
    summary="Cancel an order by Commerce's API",
    response_model=bool,
    responses=answers(bool, example=True, description="Accepted and stored.", body=True),
)
async def cancel_order(
    context: Writing,
    store_code: StoreCode,
    order_id: OrderId,
    body: Annotated[CancelIn | None, Body(examples=[{"reason": "out_of_stock"}])] = None,
) -> Response:
    """Cancel a whole order. The store's `default_cancellation_reason` replaces a missing reason.

    `true`: the order is canceled or being canceled; a failed cancellation is retried. `false`:
    units are shipped or on their way. Anything else is refused.
    """
    store, order = await order_of(context, store_code, order_id)
    wanted = body or CancelIn()
    async with context.app.database.begin() as connection:
        default = await stores.default_cancellation_reason(connection, store)
    reason = reason_of(wanted.reason) if wanted.reason else default or ""
    request = CancelRequest(reason, wanted.comment, by_default=not wanted.reason)
    try:
        return await context.once(
            body,
            store,
            _canceled,
            lambda once: cancel.cancel(
                context.app, order, request, actor=context.actor, once=once, retry_failed=True
            ),
        )
    except OrderError as error:
        known = cancel.repeated(error)
        if known is None:
            raise
        return respond(TRUE if known else FALSE)


@router.post(
    "/order/{order_id}/refund",
    operation_id="commerce_refund_order",
    summary="Refund a return by Commerce's API",
    response_model=int,
    responses=answers(int, example=7, description="Number of the refund.", body=True),
)
@problems.in_fields_of_commerce()
async def refund_order(
    context: Writing,
    store_code: StoreCode,
    order_id: OrderId,
    body: Annotated[
        CommerceRefundIn | None, Body(examples=[{"items": [{"order_item_id": 55, "qty": 1}]}])
    ] = None,
) -> Response:
    """Refund items of an order by their open return, and return the number of the refund.

    Without items, all remaining units of the order in the return are refunded. Walmart calculates
    the amounts. The same body again within 7 days returns the number of the first refund. To
    refund another unit with the same body, change the comment or send an `Idempotency-Key`.
    """
    place = await order_of(context, store_code, order_id)
    return await refunding.refund(context, place, body or CommerceRefundIn(), _refunded, sent=body)


@router.get(
    "/orders",
    operation_id="commerce_search_orders",
    summary="Search orders by Commerce's API",
    response_model=CommerceOrdersOut,
    responses=answers(CommerceOrdersOut, example=ORDERS, description="A page."),
    openapi_extra=searching(commerce_order_search.fields(0)),
)
async def search_orders(context: Reading, store_code: StoreCode) -> Response:
    """Search the orders of a store by `searchCriteria` (or `search_criteria`), as Commerce does.

    `ext_order_id` is Walmart's purchase order, `ext_customer_id` its customer order, found with
    and without the hyphen. `status` takes Waybill's words, and Commerce's `pending`, `processing`,
    `complete`, `canceled` and `closed`. A field or value that nothing can be found by is refused.
    A page has at most 1,000 orders, as many without `pageSize` or with 0; `total_count` is exact,
    and a page behind the last one is empty. `fields` selects the fields of the response.
    """
    return await search_page(
        context, store_code, queries.search_orders, CommerceOrdersOut, CommerceOrderOut.of
    )


@router.get(
    "/orders/{order_id}",
    operation_id="commerce_get_order",
    summary="Get an order by Commerce's API",
    response_model=CommerceOrderOut,
    responses=answers(CommerceOrderOut, example=ORDER, description="The order."),
)
async def get_order(context: Reading, store_code: StoreCode, order_id: OrderId) -> Response:
    """Get an order by its Commerce `entity_id`. `fields` selects the fields of the response."""
    _, view = await order_view(context, store_code, order_id)
    return respond(answer(200, CommerceOrderOut.of(view)))


@router.get(
    "/orders/{order_id}/statuses",
    operation_id="commerce_get_order_status",
    summary="Get the status of an order by Commerce's API",
    response_model=str,
    responses=answers(str, example="open", description="The status."),
)
async def get_status(context: Reading, store_code: StoreCode, order_id: OrderId) -> Response:
    """Get the `status` of an order: one text, although Commerce's path says statuses."""
    _, view = await order_view(context, store_code, order_id)
    return respond(StoredResponse(200, json.dumps(CommerceOrderOut.of(view).status).encode(), {}))


def _number(shipped: AcceptedShipment) -> StoredResponse:
    return StoredResponse(200, str(shipped.shipment.number).encode(), {})


def _refunded(refunded: Refunded) -> StoredResponse:
    return StoredResponse(200, str(refunded.number).encode(), {})


def _canceled(_: CancellationView) -> StoredResponse:
    return TRUE
