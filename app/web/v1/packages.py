"""/v1/orders/{order_id}/packages: several packages of an order in one act, all or none."""

from typing import Annotated
from uuid import UUID

from fastapi import Body, Response

from app.storage.idempotency import StoredResponse
from app.usecases.orders import preview_shipment as preview
from app.usecases.orders import ship
from app.usecases.orders.ship_locked import AcceptedShipment
from app.web.dependencies import Writing, answer, respond
from app.web.dry_runs import DryRun
from app.web.route import OperationRouter
from app.web.v1 import examples
from app.web.v1.package_schemas import PackagesIn, PackagesOut, PackagesPreviewOut
from app.web.v1.responses import problems, success
from app.web.v1.shipments import SHIPMENT_REFUSALS

router = OperationRouter("/v1/orders/{order_id}/packages", "shipments")
_PREVIEW = {
    "would_be_accepted": True,
    "packages": [{**examples.PREVIEW, "items": [{"line_number": "1", "quantity": 1}]}],
}


@router.post(
    "",
    operation_id="ship_packages",
    summary="Ship several packages of an order",
    status_code=202,
    response_model=PackagesOut,
    responses=success(202, PackagesOut, {"data": [examples.SHIPMENT]}, "Accepted and stored.")
    | success(200, PackagesOut, {"data": [examples.SHIPMENT]}, "All of them were accepted before.")
    | SHIPMENT_REFUSALS,
)
async def ship_packages(
    context: Writing,
    order_id: UUID,
    body: Annotated[PackagesIn, Body(examples=[examples.PACKAGES_IN])],
    dry_run: DryRun = False,
) -> Response:
    """Accept several packages of one order in one act: all of them, or none.

    Each package is what `POST …/shipments` takes, and counts after those before it. A refusal
    points to its package, as in `/packages/1/tracking_number`. With `?dry_run=true` the answer is
    that of `POST …/packages/preview`.
    """
    if dry_run:
        return await preview_packages(context, order_id, body)
    store = context.store_of(order_id)
    requests = body.to_requests()
    return await context.once(
        body,
        store,
        _shipped,
        lambda once: ship.ship_all(context.app, order_id, requests, actor=context.actor, once=once),
    )


@router.post(
    "/preview",
    operation_id="preview_packages",
    summary="Preview several packages of an order",
    response_model=PackagesPreviewOut,
    responses=success(200, PackagesPreviewOut, _PREVIEW, "What would be sent; nothing is written.")
    | problems("order_not_found", "invalid", body=True),
)
async def preview_packages(
    context: Writing,
    order_id: UUID,
    body: Annotated[PackagesIn, Body(examples=[examples.PACKAGES_IN])],
) -> Response:
    """Return the exact requests to Walmart of several packages, with every problem and warning.

    Nothing is written. The body is that of `POST …/packages`. Units of a package without a problem
    are taken for those after it.
    """
    context.store_of(order_id)
    found = await preview.preview_all(context.app, order_id, body.to_requests())
    return respond(answer(200, PackagesPreviewOut.of_all(found)))


def _shipped(shipped: AcceptedShipment) -> StoredResponse:
    body = PackagesOut(data=[shipped.shipment, *shipped.others])
    if shipped.repeated:
        again = {"Idempotent-Replayed": "true"}
        return answer(200, body, **again)
    return answer(202, body)
