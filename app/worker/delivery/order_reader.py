"""The calls of a delivery to Walmart's order API: a read, a write, and the evidence of both."""

from collections.abc import Awaitable
from dataclasses import dataclass
from datetime import datetime

from app.domain.orders.snapshot import OrderSnapshot
from app.domain.outbox.outcome import Failure, HandedBack, Outcome, Refused, TryLater, Unclear
from app.walmart import errors
from app.walmart.client import Answer
from app.worker.delivery import walmart_outcomes
from app.worker.delivery.context import Errand

NO_LEASE = HandedBack("too little of the lease was left")
_NO_ORDER = Failure("walmart_unclear", "Walmart's answer shows no order.", retryable=True)


@dataclass(frozen=True, slots=True)
class Picture:
    """The order as Walmart showed it, and when the read began (the database's time)."""

    snapshot: OrderSnapshot
    at: datetime


async def read_order(
    errand: Errand, after: errors.WalmartError | None = None
) -> Picture | TryLater | Unclear | Refused:
    """Read the order. after: the refusal of a write that this read is to explain."""
    at = errand.now()
    try:
        number = errand.order.purchase_order_id
        answer = await made(errand, errand.client.read_order(errand.account, number))
    except errors.NotFound as error:
        return Refused(walmart_outcomes.failure(error))
    except errors.WalmartError as error:
        doubtful = errand.in_doubt or after is not None
        return walmart_outcomes.of_read(errand.update.kind, error, doubtful=doubtful, wrote=after)
    if answer.order is None:
        return Unclear(_NO_ORDER, sent=False)
    return Picture(answer.order, at)


async def write(errand: Errand, call: Awaitable[Answer]) -> Answer:
    """Send what an update is about. Raises WalmartError.

    From here on bytes may have left, unless the error says that they did not take effect.
    """
    errand.wrote = True
    try:
        return await made(errand, call)
    except errors.WalmartError as error:
        errand.wrote = isinstance(error, errors.Unclear)
        raise


async def made(errand: Errand, call: Awaitable[Answer]) -> Answer:
    """Make a call and keep its evidence, however it ends. Raises WalmartError."""
    at = errand.now()
    try:
        answer = await call
    except errors.WalmartError as error:
        errand.keep_of(error)
        raise
    errand.calls.append(answer.call)
    errand.readings.append(answer)
    if answer.order is not None:
        errand.seen, errand.read_at = answer.order, at
    return answer


async def acknowledge(errand: Errand) -> HandedBack | TryLater | Refused | None:
    """Walmart ships and cancels only what is acknowledged; None when it is now."""
    if not await errand.may_write():
        return NO_LEASE
    number = errand.order.purchase_order_id
    try:
        await made(errand, errand.client.acknowledge(errand.account, number))
    except errors.WalmartError as error:
        # Nothing of the update itself was sent, so it simply comes again.
        return walmart_outcomes.of_preparation(errand.update.kind, error)
    return None


async def clear_to_write(errand: Errand, read: Picture) -> Outcome | None:
    """Why what a read showed to be missing cannot be sent now; None where it can."""
    if not errand.update.may_write:
        return waiting(read)
    return await acknowledge(errand) if read.snapshot.created else None


def still_unclear(read: Picture) -> Unclear:
    """A read that came too early to end a doubt."""
    return Unclear(walmart_outcomes.STILL_UNCLEAR, sent=False, read=True, snapshot=read.snapshot)


def waiting(read: Picture) -> TryLater:
    """It is not there and may be sent, but Walmart takes no such call now."""
    return TryLater(walmart_outcomes.LANE_STOPPED, reached=False, snapshot=read.snapshot)
