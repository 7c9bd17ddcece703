"""Flow of an acknowledgement. Sent twice, it does no more than sent once."""

from app.domain.outbox.outcome import AlreadyThere, Confirmed, Outcome, Refused
from app.walmart.errors import WalmartError
from app.worker.delivery import error_messages, flow, outcomes, steps
from app.worker.delivery.context import DeliveryContext
from app.worker.delivery.flow import Flow, Steps


def deliver(context: DeliveryContext) -> Flow:
    """Acknowledge the order, unless Walmart shows that it is acknowledged."""
    settled = (yield from _read_first(context)) if context.update.ambiguous else None
    if settled is not None:
        return settled
    number = context.order.purchase_order_id
    try:
        reply = yield from flow.write(context.walmart.acknowledge, context.account, number)
    except WalmartError as error:
        if error.refused:
            return (yield from _judge_refusal(context, error))
        return outcomes.of_write(context.update.kind, error)
    return Confirmed(reply.order)


def _read_first(context: DeliveryContext) -> Steps[Outcome | None]:
    """Read the order after an unclear try. None means that it is still to be acknowledged."""
    read = yield from steps.read_order(context)
    if not read.snapshot.created:
        return AlreadyThere(read.snapshot)
    if not context.ends_doubt(read.at):
        return steps.still_unclear(read)
    return None if context.update.may_write else steps.lane_paused(read)


def _judge_refusal(context: DeliveryContext, error: WalmartError) -> Flow:
    """Read why it was refused: an order of a later status needs no acknowledgement."""
    read = yield from steps.read_order(context, after=error)
    if not read.snapshot.created:
        return AlreadyThere(read.snapshot)
    return Refused(error_messages.of(error), read.snapshot)
