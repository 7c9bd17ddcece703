"""/v1/orders/import and /v1/orders/{order_id}/refresh: read orders from Walmart."""

from typing import Annotated
from uuid import UUID

from fastapi import Body, Response

from app.storage.idempotency import StoredResponse
from app.storage.queries.views import OrderView
from app.usecases.imports.import_order import import_order as import_from_walmart
from app.usecases.orders import refresh
from app.usecases.orders.refresh import Refreshed
from app.web.dependencies import Writing, answer
from app.web.route import OperationRouter
from app.web.v1 import examples
from app.web.v1.order_schemas import ImportIn, RefreshIn
from app.web.v1.orders import registered
from app.web.v1.responses import problems, success

router = OperationRouter("/v1/orders", "orders")
_REFRESHED = {
    "refreshed": True,
    "explanation": "Walmart was read just now.",
    "walmart": {
        "read_at": examples.AT,
        "lines": [
            {
                "line_number": "1",
                "units": [
                    {
                        "status": "Shipped",
                        "quantity": 1,
                        "carrier": "UPS",
                        "tracking_number": "1Z999AA10123456784",
                    },
                    {
                        "status": "Acknowledged",
                        "quantity": 2,
                        "carrier": None,
                        "tracking_number": None,
                    },
                ],
            }
        ],
    },
    "order": examples.ORDER,
}


@router.post(
    "/import",
    operation_id="import_order",
    summary="Import an order from Walmart",
    status_code=201,
    response_model=OrderView,
    responses=success(201, OrderView, examples.ORDER, "The order, new.", location=True)
    | success(200, OrderView, examples.ORDER, "The order, already imported; it was read again.")
    | problems(
        "store_not_found",
        "purchase_order_not_found",
        "credentials_rejected",
        "walmart_unavailable",
        body=True,
    ),
)
async def import_order(
    context: Writing,
    body: Annotated[
        ImportIn,
        Body(examples=[{"store_id": examples.STORE_ID, "purchase_order_id": "1796330120075"}]),
    ],
) -> Response:
    """Read an order from Walmart, and store it."""
    store = context.store_of(body.store_id, "store")
    return await context.once(
        body,
        store,
        registered,
        lambda once: import_from_walmart(
            context.app, body.store_id, body.purchase_order_id, actor=context.actor, once=once
        ),
    )


@router.post(
    "/{order_id}/refresh",
    operation_id="refresh_order",
    summary="Refresh an order from Walmart",
    response_model=Refreshed,
    responses=success(200, Refreshed, _REFRESHED, "The order after the refresh.")
    | problems(
        "order_not_found",
        "order_not_at_walmart",
        "order_in_doubt",
        "credentials_rejected",
        "walmart_unavailable",
        body=True,
    ),
)
async def refresh_order(
    context: Writing,
    order_id: UUID,
    body: Annotated[RefreshIn | None, Body(examples=[{"accept_walmart": False}])] = None,
) -> Response:
    """Read the order from Walmart, and settle the updates that the read proves.

    Confirmed units that Walmart does not show stay confirmed, since a read may lag.
    `accept_walmart` takes them back.
    """
    store = context.store_of(order_id)
    accept = body is not None and body.accept_walmart
    return await context.once(
        body,
        store,
        _refreshed,
        lambda once: refresh.refresh(
            context.app, order_id, actor=context.actor, accept_walmart=accept, once=once
        ),
    )


def _refreshed(refreshed: Refreshed) -> StoredResponse:
    return answer(200, refreshed)
