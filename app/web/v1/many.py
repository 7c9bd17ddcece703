"""Acts on many at once: retry and dismiss updates, refresh orders. Each has a result for each."""

from collections.abc import Sequence
from typing import Annotated
from uuid import UUID

from fastapi import Body, Response

from app.storage.idempotency import StoredResponse
from app.storage.queries import UpdateFilter
from app.usecases.orders import refresh_many
from app.usecases.orders.refresh_many import RefreshedMany
from app.usecases.updates import dismiss_many, retry_many
from app.usecases.updates.dismiss_many import DismissedMany
from app.usecases.updates.retry_many import RetriedMany
from app.web.dependencies import RequestContext, Writing, answer
from app.web.route import OperationRouter
from app.web.v1 import examples
from app.web.v1.job_schemas import DismissManyIn, RefreshManyIn
from app.web.v1.responses import problems, success
from app.web.v1.update_schemas import RetryManyIn

orders_router = OperationRouter("/v1/orders", "orders")
updates_router = OperationRouter("/v1/updates", "updates")
_RETRIED_MANY = {
    "data": [
        {
            "update_id": examples.UPDATE["id"],
            "order_id": examples.UPDATE["order_id"],
            "will": "queued",
            "until": None,
            "explanation": "It goes out now: Walmart is read first, and only what is missing is "
            "sent.",
        }
    ],
    "totals": {"queued": 1},
    "more": False,
}
_REFRESHED = {
    "data": [
        {
            "order_id": examples.ORDER_ID,
            "result": "refreshed",
            "explanation": "Walmart was read just now.",
        }
    ],
    "totals": {"refreshed": 1},
}
_DISMISSED = {
    "data": [
        {
            "update_id": examples.UPDATE_ID,
            "order_id": examples.ORDER_ID,
            "walmart": "shipped",
            "until": None,
            "explanation": "Walmart shows all of it as shipped.",
        }
    ],
    "totals": {"shipped": 1},
}


@updates_router.post(
    "/retry",
    operation_id="retry_updates",
    summary="Retry many updates",
    status_code=202,
    response_model=RetriedMany,
    responses=success(202, RetriedMany, _RETRIED_MANY, "What will happen to each update.")
    | problems("store_not_found", "order_not_found", "update_not_found", "required", body=True),
)
async def retry_updates(
    context: Writing,
    body: Annotated[RetryManyIn, Body(examples=[{"code": "method_code_not_supported"}])],
) -> Response:
    """Retry updates, and return what will happen to each: named ones, or those that match.

    Name `update_ids`, or `order_ids` for their failed and retrying updates, together at most
    200. Without them the newest updates that match are retried, at most `limit`; `POST /v1/jobs`
    retries all that match. Each is retried by itself, as by `POST /v1/updates/{update_id}/retry`.
    """
    if body.named:
        return await _retry_named(context, body)
    store = context.one_store(body.store_id, body.order_id)
    wanted = UpdateFilter(body.state, body.kind, store, body.order_id, body.code)
    return await context.once(
        body,
        store or 0,
        _retried_many,
        lambda once: retry_many.retry_many(
            context.app,
            wanted,
            limit=body.limit,
            override_cancel_request=body.override_cancel_request,
            actor=context.actor,
            once=once,
        ),
    )


@updates_router.post(
    "/dismiss",
    operation_id="dismiss_updates",
    summary="Dismiss many updates",
    response_model=DismissedMany,
    responses=success(200, DismissedMany, _DISMISSED, "What Walmart shows of each.")
    | problems("update_not_found", "order_not_found", "required", body=True),
)
async def dismiss_updates(
    context: Writing,
    body: Annotated[
        DismissManyIn,
        Body(examples=[{"update_ids": [examples.UPDATE_ID], "note": "Done in Seller Center."}]),
    ],
) -> Response:
    """Dismiss at most 200 updates, or the failed updates of orders.

    Each is dismissed by itself, as by `POST /v1/updates/{update_id}/dismiss`.
    """
    updates, orders = body.update_ids or [], body.order_ids or []
    keys = order_keys(context, updates, orders)
    return await context.once(
        body,
        context.caller.store_id or 0,
        _dismissed_many,
        lambda once: dismiss_many.dismiss_selected(
            context.app,
            update_ids=updates,
            orders=keys,
            note=body.note,
            actor=context.actor,
            once=once,
        ),
    )


@orders_router.post(
    "/refresh",
    operation_id="refresh_orders",
    summary="Refresh many orders from Walmart",
    response_model=RefreshedMany,
    responses=success(200, RefreshedMany, _REFRESHED, "The result of each.")
    | problems("order_not_found", body=True),
)
async def refresh_orders(
    context: Writing,
    body: Annotated[RefreshManyIn, Body(examples=[{"order_ids": [examples.ORDER_ID]}])],
) -> Response:
    """Read at most 200 orders from Walmart, each as by `POST /v1/orders/{order_id}/refresh`."""
    order_keys(context, (), body.order_ids)
    return await context.once(
        body,
        context.caller.store_id or 0,
        _refreshed_many,
        lambda once: refresh_many.refresh_selected(
            context.app, body.order_ids, actor=context.actor, once=once
        ),
    )


def order_keys(
    context: RequestContext, update_ids: Sequence[UUID], order_ids: Sequence[UUID]
) -> list[tuple[int, UUID]]:
    """The stores and ids of orders. Raises Unknown for one that the caller may not see."""
    for each in update_ids:
        context.store_of(each, "update")
    return [(context.store_of(each), each) for each in order_ids]


async def _retry_named(context: RequestContext, body: RetryManyIn) -> Response:
    updates = body.update_ids or []
    keys = order_keys(context, updates, body.order_ids or [])
    return await context.once(
        body,
        context.caller.store_id or 0,
        _retried_many,
        lambda once: retry_many.retry_selected(
            context.app,
            update_ids=updates,
            orders=keys,
            override_cancel_request=body.override_cancel_request,
            actor=context.actor,
            once=once,
        ),
    )


def _retried_many(retried: RetriedMany) -> StoredResponse:
    return answer(202, retried)


def _dismissed_many(dismissed: DismissedMany) -> StoredResponse:
    return answer(200, dismissed)


def _refreshed_many(refreshed: RefreshedMany) -> StoredResponse:
    return answer(200, refreshed)
