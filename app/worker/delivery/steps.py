"""Steps that several flows share: reading the order, acknowledging it, and why a flow ends."""

from dataclasses import dataclass
from datetime import datetime

from app.domain.orders.snapshot import OrderSnapshot
from app.domain.outbox.outcome import Failure, Refused, TryLater, Unclear
from app.walmart.errors import NotFound, WalmartError
from app.worker.delivery import error_messages, failures, flow, outcomes
from app.worker.delivery.context import DeliveryContext
from app.worker.delivery.flow import Ended, Steps

_NO_ORDER = Failure("walmart_unclear", "Walmart's answer shows no order.", retryable=True)


@dataclass(frozen=True, slots=True)
class OrderRead:
    """The order as Walmart showed it."""

    snapshot: OrderSnapshot
    at: datetime
    """When the read began (the database's time)."""


def read_order(context: DeliveryContext, after: WalmartError | None = None) -> Steps[OrderRead]:
    """Read the order. after: the refusal of a write, which the read is to explain.

    Raises Ended where the order cannot be read.
    """
    at, kind = context.now(), context.update.kind
    try:
        reply = yield from flow.read(
            context.walmart.read_order, context.account, context.order.purchase_order_id
        )
    except NotFound as error:
        raise Ended(Refused(error_messages.of(error))) from error
    except WalmartError as error:
        doubtful = context.in_doubt or after is not None
        raise Ended(outcomes.of_read(kind, error, doubtful=doubtful, wrote=after)) from error
    if reply.order is None:
        raise Ended(Unclear(_NO_ORDER, sent=False))
    # mutation: delivery-read-start
    return OrderRead(reply.order, at)


def acknowledge(context: DeliveryContext) -> Steps[None]:
    """Acknowledge the order, without which Walmart accepts neither shipment nor cancellation.

    Raises Ended where that fails. Nothing of the update itself was sent then.
    """
    number = context.order.purchase_order_id
    try:
        yield from flow.prepare(context.walmart.acknowledge, context.account, number)
    except WalmartError as error:
        raise Ended(outcomes.without_effect(context.update.kind, error)) from error


def clear_to_write(context: DeliveryContext, read: OrderRead) -> Steps[None]:
    """Prepare the write of what a read showed to be missing.

    Raises Ended where the rate limits allow no write, or the order cannot be acknowledged.
    """
    if not context.update.may_write:
        raise Ended(lane_paused(read))
    if read.snapshot.created:
        yield from acknowledge(context)


def still_unclear(read: OrderRead) -> Unclear:
    """Return the outcome of a read that came too early to end a doubt."""
    return Unclear(failures.STILL_UNCLEAR, sent=False, read=True, snapshot=read.snapshot)


def lane_paused(read: OrderRead) -> TryLater:
    """Return the outcome where something is missing, and the rate limits allow no write now."""
    return TryLater(failures.LANE_PAUSED, reached=False, snapshot=read.snapshot)
