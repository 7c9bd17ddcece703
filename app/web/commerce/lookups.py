"""Parameters of Commerce's paths, and the store and order that they name."""

from typing import Annotated
from uuid import UUID

from fastapi import Path

from app.domain.db_limits import BIGINT
from app.domain.errors import Unknown
from app.storage import queries
from app.storage.queries.views import OrderView
from app.storage.stores import stores
from app.usecases.stores.validation import STORE_CODE
from app.web.dependencies import RequestContext

# mutation: store-code-pattern
StoreCode = Annotated[str, Path(pattern=f"^{STORE_CODE}$", description="Code of the store view.")]
OrderId = Annotated[int, Path(ge=1, le=BIGINT, description="entity_id of the order in Commerce.")]


async def store_of(context: RequestContext, code: str) -> int:
    """The number of the store with a code. Raises Unknown, also if the key may not see it."""
    async with context.app.database.begin() as connection:
        store = await stores.number_of_code(connection, code)
    # mutation: api-key-on-commerce-paths
    if store is None or context.caller.store_id not in {None, store}:
        raise Unknown("store", code)
    return store


async def order_of(context: RequestContext, code: str, commerce_order_id: int) -> tuple[int, UUID]:
    """The store with a code, and its order that is linked to a Commerce order.

    Raises Unknown, and Conflict commerce_order_ambiguous.
    """
    store = await store_of(context, code)
    async with context.app.database.begin() as connection:
        found = await queries.by_commerce_id(connection, store, commerce_order_id)
    if found is None:
        raise Unknown("order", commerce_order_id)
    return store, found


async def order_view(context: RequestContext, code: str, commerce_order_id: int) -> OrderView:
    """The order that is linked to a Commerce order. Raises as `order_of`."""
    store, order = await order_of(context, code, commerce_order_id)
    async with context.app.database.begin() as connection:
        view = await queries.order(connection, store, order)
    if view is None:
        raise Unknown("order", commerce_order_id)
    return view
