"""What happened in Commerce, told by its webhooks and events: carried out once, or passed over.

Events come twice and out of order, and Commerce tells of every order, Walmart's or not. A shipment
is known by its number in Commerce, a cancellation by the state of the order; what Waybill itself
wrote to Commerce comes back as an event, and changes nothing.
"""

import asyncio
from dataclasses import dataclass
from uuid import UUID

from app.commerce.packages import packages
from app.commerce.payloads import Canceled, Shipped
from app.intake import cancel, ship, tracking
from app.intake.desk import Desk
from app.orders.cancellation_reasons import reason_of
from app.orders.errors import Conflict, Invalid, NotAvailable, Problem
from app.orders.order import Link
from app.orders.requests import CancelRequest, ShipRequest, TrackingCorrection
from app.orders.snapshot import tracking_key
from app.outbound.call import Call
from app.outbound.errors import CallError, NotFound, Refused
from app.storage import links, orders, overview, shipments, stores

ACTOR = "commerce"
# Adobe waits 10 seconds for all of an answer, and Commerce's own hooks hold its database meanwhile.
_LONGEST_LOOK = 5.0
# The order is where the event says that it should be.
_ALREADY = frozenset({"cancellation_pending", "order_already_canceled"})


@dataclass(frozen=True, slots=True)
class Done:
    """What came of an event: accepted, known, corrected, or ignored (with the reason why)."""

    what: str
    why: str = ""


async def shipped(desk: Desk, store_id: int, event: Shipped) -> Done:
    """Ship what Commerce shipped. Raises OrderError where Walmart cannot be told as it is."""
    order_id = await _order(desk, store_id, event.order_id)
    if order_id is None:
        return _not_ours(event.order_id)
    reference = f"commerce-shipment-{event.shipment_id}"
    requests = packages(event.tracks, event.items, reference)
    try:
        accepted = await ship.ship_all(desk, order_id, requests, actor=ACTOR)
    except Conflict as error:
        if error.code != "reference_reused" or len(requests) != 1:
            raise
        return await _corrected(desk, store_id, order_id, requests[0])
    return Done("known" if accepted.repeated else "accepted")


async def canceled(desk: Desk, store_id: int, event: Canceled) -> Done:
    """Cancel what Commerce canceled. Raises OrderError where Walmart cannot be told as it is."""
    if not event.done:
        return Done("ignored", "Commerce did not cancel it")
    order_id = await _order(desk, store_id, event.order_id)
    if order_id is None:
        return _not_ours(event.order_id)
    async with desk.transaction() as connection:
        default = await stores.default_cancellation_reason(connection, store_id)
    reason = reason_of(event.reason) if event.reason else default
    if reason is None:
        message = "Walmart cancels nothing without a reason, and the store has no default one."
        raise Invalid("reason_required", message, [Problem("reason_required", message)])
    try:
        await cancel.cancel(desk, order_id, CancelRequest(reason), actor=ACTOR)
    except Conflict as error:
        if error.code in _ALREADY:
            return Done("known")
        raise
    return Done("accepted")


async def _corrected(desk: Desk, store_id: int, order_id: UUID, request: ShipRequest) -> Done:
    """A shipment that was saved again: with another tracking number it is corrected."""
    assert request.reference is not None  # noqa: S101 - given a moment ago
    async with desk.transaction() as connection:
        found = await shipments.by_reference(connection, store_id, order_id, request.reference)
        view = found and await overview.shipment(connection, store_id, order_id, found[0])
    if not view:
        return Done("known")
    if tracking_key(view.tracking_number) == tracking_key(request.tracking_number):
        return Done("known")
    correction = TrackingCorrection(
        request.carrier_code, request.carrier_title, request.tracking_number
    )
    await tracking.correct(desk, order_id, view.id, correction, actor=ACTOR)
    return Done("corrected")


async def _order(desk: Desk, store_id: int, commerce_order_id: int) -> UUID | None:
    """The Walmart order that Commerce's order is; Commerce itself is asked where nobody knows."""
    async with desk.transaction() as connection:
        found = await overview.by_commerce_id(connection, store_id, commerce_order_id)
        if found is not None or not await stores.pushes_orders(connection, store_id):
            return found
    return await _recognised(desk, store_id, commerce_order_id)


async def _recognised(desk: Desk, store_id: int, commerce_order_id: int) -> UUID | None:
    """An order that Waybill made there and has not yet seen made. Raises NotAvailable."""
    try:
        shop = await desk.shop(store_id)
        if shop is None:
            return None
        async with asyncio.timeout(_LONGEST_LOOK):
            shown = await desk.commerce.read_order(shop, commerce_order_id, _forgotten)
    except (NotFound, Refused):
        return None
    except (CallError, TimeoutError) as error:
        message = f"Commerce does not say which order {commerce_order_id} is: {error}"
        raise NotAvailable("commerce_unavailable", message) from error
    if shown.ext_order_id is None:
        return None
    async with desk.transaction() as connection:
        order_id = await orders.find(connection, store_id, shown.ext_order_id)
        if order_id is not None:
            await orders.lock(connection, order_id)
            link = Link(shown.number, shown.entity_id, shown.items)
            await links.keep(connection, store_id, order_id, link, desk.new_id)
    return order_id


def _forgotten(_: Call) -> None:
    """The evidence of a look that belongs to no update."""


def _not_ours(commerce_order_id: int) -> Done:
    return Done("ignored", f"no Walmart order is linked to Commerce's order {commerce_order_id}")
