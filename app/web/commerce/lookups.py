"""Parameters of Commerce's paths, and the store and order that they name."""

from collections.abc import Mapping
from typing import Annotated
from uuid import UUID

from fastapi import Path

from app.domain.db_limits import BIGINT
from app.domain.errors import Invalid, Unknown
from app.storage import queries
from app.storage.queries.views import OrderView
from app.storage.stores import stores
from app.usecases.stores.validation import STORE_CODE
from app.web.addresses import DEFAULT
from app.web.dependencies import RequestContext

# mutation: store-code-pattern
StoreCode = Annotated[
    str,
    Path(
        pattern=f"^{STORE_CODE}$",
        description="Code of the store view. `all` and `default` mean the only store of the key.",
    ),
]
OrderId = Annotated[int, Path(ge=1, le=BIGINT, description="entity_id of the order in Commerce.")]
# Magento's codes for all store views, and for the one that is meant if none is named
# (Webapi/Controller/PathProcessor.php). A store may have one of them as its own code.
_UNNAMED = frozenset({"all", DEFAULT})
# Codes in one message.
_MOST_CODES = 50


async def store_of(context: RequestContext, code: str) -> int:
    """The number of the store with a code. Raises Unknown, also if the key may not see it.

    `all` and `default` mean the only store of the key. Raises Invalid store_code_required if the
    key sees several.
    """
    async with context.app.database.begin() as connection:
        store = await stores.number_of_code(connection, code)
        if store is None and code in _UNNAMED:
            return _only(await stores.codes(connection, context.caller.store_id))
    # mutation: api-key-on-commerce-paths
    if store is None or context.caller.store_id not in {None, store}:
        raise Unknown("store", code)
    return store


def _only(codes: Mapping[str, int]) -> int:
    # mutation: address-of-several-stores
    if len(codes) == 1:
        return next(iter(codes.values()))
    if not codes:
        raise Invalid("store_code_required", "There is no store yet. Create one: POST /v1/stores.")
    shown = ", ".join(list(codes)[:_MOST_CODES]) + (", …" if len(codes) > _MOST_CODES else "")
    message = f"The key sees several stores. Name one in the address, /rest/{{code}}/V1: {shown}."
    raise Invalid("store_code_required", message)


async def order_of(context: RequestContext, code: str, commerce_order_id: int) -> tuple[int, UUID]:
    """The store with a code, and its order that is linked to a Commerce order.

    Raises as `store_of`, and Unknown and Conflict commerce_order_ambiguous for the order.
    """
    store = await store_of(context, code)
    async with context.app.database.begin() as connection:
        found = await queries.by_commerce_id(connection, store, commerce_order_id)
    if found is None:
        raise Unknown("order", commerce_order_id)
    return store, found


async def order_view(
    context: RequestContext, code: str, commerce_order_id: int
) -> tuple[int, OrderView]:
    """The store with a code, and a view of its order. Raises as `order_of`."""
    store, order = await order_of(context, code, commerce_order_id)
    async with context.app.database.read() as connection:
        view = await queries.order(connection, store, order)
    if view is None:
        raise Unknown("order", commerce_order_id)
    return store, view
