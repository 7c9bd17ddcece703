"""Previews a shipment: what it would send to Walmart, and every problem."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from app.domain.errors import Problem
from app.domain.orders.requests import ShipRequest
from app.storage import queries
from app.storage.orders import accept
from app.storage.queries.views import WarningView
from app.usecases.context import AppContext
from app.usecases.orders import plan_shipment
from app.walmart import markets
from app.walmart.request_bodies import ShipLine


@dataclass(frozen=True, slots=True)
class Preview:
    """What a shipment would send to Walmart, and every problem."""

    path: str
    body: dict[str, Any] | None
    """None means that a problem prevents it."""
    problems: tuple[Problem, ...]
    walmart_carrier: dict[str, str]
    carrier_found_by: str | None
    warnings: tuple[WarningView, ...]


async def preview(context: AppContext, order_id: UUID, request: ShipRequest) -> Preview:
    """Check a shipment without writing anything. Raises Unknown."""
    async with context.transaction() as connection:
        version = await accept.lock(connection, order_id)
    order = version.order
    checked = plan_shipment.check(order, version.rules, request, version.at)
    lines = [ShipLine(item.line_number, item.quantity) for item in checked.items]
    body = None
    if not checked.problems:
        whole = checked.package.body(lines, order.seller_order_id)
        body = markets.shipping(whole, version.rules.market)
    path = f"/v3/orders/{order.purchase_order_id}/shipping"
    carrier = checked.package.carrier_json
    return Preview(
        path=path,
        body=body,
        problems=checked.problems,
        walmart_carrier=carrier,
        carrier_found_by=checked.carrier.found_by,
        warnings=(
            *queries.shipment_warnings(request.tracking_number, carrier),
            *queries.passed_over_warnings(checked.passed_over),
        ),
    )
