"""Reads what an update is about from Walmart or Commerce, outside any transaction."""

from dataclasses import dataclass

from app.commerce.client import CommerceOrder
from app.domain.commerce_connection import CommerceConnection
from app.domain.errors import OrderError
from app.domain.orders.order import Order
from app.domain.orders.returns import Return
from app.domain.orders.snapshot import OrderSnapshot
from app.domain.outbox.rate_limits import Endpoint
from app.domain.seller_credentials import SellerCredentials
from app.domain.update import COMMERCE_KINDS, Kind
from app.http_client.call import Call, ErrorClass
from app.http_client.failure_table import CallError
from app.storage.outbox.requeue import StoredUpdate
from app.usecases.context import AppContext
from app.usecases.walmart_reader import UNLIMITED, WalmartReader
from app.walmart.inventory_api import InventoryAnswer
from app.walmart.returns import ReturnPage


@dataclass(frozen=True, slots=True)
class SubjectSeen:
    """The subject of an update as it was read: one of these fields, by the update's kind."""

    order: OrderSnapshot | None = None
    returned: Return | None = None
    stock: int | None = None
    commerce: CommerceOrder | None = None
    """None for an update to Commerce means that Commerce has no such order."""
    missing: bool = False
    """Walmart knows no such order, return or item."""


async def read_subject(
    context: AppContext,
    found: StoredUpdate,
    order: Order | None,
    *,
    reader: WalmartReader = UNLIMITED,
) -> SubjectSeen | None:
    """Read what an update is about. None means that it could not be read.

    Raises what reader raises while no call may be made.
    """
    try:
        return await _read(context, found, order, reader)
    except CallError as error:
        unknown = error.error_class is ErrorClass.NOT_FOUND
        # mutation: dismissal-of-unknown-subject
        return SubjectSeen(missing=True) if unknown else None
    except OrderError:
        return None


async def _read(
    context: AppContext, found: StoredUpdate, order: Order | None, reader: WalmartReader
) -> SubjectSeen | None:
    if found.kind in COMMERCE_KINDS:
        return await _in_commerce(context, found, order)
    account = await context.account(found.store_id)
    if found.kind is Kind.INVENTORY:
        return await _stock(context, account, found, reader)
    # mutation: dismissal-reads-subject
    if found.kind is Kind.REFUND:
        return await _returned(context, account, found, reader)
    if order is None:
        return None
    answer = await reader.read_order(context, account, order.purchase_order_id)
    return SubjectSeen(order=answer.order) if answer.order is not None else None


async def _stock(
    context: AppContext, account: SellerCredentials, found: StoredUpdate, reader: WalmartReader
) -> SubjectSeen:
    async def read() -> InventoryAnswer:
        payload = found.payload
        return await context.walmart.inventory.read(account, payload["sku"], payload["ship_node"])

    return SubjectSeen(stock=(await reader.ask(Endpoint.INVENTORY, read)).quantity)


async def _returned(
    context: AppContext, account: SellerCredentials, found: StoredUpdate, reader: WalmartReader
) -> SubjectSeen:
    async def read() -> ReturnPage:
        return await context.walmart.returns.read(account, found.payload["return_order_id"])

    page = await reader.ask(Endpoint.RETURNS, read)
    return SubjectSeen(returned=page.returns[0]) if page.returns else SubjectSeen(missing=True)


async def _in_commerce(
    context: AppContext, found: StoredUpdate, order: Order | None
) -> SubjectSeen | None:
    commerce_connection = await context.commerce_connection(found.store_id)
    if commerce_connection is None or order is None:
        return None
    return SubjectSeen(commerce=await _commerce_order(context, commerce_connection, order))


async def _commerce_order(
    context: AppContext, commerce_connection: CommerceConnection, order: Order
) -> CommerceOrder | None:
    calls: list[Call] = []
    entity_id = order.commerce_order_id
    if entity_id is None:
        found = await context.commerce.find_order(
            commerce_connection, order.purchase_order_id, calls.append
        )
        if found is None:
            return None
        entity_id = found.entity_id
    return await context.commerce.read_order(commerce_connection, entity_id, calls.append)
