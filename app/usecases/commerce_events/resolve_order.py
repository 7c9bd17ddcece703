"""Finds the Walmart order of a Commerce order: by our link, else by asking Commerce."""

import asyncio
from dataclasses import dataclass
from uuid import UUID

from app.commerce.errors import CommerceError
from app.domain.errors import NotAvailable
from app.domain.orders.order import Link
from app.http_client import error_redaction
from app.http_client.call import Call, ErrorClass
from app.storage import queries
from app.storage.commerce import links, updates
from app.storage.orders import repository
from app.storage.stores import stores
from app.usecases.context import AppContext

# Seconds. Commerce keeps a database transaction open while its webhook waits for us.
_LONGEST_LOOK = 5.0


@dataclass(frozen=True, slots=True)
class ResolvedOrder:
    """The Walmart order of a Commerce order, as far as it is known."""

    order_id: UUID | None
    """None means that no Walmart order is linked to it."""
    foreign: bool = False
    """Commerce says that the order is no Walmart order."""


async def resolve_order(
    context: AppContext, store_id: int, commerce_order_id: int
) -> ResolvedOrder:
    """Find the Walmart order of a Commerce order; ask Commerce if no link is stored.

    Raises NotAvailable if Commerce does not answer, Conflict commerce_order_ambiguous.
    """
    async with context.transaction() as connection:
        found = await queries.by_commerce_id(connection, store_id, commerce_order_id)
        # mutation: unlinked-commerce-order
        if found is not None or not await stores.pushes_orders(connection, store_id):
            return ResolvedOrder(found)
    return await _recognised(context, store_id, commerce_order_id)


async def _recognised(context: AppContext, store_id: int, commerce_order_id: int) -> ResolvedOrder:
    """Find an order that Waybill created in Commerce without seeing the answer yet."""
    commerce_connection = await context.commerce_connection(store_id)
    if commerce_connection is None:
        return ResolvedOrder(None)
    try:
        async with asyncio.timeout(_LONGEST_LOOK):
            shown = await context.commerce.read_order(
                commerce_connection, commerce_order_id, _forgotten
            )
    except (CommerceError, TimeoutError) as error:
        if isinstance(error, CommerceError) and error.error_class is ErrorClass.NOT_FOUND:
            # A wrongly addressed Commerce answers the same, so this says nothing about the order.
            return ResolvedOrder(None)
        made = [error.call] if isinstance(error, CommerceError) and error.call else []
        # mutation: buyer-in-commerce-read-error
        said = error_redaction.reworded(str(error), made)
        message = f"Commerce did not answer which order {commerce_order_id} is: {said}"
        raise NotAvailable("commerce_unavailable", message) from error
    if shown.ext_order_id is None:
        async with context.transaction() as connection:
            # An order that is being created may be this one; a failed one may yet be linked.
            unmade = await updates.orders_to_be_made(connection, store_id)
        # mutation: skip-only-foreign-shipment
        return ResolvedOrder(None, foreign=not unmade)
    async with context.transaction() as connection:
        order_id = await repository.find(connection, store_id, shown.ext_order_id)
        if order_id is not None:
            await repository.lock(connection, order_id)
            link = Link(shown.number, shown.entity_id, shown.items)
            await links.keep(connection, store_id, order_id, link, context.new_id)
    return ResolvedOrder(order_id)


def _forgotten(_: Call) -> None:
    """Drop the evidence of a call that belongs to no update."""
