"""An acknowledgement on its way to Walmart: sent twice it does no more than sent once."""

from app.domain.outbox.outcome import AlreadyThere, Confirmed, Outcome, Refused
from app.walmart import errors
from app.worker.delivery import error_messages, order_reader, outcomes
from app.worker.delivery.context import DeliveryContext
from app.worker.delivery.order_reader import OrderRead


async def deliver(context: DeliveryContext) -> Outcome:
    """Say that the order was received, unless Walmart shows that it knows."""
    settled = await _read_first(context) if context.update.ambiguous else None
    if settled is not None:
        return settled
    if not await context.may_write():
        return order_reader.NO_LEASE
    number = context.order.purchase_order_id
    try:
        answer = await order_reader.write(
            context, context.client.acknowledge(context.account, number)
        )
    except (errors.CallRefused, errors.NotFound) as error:
        return await _judge_refusal(context, error)
    except errors.WalmartError as error:
        return outcomes.of_write(context.update.kind, error)
    return Confirmed(answer.order)


async def _read_first(context: DeliveryContext) -> Outcome | None:
    """What a read settles by itself; None where the order is still to be acknowledged."""
    read = await order_reader.read_order(context)
    if not isinstance(read, OrderRead):
        return read
    if not read.snapshot.created:
        return AlreadyThere(read.snapshot)
    if not context.ends_doubt(read.at):
        return order_reader.still_unclear(read)
    return None if context.update.may_write else order_reader.waiting(read)


async def _judge_refusal(context: DeliveryContext, error: errors.WalmartError) -> Outcome:
    """Walmart refuses to acknowledge what is past it already; that is what was wanted."""
    read = await order_reader.read_order(context, after=error)
    if not isinstance(read, OrderRead):
        return read
    if not read.snapshot.created:
        return AlreadyThere(read.snapshot)
    return Refused(error_messages.of(error), read.snapshot)
