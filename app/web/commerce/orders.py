"""/rest/{store_code}/V1: ship, cancel and read orders as one does it at Commerce itself."""

from typing import Annotated
from uuid import UUID

from fastapi import Body, Path, Response

from app.domain.db_limits import BIGINT
from app.domain.errors import Conflict, Invalid, Problem, Unknown
from app.domain.orders.cancellation import reason_of
from app.domain.orders.requests import CancelRequest
from app.storage import queries
from app.storage.idempotency import StoredResponse
from app.storage.queries.views import CancellationView
from app.storage.stores import stores
from app.usecases.commerce_dedup import duplicates
from app.usecases.orders import cancel, ship
from app.usecases.orders.ship import AcceptedShipment
from app.usecases.returns import refund
from app.usecases.returns.refund import Refunded
from app.web.commerce import problems, search_criteria
from app.web.commerce.responses import answers
from app.web.commerce.schemas import (
    CancelIn,
    CommerceOrderOut,
    CommerceOrdersOut,
    CommerceRefundIn,
    ShipIn,
)
from app.web.dependencies import LooselyReading, RequestContext, Writing, respond
from app.web.path_rules import PathRule
from app.web.route import OperationRouter

router = OperationRouter(
    "/rest/{store_code}/V1", "commerce", PathRule("/rest/", render=problems.render)
)
_StoreCode = Annotated[str, Path(max_length=32, description="The code of the store view.")]
_OrderId = Annotated[int, Path(ge=1, le=BIGINT, description="The order's entity_id in Commerce.")]
_SHIP = {
    "items": [{"order_item_id": 55, "qty": 1}],
    "notify": False,
    "tracks": [
        {
            "track_number": "1Z999AA10123456784",
            "title": "United Parcel Service",
            "carrier_code": "ups",
        }
    ],
}
_ORDER = {
    "entity_id": 123,
    "increment_id": "000000123",
    "ext_order_id": "1796330120075",
    "ext_customer_id": "200012345678901",
    "state": "processing",
    "status": "open",
    "order_currency_code": "USD",
    "grand_total": 42.0,
    "total_item_count": 1,
    "total_qty_ordered": 3,
    "created_at": "2026-11-23 10:00:00",
    "updated_at": "2026-11-23 10:01:00",
    "items": [
        {
            "item_id": 55,
            "sku": "ABC",
            "name": "Blue mug",
            "price": 14.0,
            "qty_ordered": 3,
            "qty_shipped": 0,
            "qty_canceled": 0,
            "qty_refunded": 0,
            "ext_order_item_id": "1",
        }
    ],
    "extension_attributes": {"sync_state": "synced", "status_details": []},
}
_ORDERS = {"items": [_ORDER], "search_criteria": {"page_size": 20}, "total_count": 1}
# Repeating it asks for what is on its way already.
_UNDER_WAY = frozenset({"cancellation_pending"})


@router.post(
    "/order/{order_id}/ship",
    operation_id="commerce_ship_order",
    summary="Ship an order, in Commerce's shape",
    response_model=int,
    responses=answers(int, example=45, description="The shipment's number.", body=True),
)
async def ship_order(
    context: Writing,
    store_code: _StoreCode,
    order_id: _OrderId,
    body: Annotated[ShipIn, Body(examples=[_SHIP])],
) -> Response:
    """Ship items, or all that remains, under a tracking number; answers the shipment's number.

    The order is named by its Commerce `entity_id` and its items by Commerce's `order_item_id`, both
    given before (`PATCH /v1/orders/{order_id}`). The same body again answers the same number, and
    so does a shipment that a webhook or event of Commerce's told before.
    Several tracking numbers become several packages where each track names its items in
    `extension_attributes.items`, or where one item has as many units as there are numbers.
    """
    store, order = await _order(context, store_code, order_id)
    requests = body.to_requests()
    return await context.once(
        body,
        store,
        _number,
        lambda once: ship.ship_all(
            context.app,
            order,
            requests,
            actor=context.actor,
            once=once,
            alike=duplicates.from_rest,
        ),
    )


@router.post(
    "/orders/{order_id}/cancel",
    operation_id="commerce_cancel_order",
    summary="Cancel an order, in Commerce's shape",
    response_model=bool,
    responses=answers(bool, example=True, description="Accepted and durable.", body=True),
)
async def cancel_order(
    context: Writing,
    store_code: _StoreCode,
    order_id: _OrderId,
    body: Annotated[CancelIn | None, Body(examples=[{"reason": "out_of_stock"}])] = None,
) -> Response:
    """Cancel the whole order. Without a reason the store's `default_cancellation_reason` counts."""
    store, order = await _order(context, store_code, order_id)
    wanted = body or CancelIn()
    async with context.app.database.begin() as connection:
        default = await stores.default_cancellation_reason(connection, store)
    reason = reason_of(wanted.reason) if wanted.reason else default
    if reason is None:
        message = "Walmart cancels nothing without a reason, and the store has no default one."
        problem = Problem("reason_required", message, "/reason")
        raise Invalid(problem.code, message, [problem])
    request = CancelRequest(reason, wanted.comment)
    try:
        return await context.once(
            body,
            store,
            _canceled,
            lambda once: cancel.cancel(context.app, order, request, actor=context.actor, once=once),
        )
    except Conflict as error:
        if error.code in _UNDER_WAY:
            return respond(StoredResponse(200, b"true", {}))
        raise


@router.post(
    "/order/{order_id}/refund",
    operation_id="commerce_refund_order",
    summary="Refund a return, in Commerce's shape",
    response_model=int,
    responses=answers(int, example=7, description="The refund's number.", body=True),
)
async def refund_order(
    context: Writing,
    store_code: _StoreCode,
    order_id: _OrderId,
    body: Annotated[
        CommerceRefundIn, Body(examples=[{"items": [{"order_item_id": 55, "qty": 1}]}])
    ],
) -> Response:
    """Refund items of an order by the one open return that holds them; answers a number.

    Without items all that is left of this order in the return. Walmart reckons the amounts itself.
    The same body again within 7 days is the same refund and answers the same number; to refund
    another unit in the same words, make the comments differ or send an `Idempotency-Key`.
    """
    store, order = await _order(context, store_code, order_id)
    return await context.once(
        body,
        store,
        _refunded,
        lambda once: refund.refund_order(
            context.app,
            store,
            order,
            body.to_items(),
            comment=body.said,
            actor=context.actor,
            once=once,
            # A key says it better: another key is another refund.
            reference=body.reference(once.key if once else None),
        ),
    )


@router.get(
    "/orders",
    operation_id="commerce_search_orders",
    summary="Search orders, in Commerce's shape",
    response_model=CommerceOrdersOut,
    responses=answers(CommerceOrdersOut, example=_ORDERS, description="A page."),
)
async def search_orders(context: LooselyReading, store_code: _StoreCode) -> Response:
    """Find a store's orders by `searchCriteria`, in either of its spellings.

    Fields: `entity_id`, `increment_id`, `ext_order_id` (Walmart's purchase order),
    `ext_customer_id`, `status` (Waybill's), `created_at`, `updated_at`. At most 300 a page,
    10,000 in all.
    """
    store = await _store(context, store_code)
    wanted = search_criteria.read(context.request.query_params.multi_items())
    async with context.app.database.begin() as connection:
        found, total = await queries.search_orders(connection, store, wanted)
    items = [CommerceOrderOut.of(view) for view in found]
    page = CommerceOrdersOut(
        items=items, search_criteria=search_criteria.shown(wanted), total_count=total
    )
    return respond(StoredResponse(200, page.model_dump_json().encode(), {}))


@router.get(
    "/orders/{order_id}",
    operation_id="commerce_get_order",
    summary="Read an order, in Commerce's shape",
    response_model=CommerceOrderOut,
    responses=answers(CommerceOrderOut, example=_ORDER, description="The order."),
)
async def get_order(
    context: LooselyReading, store_code: _StoreCode, order_id: _OrderId
) -> Response:
    """Read an order by its Commerce `entity_id`."""
    store, order = await _order(context, store_code, order_id)
    async with context.app.database.begin() as connection:
        view = await queries.order(connection, store, order)
    if view is None:
        raise Unknown("order", order_id)
    return respond(StoredResponse(200, CommerceOrderOut.of(view).model_dump_json().encode(), {}))


async def _store(context: RequestContext, code: str) -> int:
    """The store with that code, if the key may see it. Raises Unknown."""
    async with context.app.database.begin() as connection:
        store = await stores.number_of_code(connection, code)
    if store is None or context.caller.store_id not in {None, store}:
        raise Unknown("store", code)
    return store


async def _order(context: RequestContext, code: str, commerce_order_id: int) -> tuple[int, UUID]:
    store = await _store(context, code)
    async with context.app.database.begin() as connection:
        found = await queries.by_commerce_id(connection, store, commerce_order_id)
    if found is None:
        raise Unknown("order", commerce_order_id)
    return store, found


def _number(shipped: AcceptedShipment) -> StoredResponse:
    return StoredResponse(200, str(shipped.shipment.number).encode(), {})


def _refunded(refunded: Refunded) -> StoredResponse:
    return StoredResponse(200, str(refunded.number).encode(), {})


def _canceled(_: CancellationView) -> StoredResponse:
    return StoredResponse(200, b"true", {})
