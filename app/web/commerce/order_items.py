"""/rest/{store_code}/V1/orders/items: the lines of orders as order items of Commerce."""

from typing import Annotated

from fastapi import Path, Response

from app.domain.db_limits import BIGINT
from app.domain.errors import Unknown
from app.storage import queries
from app.web.commerce.examples import ORDER_ITEM
from app.web.commerce.lookups import StoreCode, store_of
from app.web.commerce.responses import answers
from app.web.commerce.schemas import CommerceItemOut
from app.web.dependencies import ReadingAnyParameters, answer, respond
from app.web.route import OperationRouter

router = OperationRouter("/rest/{store_code}/V1/orders/items", "commerce")
_ItemId = Annotated[int, Path(ge=1, le=BIGINT, description="item_id of the item in Commerce.")]


@router.get(
    "/{item_id}",
    operation_id="commerce_get_order_item",
    summary="Get an order item by Commerce's API",
    response_model=CommerceItemOut,
    responses=answers(CommerceItemOut, example=ORDER_ITEM, description="The item."),
)
async def get_order_item(
    context: ReadingAnyParameters, store_code: StoreCode, item_id: _ItemId
) -> Response:
    """Get the line of an order that is linked to an item of Commerce.

    Several lines of one item are one item with all their units.
    """
    store = await store_of(context, store_code)
    async with context.app.database.begin() as connection:
        found = await queries.order_of_item(connection, store, item_id)
        order = await queries.order(connection, store, found) if found else None
    if order is None or order.commerce_order_id is None:
        raise Unknown("order item", item_id)
    lines = [line for line in order.lines if line.commerce_item_id == item_id]
    return respond(answer(200, CommerceItemOut.of(order, *lines)))
