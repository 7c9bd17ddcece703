"""What an update is about, as Walmart or Commerce shows it now, outside any transaction."""

from dataclasses import dataclass

from app.commerce.client import CommerceOrder
from app.commerce.connection import Shop
from app.domain.errors import OrderError
from app.domain.orders.order import Order
from app.domain.orders.returns import Return
from app.domain.orders.snapshot import OrderSnapshot
from app.domain.outbox.rate_limits import Endpoint
from app.domain.update import TOLD_COMMERCE, Kind
from app.http_client.call import Call
from app.http_client.errors import CallError, NotFound
from app.storage.outbox.requeue import Found
from app.usecases.context import Desk
from app.usecases.walmart_reader import FREE, Hold
from app.walmart.credentials import Account
from app.walmart.inventory_api import InventoryAnswer
from app.walmart.returns import ReturnPage


@dataclass(frozen=True, slots=True)
class Sight:
    """What was seen: the order, the return, the stock level, or the order in Commerce.

    commerce None for an update of Commerce's kinds: Commerce has no such order. missing: Walmart
    knows no such order, return or item.
    """

    order: OrderSnapshot | None = None
    returned: Return | None = None
    stock: int | None = None
    commerce: CommerceOrder | None = None
    missing: bool = False


async def see(desk: Desk, found: Found, order: Order | None, *, hold: Hold = FREE) -> Sight | None:
    """Read what an update is about; None where it cannot be read.

    Raises what hold raises where nothing may be asked now.
    """
    try:
        return await _read(desk, found, order, hold)
    except NotFound:
        return Sight(missing=True)
    except (CallError, OrderError):
        return None


async def _read(desk: Desk, found: Found, order: Order | None, hold: Hold) -> Sight | None:
    if found.kind in TOLD_COMMERCE:
        return await _in_commerce(desk, found, order)
    account = await desk.account(found.store_id)
    if found.kind is Kind.INVENTORY:
        return await _stock(desk, account, found, hold)
    if found.kind is Kind.REFUND:
        return await _returned(desk, account, found, hold)
    if order is None:
        return None
    answer = await hold.read_order(desk, account, order.purchase_order_id)
    return Sight(order=answer.order) if answer.order is not None else None


async def _stock(desk: Desk, account: Account, found: Found, hold: Hold) -> Sight:
    async def read() -> InventoryAnswer:
        payload = found.payload
        return await desk.walmart.inventory.read(account, payload["sku"], payload["ship_node"])

    return Sight(stock=(await hold.ask(Endpoint.INVENTORY, read)).quantity)


async def _returned(desk: Desk, account: Account, found: Found, hold: Hold) -> Sight:
    async def read() -> ReturnPage:
        return await desk.walmart.returns.read(account, found.payload["return_order_id"])

    page = await hold.ask(Endpoint.RETURNS, read)
    return Sight(returned=page.returns[0]) if page.returns else Sight(missing=True)


async def _in_commerce(desk: Desk, found: Found, order: Order | None) -> Sight | None:
    shop = await desk.shop(found.store_id)
    if shop is None or order is None:
        return None
    return Sight(commerce=await _commerce_order(desk, shop, order))


async def _commerce_order(desk: Desk, shop: Shop, order: Order) -> CommerceOrder | None:
    kept: list[Call] = []
    entity_id = order.commerce_order_id
    if entity_id is None:
        found = await desk.commerce.find_order(shop, order.purchase_order_id, kept.append)
        if found is None:
            return None
        entity_id = found.entity_id
    return await desk.commerce.read_order(shop, entity_id, kept.append)
