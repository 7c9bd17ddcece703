"""Preview: what a shipment would send to Walmart, and all that speaks against it."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from app.domain.errors import Problem
from app.domain.orders.requests import ShipRequest
from app.storage import rate_limits
from app.storage.orders import repository
from app.storage.stores import stores
from app.usecases.context import AppContext
from app.usecases.orders import ship
from app.walmart import markets
from app.walmart.request_bodies import ShipLine


@dataclass(frozen=True, slots=True)
class Preview:
    """What would be sent to Walmart (None while a problem prevents it), and every problem."""

    path: str
    body: dict[str, Any] | None
    problems: tuple[Problem, ...]
    walmart_carrier: dict[str, str]


async def preview(context: AppContext, order_id: UUID, request: ShipRequest) -> Preview:
    """Say what a shipment would send and all that speaks against it; writes nothing."""
    async with context.transaction() as connection:
        order = await repository.lock(connection, order_id)
        rules_of_store = await stores.shipping_rules(connection, order.store_id)
        now = await rate_limits.now(connection)
    checked = ship.check(order, rules_of_store, request, now)
    lines = [ShipLine(item.line_number, item.quantity) for item in checked.items]
    body = None
    if not checked.problems:
        whole = checked.package.body(lines, order.seller_order_id)
        body = markets.shipping(whole, rules_of_store.market)
    path = f"/v3/orders/{order.purchase_order_id}/shipping"
    return Preview(path, body, checked.problems, checked.package.carrier_json)
