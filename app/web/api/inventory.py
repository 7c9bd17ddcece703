"""/v1/stores/{store_id}/inventory: stock levels for Walmart to show."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Body, Response

from app.intake import inventory as use_cases
from app.web.api import examples
from app.web.api.inventory_schemas import InventoryIn, InventoryOut, LevelOut
from app.web.api.responses import problems, success
from app.web.context import Writing, answer, respond
from app.web.route import Operation

router = APIRouter(
    prefix="/v1/stores/{store_id}/inventory", tags=["inventory"], route_class=Operation
)


@router.put(
    "",
    operation_id="put_inventory",
    summary="Tell Walmart stock levels",
    status_code=202,
    response_model=InventoryOut,
    responses={
        **success(202, InventoryOut, {"data": [examples.LEVEL]}, "Accepted and durable."),
        **problems("store_not_found", "sku_repeated", body=True),
    },
)
async def put_inventory(
    context: Writing,
    store_id: UUID,
    body: Annotated[
        InventoryIn,
        Body(examples=[{"items": [{"sku": "ABC", "quantity": 5, "ship_node": None}]}]),
    ],
) -> Response:
    """Say how many units of each SKU there are to sell.

    The newest value of a SKU wins: an older one that waits is never sent.
    """
    context.store_of(store_id, "store")
    queued = await use_cases.put(context.desk, store_id, body.levels(), actor=context.actor)
    return respond(answer(202, InventoryOut(data=[LevelOut.of(each) for each in queued])))
