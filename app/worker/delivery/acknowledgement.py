"""An acknowledgement on its way to Walmart: sent twice it does no more than sent once."""

from app.domain.outbox.outcome import AlreadyThere, Confirmed, Outcome, Refused
from app.walmart import errors
from app.worker.delivery import order_reader, walmart_outcomes
from app.worker.delivery.context import Errand
from app.worker.delivery.order_reader import Picture


async def deliver(errand: Errand) -> Outcome:
    """Say that the order was received, unless Walmart shows that it knows."""
    settled = await _read_first(errand) if errand.update.ambiguous else None
    if settled is not None:
        return settled
    if not await errand.may_write():
        return order_reader.NO_LEASE
    number = errand.order.purchase_order_id
    try:
        answer = await order_reader.write(errand, errand.client.acknowledge(errand.account, number))
    except (errors.Refused, errors.NotFound) as error:
        return await _judge_refusal(errand, error)
    except errors.WalmartError as error:
        return walmart_outcomes.of_write(errand.update.kind, error)
    return Confirmed(answer.order)


async def _read_first(errand: Errand) -> Outcome | None:
    """What a read settles by itself; None where the order is still to be acknowledged."""
    read = await order_reader.read_order(errand)
    if not isinstance(read, Picture):
        return read
    if not read.snapshot.created:
        return AlreadyThere(read.snapshot)
    if not errand.ends_doubt(read.at):
        return order_reader.still_unclear(read)
    return None if errand.update.may_write else order_reader.waiting(read)


async def _judge_refusal(errand: Errand, error: errors.WalmartError) -> Outcome:
    """Walmart refuses to acknowledge what is past it already; that is what was wanted."""
    read = await order_reader.read_order(errand, after=error)
    if not isinstance(read, Picture):
        return read
    if not read.snapshot.created:
        return AlreadyThere(read.snapshot)
    return Refused(walmart_outcomes.failure(error), read.snapshot)
