"""Flow of an order into Commerce: searched by Walmart's number, and created if it is not there.

Commerce accepts two orders with one number, so each try searches first. After an unclear try, a
missing order counts as missing only after the quiet period. The buyer is read from Walmart for it
and stored nowhere.
"""

from app.commerce import order_payload
from app.commerce.client import CommerceOrder
from app.commerce.errors import CommerceError
from app.domain.commerce_connection import CommerceConnection
from app.domain.orders.order import Link
from app.domain.outbox.outcome import (
    AlreadyThere,
    Confirmed,
    Failure,
    Outcome,
    Refused,
    Unclear,
)
from app.walmart.errors import WalmartError
from app.worker.delivery import error_messages, failures, flow, outcomes
from app.worker.delivery.context import DeliveryContext
from app.worker.delivery.flow import Ended, Flow, Steps

_DIFFERS = Failure(
    code="commerce_order_differs",
    message="The order was linked meanwhile to another order of Commerce's than the one that "
    "has Walmart's number.",
    origin="commerce",
    suggestion="Compare both in Commerce, cancel the one too many there, then dismiss this.",
)


def deliver(context: DeliveryContext) -> Flow:
    """Create the order in Commerce, unless it is there."""
    connection = context.claim.commerce_connection
    if connection is None:
        return Refused(failures.NOT_CONNECTED)
    read_at = context.now()
    try:
        found = yield from _find(context, connection)
    except CommerceError as error:
        return outcomes.of_read(context.update.kind, error, doubtful=context.in_doubt)
    # mutation: search-before-order-creation
    if found is not None:
        return _linked(context, found)
    # mutation: creation-after-quiet-period
    if not context.ends_doubt(read_at):
        return Unclear(failures.COMMERCE_STILL_UNCLEAR, sent=False, read=True)
    # mutation: creation-of-linked-order
    if context.order.commerce_order_number or context.order.commerce_order_id is not None:
        # It was created there by another way, and linked.
        return AlreadyThere(None)
    return (yield from _create(context, connection))


def _create(context: DeliveryContext, connection: CommerceConnection) -> Flow:
    entity = yield from _prepared(context, connection)
    if entity is None:
        # All of it was canceled before it was created in Commerce.
        return AlreadyThere(None)
    save, keep = context.commerce.save_order, context.evidence.calls.append
    try:
        created = yield from flow.write(save, connection, entity, keep)
    except CommerceError as error:
        if error.refused:
            return (yield from _judge_refusal(context, connection, error))
        return outcomes.of_write(context.update.kind, error)
    context.evidence.link = _link(created)
    return Confirmed(None)


def _prepared(
    context: DeliveryContext, connection: CommerceConnection
) -> Steps[dict[str, object] | None]:
    """Return the order as Commerce accepts it. None means that it has no open units.

    Raises Ended where Walmart or Commerce does not show what it is made of.
    """
    number, kind = context.order.purchase_order_id, context.update.kind
    keep = context.evidence.calls.append
    try:
        reply = yield from flow.read(context.walmart.read_buyer, context.account, number)
        if not order_payload.units_wanted(reply.order):
            return None
        view = yield from flow.read(context.commerce.store_view_id, connection, keep)
    except WalmartError as error:
        raise Ended(outcomes.without_effect(kind, error)) from error
    except CommerceError as error:
        raise Ended(outcomes.of_read(kind, error, doubtful=context.in_doubt)) from error
    return order_payload.entity(reply.order, reply.buyer, connection, view)


def _judge_refusal(
    context: DeliveryContext, connection: CommerceConnection, refusal: CommerceError
) -> Flow:
    """Search why it was refused: Commerce may have the order already."""
    try:
        found = yield from _find(context, connection)
    except CommerceError:
        return Unclear(error_messages.of(refusal), sent=True)
    if found is not None:
        return _linked(context, found)
    return Refused(error_messages.of(refusal))


def _find(context: DeliveryContext, connection: CommerceConnection) -> Steps[CommerceOrder | None]:
    number, keep = context.order.purchase_order_id, context.evidence.calls.append
    return (yield from flow.read(context.commerce.find_order, connection, number, keep))


def _linked(context: DeliveryContext, found: CommerceOrder) -> Outcome:
    known, number = context.order.commerce_order_id, context.order.commerce_order_number
    if known not in {None, found.entity_id} or number not in {None, found.number}:
        return Refused(_DIFFERS)
    context.evidence.link = _link(found)
    return AlreadyThere(None)


def _link(order: CommerceOrder) -> Link:
    return Link(order.number, order.entity_id, order.items)
