"""The calls of a delivery to Walmart's order API: a read, a write, and the evidence of both."""

from collections.abc import Awaitable
from dataclasses import dataclass
from datetime import datetime

from app.domain.orders.snapshot import OrderSnapshot
from app.domain.outbox.outcome import Failure, HandedBack, Outcome, Refused, TryLater, Unclear
from app.walmart import errors
from app.walmart.client import WalmartReply
from app.worker.delivery import error_messages, failures, outcomes
from app.worker.delivery.context import DeliveryContext

NO_LEASE = HandedBack("too little of the lease was left")
_NO_ORDER = Failure("walmart_unclear", "Walmart's answer shows no order.", retryable=True)


@dataclass(frozen=True, slots=True)
class OrderRead:
    """The order as Walmart showed it, and when the read began (the database's time)."""

    snapshot: OrderSnapshot
    at: datetime


async def read_order(
    context: DeliveryContext, after: errors.WalmartError | None = None
) -> OrderRead | TryLater | Unclear | Refused:
    """Read the order. after: the refusal of a write that this read is to explain."""
    at = context.now()
    try:
        number = context.order.purchase_order_id
        answer = await made(context, context.client.read_order(context.account, number))
    except errors.NotFound as error:
        return Refused(error_messages.of(error))
    except errors.WalmartError as error:
        doubtful = context.in_doubt or after is not None
        return outcomes.of_read(context.update.kind, error, doubtful=doubtful, wrote=after)
    if answer.order is None:
        return Unclear(_NO_ORDER, sent=False)
    return OrderRead(answer.order, at)


async def write(context: DeliveryContext, call: Awaitable[WalmartReply]) -> WalmartReply:
    """Send what an update is about. Raises WalmartError.

    From here on bytes may have left, unless the error says that they did not take effect.
    """
    context.wrote = True
    try:
        return await made(context, call)
    except errors.WalmartError as error:
        context.wrote = isinstance(error, errors.CallUnclear)
        raise


async def made(context: DeliveryContext, call: Awaitable[WalmartReply]) -> WalmartReply:
    """Make a call and keep its evidence, however it ends. Raises WalmartError."""
    at = context.now()
    try:
        answer = await call
    except errors.WalmartError as error:
        context.keep_of(error)
        raise
    context.calls.append(answer.call)
    context.readings.append(answer)
    if answer.order is not None:
        context.seen, context.read_at = answer.order, at
    return answer


async def acknowledge(context: DeliveryContext) -> HandedBack | TryLater | Refused | None:
    """Walmart ships and cancels only what is acknowledged; None when it is now."""
    if not await context.may_write():
        return NO_LEASE
    number = context.order.purchase_order_id
    try:
        await made(context, context.client.acknowledge(context.account, number))
    except errors.WalmartError as error:
        # Nothing of the update itself was sent, so it simply comes again.
        return outcomes.without_effect(context.update.kind, error)
    return None


async def clear_to_write(context: DeliveryContext, read: OrderRead) -> Outcome | None:
    """Why what a read showed to be missing cannot be sent now; None where it can."""
    if not context.update.may_write:
        return waiting(read)
    return await acknowledge(context) if read.snapshot.created else None


def still_unclear(read: OrderRead) -> Unclear:
    """A read that came too early to end a doubt."""
    return Unclear(failures.STILL_UNCLEAR, sent=False, read=True, snapshot=read.snapshot)


def waiting(read: OrderRead) -> TryLater:
    """It is not there and may be sent, but Walmart takes no such call now."""
    return TryLater(failures.LANE_PAUSED, reached=False, snapshot=read.snapshot)
