"""/rest/{store_code}/V1/orders/items: the lines of orders as order items of Commerce."""

from typing import Annotated

from fastapi import Path, Response

from app.domain.db_limits import BIGINT
from app.domain.errors import Unknown
from app.storage import queries
from app.storage.queries import commerce_document_search
from app.web.commerce.examples import ORDER_ITEM, ORDER_ITEMS
from app.web.commerce.lookups import StoreCode, store_of
from app.web.commerce.order_schemas import CommerceItemOut, CommerceItemsOut
from app.web.commerce.responses import answers
from app.web.commerce.route import CommerceRouter
from app.web.commerce.search_pages import search_page
from app.web.commerce.search_parameters import searching
from app.web.dependencies import Reading, answer, respond

router = CommerceRouter("/rest/{store_code}/V1/orders/items", "commerce")
_ItemId = Annotated[int, Path(ge=1, le=BIGINT, description="item_id of the item in Commerce.")]


@router.get(
    "",
    operation_id="commerce_search_order_items",
    summary="Search order items by Commerce's API",
    response_model=CommerceItemsOut,
    responses=answers(CommerceItemsOut, example=ORDER_ITEMS, description="A page."),
    openapi_extra=searching(commerce_document_search.ITEMS.fields(0)),
)
async def search_order_items(context: Reading, store_code: StoreCode) -> Response:
    """Search the lines of orders by `searchCriteria`, as `GET …/orders` searches orders.

    Fields: `item_id`, `order_id`, `store_id`, `sku`, `name`, `ext_order_item_id`, `qty_ordered`,
    `qty_shipped`, `qty_canceled`, `qty_refunded`, `created_at`, `updated_at`. Only lines of orders
    that are linked to a Commerce order are found. Several lines of one item are found one by one.
    """
    return await search_page(
        context,
        store_code,
        queries.search_items,
        CommerceItemsOut,
        lambda found: CommerceItemOut.of(*found),
    )


@router.get(
    "/{item_id}",
    operation_id="commerce_get_order_item",
    summary="Get an order item by Commerce's API",
    response_model=CommerceItemOut,
    responses=answers(CommerceItemOut, example=ORDER_ITEM, description="The item."),
)
async def get_order_item(context: Reading, store_code: StoreCode, item_id: _ItemId) -> Response:
    """Get the line of an order that is linked to an item of Commerce.

    Several lines of one item are one item with all their units.
    """
    store = await store_of(context, store_code)
    async with context.app.database.read() as connection:
        found = await queries.order_of_item(connection, store, item_id)
        order = await queries.order(connection, store, found) if found else None
    if order is None or order.commerce_order_id is None:
        raise Unknown("order item", item_id)
    lines = [line for line in order.lines if item_id in line.commerce_ids]
    item = CommerceItemOut.of(order, *lines).model_copy(update={"item_id": item_id})
    return respond(answer(200, item))
