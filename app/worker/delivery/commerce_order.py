"""An order on its way into Commerce: looked for by Walmart's number, and made where it is not.

Commerce keeps no two orders apart that are sent twice, so each try looks first, and after an
unclear one an order that is not there is believed missing only when the quiet period is over.
The buyer is read from Walmart for it and kept nowhere.
"""

from app.commerce import order_payload as bodies
from app.commerce.client import CommerceOrder
from app.commerce.connection import Shop
from app.domain.orders.order import Link
from app.domain.outbox.outcome import (
    AlreadyThere,
    Confirmed,
    Failure,
    HandedBack,
    Outcome,
    Refused,
    Unclear,
)
from app.http_client.errors import CallError, NotFound
from app.http_client.errors import Refused as Refusal
from app.http_client.errors import Unclear as Lost
from app.worker.delivery import commerce_outcomes, walmart_outcomes
from app.worker.delivery.context import Errand

_TAKEN = Failure(
    code="commerce_order_differs",
    message="The order was linked meanwhile to another order of Commerce's than the one that "
    "bears Walmart's number.",
    origin="commerce",
    suggestion="Compare both in Commerce, cancel the one too many there, then dismiss this.",
)


async def deliver(errand: Errand) -> Outcome:
    """Create the order in Commerce, unless it is there."""
    shop = errand.shop
    if shop is None:
        return Refused(commerce_outcomes.NOT_CONNECTED)
    looked_at = errand.now()
    try:
        found = await _find(errand, shop)
    except CallError as error:
        return commerce_outcomes.of_read(error, doubtful=errand.in_doubt)
    if found is not None:
        return _linked(errand, found)
    if not errand.ends_doubt(looked_at):
        return Unclear(commerce_outcomes.STILL_UNCLEAR, sent=False, read=True)
    if errand.order.commerce_order_number or errand.order.commerce_order_id is not None:
        # Somebody made it there, and said so.
        return AlreadyThere(None)
    return await _create(errand, shop)


async def _create(errand: Errand, shop: Shop) -> Outcome:
    entity = await _prepared(errand, shop)
    if not isinstance(entity, dict):
        return entity
    if not await errand.may_write():
        return HandedBack("too little of the lease was left")
    errand.wrote = True
    try:
        made = await errand.commerce.save_order(shop, entity, errand.calls.append)
    except CallError as error:
        errand.wrote = isinstance(error, Lost)
        if isinstance(error, Refusal | NotFound):
            return await _judge(errand, shop, error)
        return commerce_outcomes.of_write(error)
    errand.link = _link(made)
    return Confirmed(None)


async def _prepared(errand: Errand, shop: Shop) -> dict[str, object] | Outcome:
    """The order as Commerce takes it, or why it cannot be made now."""
    number = errand.order.purchase_order_id
    try:
        snapshot, buyer, call = await errand.client.read_buyer(errand.account, number)
    except CallError as error:
        errand.keep_of(error)
        return walmart_outcomes.of_preparation(errand.update.kind, error)
    errand.calls.append(call)
    errand.readings.append(buyer)
    if not bodies.units_wanted(snapshot):
        # All of it was canceled before Commerce heard of it.
        return AlreadyThere(None)
    try:
        view = await errand.commerce.store_view_id(shop, errand.calls.append)
    except CallError as error:
        return commerce_outcomes.of_read(error, doubtful=errand.in_doubt)
    return bodies.entity(snapshot, buyer, shop, view)


async def _judge(errand: Errand, shop: Shop, refusal: CallError) -> Outcome:
    """Commerce said no: one look tells whether it is so because it has the order."""
    try:
        found = await _find(errand, shop)
    except CallError:
        return Unclear(commerce_outcomes.failure(refusal), sent=True)
    if found is not None:
        return _linked(errand, found)
    return Refused(commerce_outcomes.failure(refusal))


async def _find(errand: Errand, shop: Shop) -> CommerceOrder | None:
    number = errand.order.purchase_order_id
    return await errand.commerce.find_order(shop, number, errand.calls.append)


def _linked(errand: Errand, found: CommerceOrder) -> Outcome:
    known, number = errand.order.commerce_order_id, errand.order.commerce_order_number
    if known not in {None, found.entity_id} or number not in {None, found.number}:
        return Refused(_TAKEN)
    errand.link = _link(found)
    return AlreadyThere(None)


def _link(order: CommerceOrder) -> Link:
    return Link(order.number, order.entity_id, order.items)
