"""Previews packages: what each would send to Walmart, and every problem. Writes nothing."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from app.domain.errors import OrderError, Problem
from app.domain.orders.order import Item, Order
from app.domain.orders.requests import ShipRequest
from app.storage.orders import accept
from app.storage.orders.acceptance import OrderVersion
from app.storage.postgres.database import Connection
from app.usecases.context import AppContext
from app.usecases.orders import plan_shipment, ship_locked, shipment_advice
from app.usecases.orders.plan_shipment import CheckedShipment
from app.usecases.orders.shipment_advice import AdviceView
from app.walmart import markets
from app.walmart.request_bodies import ShipLine


@dataclass(frozen=True, slots=True)
class Preview:
    """What a shipment would send to Walmart, and every problem."""

    path: str
    body: dict[str, Any] | None
    """None means that nothing is sent: a problem prevents it, or it repeats a shipment."""
    problems: tuple[Problem, ...]
    walmart_carrier: dict[str, str]
    carrier_found_by: str | None
    warnings: tuple[AdviceView, ...]
    items: tuple[Item, ...]
    """The units of the package."""
    repeats: UUID | None = None
    """The shipment that has its reference already, of this order or earlier in the request."""


@dataclass(slots=True)
class PreviewedOrder:
    """An order as it is after the packages that were previewed."""

    version: OrderVersion
    order: Order
    made: list[tuple[UUID, ShipRequest]] = field(default_factory=list)
    """The packages so far, each with an id that no shipment has."""


async def preview(context: AppContext, order_id: UUID, request: ShipRequest) -> Preview:
    """Check a shipment without writing anything. Raises Unknown."""
    return (await preview_all(context, order_id, [request]))[0]


async def preview_all(
    context: AppContext, order_id: UUID, requests: Sequence[ShipRequest]
) -> list[Preview]:
    """Check the packages of one shipment, each after those before it. Raises Unknown."""
    async with context.transaction() as connection:
        previewed = await begin(connection, order_id)
        return [await add(connection, context, previewed, each) for each in requests]


async def begin(connection: Connection, order_id: UUID) -> PreviewedOrder:
    """Look up an order for previews of its packages. Raises Unknown."""
    version = await accept.lock(connection, order_id)
    return PreviewedOrder(version, version.order)


async def add(
    connection: Connection, context: AppContext, previewed: PreviewedOrder, request: ShipRequest
) -> Preview:
    """Preview one more package; without a problem its units are taken for those after it."""
    order, version = previewed.order, previewed.version
    checked = plan_shipment.check(order, version.rules, request, version.at)
    found = _preview(previewed, request, checked)
    try:
        repeats = await _repeats(connection, previewed, request)
    except OrderError as error:
        return replace(found, body=None, problems=error.problems)
    if repeats is not None:
        warning = shipment_advice.repeated(request)
        return replace(found, body=None, problems=(), warnings=(warning,), repeats=repeats)
    if not found.problems:
        made = context.new_id(order.store_id)
        previewed.order = plan_shipment.reserved(order, made, request, checked)
        previewed.made.append((made, request))
    return found


async def _repeats(
    connection: Connection, previewed: PreviewedOrder, request: ShipRequest
) -> UUID | None:
    """The shipment with the reference of a request. Raises Conflict reference_reused."""
    for made, earlier in previewed.made:
        if request.reference is not None and earlier.reference == request.reference:
            ship_locked.refuse_other_content(request, plan_shipment.content(earlier))
            return made
    return await ship_locked.same_reference(connection, previewed.order, request)


def _preview(previewed: PreviewedOrder, request: ShipRequest, checked: CheckedShipment) -> Preview:
    order, rules = previewed.order, previewed.version.rules
    body = None
    if not checked.problems:
        lines = [ShipLine(item.line_number, item.quantity) for item in checked.items]
        body = markets.shipping(checked.package.body(lines, order.seller_order_id), rules.market)
    earlier = [package.tracking_number for _, package in previewed.made]
    return Preview(
        path=f"/v3/orders/{order.purchase_order_id}/shipping",
        body=body,
        problems=tuple(plan_shipment.located(request, checked.problems)),
        walmart_carrier=checked.package.carrier_json,
        carrier_found_by=checked.carrier.found_by,
        warnings=shipment_advice.of(rules, request, checked, earlier),
        items=checked.items,
    )
