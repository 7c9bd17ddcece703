"""An order on its way into Commerce: looked for by Walmart's number, and made where it is not.

Commerce keeps no two orders apart that are sent twice, so each try looks first, and after an
unclear one an order that is not there is believed missing only when the quiet period is over.
The buyer is read from Walmart for it and kept nowhere.
"""

from app.commerce import order_payload as bodies
from app.commerce.client import CommerceOrder
from app.commerce.connection import CommerceConnection
from app.commerce.errors import CommerceError
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
from app.http_client.call import ErrorClass
from app.walmart.errors import WalmartError
from app.worker.delivery import error_messages, failures, outcomes
from app.worker.delivery.context import DeliveryContext

_TAKEN = Failure(
    code="commerce_order_differs",
    message="The order was linked meanwhile to another order of Commerce's than the one that "
    "bears Walmart's number.",
    origin="commerce",
    suggestion="Compare both in Commerce, cancel the one too many there, then dismiss this.",
)


async def deliver(context: DeliveryContext) -> Outcome:
    """Create the order in Commerce, unless it is there."""
    commerce_connection = context.commerce_connection
    if commerce_connection is None:
        return Refused(failures.NOT_CONNECTED)
    looked_at = context.now()
    try:
        found = await _find(context, commerce_connection)
    except CommerceError as error:
        return outcomes.of_read(context.update.kind, error, doubtful=context.in_doubt)
    if found is not None:
        return _linked(context, found)
    if not context.ends_doubt(looked_at):
        return Unclear(failures.COMMERCE_STILL_UNCLEAR, sent=False, read=True)
    if context.order.commerce_order_number or context.order.commerce_order_id is not None:
        # Somebody made it there, and said so.
        return AlreadyThere(None)
    return await _create(context, commerce_connection)


async def _create(context: DeliveryContext, commerce_connection: CommerceConnection) -> Outcome:
    entity = await _prepared(context, commerce_connection)
    if not isinstance(entity, dict):
        return entity
    if not await context.may_write():
        return HandedBack("too little of the lease was left")
    context.wrote = True
    try:
        made = await context.commerce.save_order(commerce_connection, entity, context.calls.append)
    except CommerceError as error:
        context.wrote = error.error_class is ErrorClass.UNCLEAR
        if error.refused:
            return await _judge(context, commerce_connection, error)
        return outcomes.of_write(context.update.kind, error)
    context.link = _link(made)
    return Confirmed(None)


async def _prepared(
    context: DeliveryContext, commerce_connection: CommerceConnection
) -> dict[str, object] | Outcome:
    """The order as Commerce takes it, or why it cannot be made now."""
    number = context.order.purchase_order_id
    try:
        snapshot, buyer, call = await context.client.read_buyer(context.account, number)
    except WalmartError as error:
        context.keep_of(error)
        return outcomes.without_effect(context.update.kind, error)
    context.calls.append(call)
    context.readings.append(buyer)
    if not bodies.units_wanted(snapshot):
        # All of it was canceled before Commerce heard of it.
        return AlreadyThere(None)
    try:
        view = await context.commerce.store_view_id(commerce_connection, context.calls.append)
    except CommerceError as error:
        return outcomes.of_read(context.update.kind, error, doubtful=context.in_doubt)
    return bodies.entity(snapshot, buyer, commerce_connection, view)


async def _judge(
    context: DeliveryContext, commerce_connection: CommerceConnection, refusal: CommerceError
) -> Outcome:
    """Commerce said no: one look tells whether it is so because it has the order."""
    try:
        found = await _find(context, commerce_connection)
    except CommerceError:
        return Unclear(error_messages.of(refusal), sent=True)
    if found is not None:
        return _linked(context, found)
    return Refused(error_messages.of(refusal))


async def _find(
    context: DeliveryContext, commerce_connection: CommerceConnection
) -> CommerceOrder | None:
    number = context.order.purchase_order_id
    return await context.commerce.find_order(commerce_connection, number, context.calls.append)


def _linked(context: DeliveryContext, found: CommerceOrder) -> Outcome:
    known, number = context.order.commerce_order_id, context.order.commerce_order_number
    if known not in {None, found.entity_id} or number not in {None, found.number}:
        return Refused(_TAKEN)
    context.link = _link(found)
    return AlreadyThere(None)


def _link(order: CommerceOrder) -> Link:
    return Link(order.number, order.entity_id, order.items)
