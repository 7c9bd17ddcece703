"""A refund on its way to Walmart: read before every send, and only what is missing is sent."""

from dataclasses import replace
from datetime import timedelta

from app.domain.orders import refunds
from app.domain.orders.returns import Return
from app.domain.orders.snapshot import OrderSnapshot
from app.domain.outbox.outcome import (
    AlreadyThere,
    Confirmed,
    Failure,
    HandedBack,
    Outcome,
    Refused,
    TryLater,
    Unclear,
)
from app.walmart import errors
from app.worker.delivery import error_messages, failures, order_reader, outcomes
from app.worker.delivery.context import DeliveryContext

_NO_RETURN = Failure(
    code="return_not_at_walmart",
    message="Walmart shows no such return for this seller account.",
    suggestion="Compare it in Seller Center; dismiss the refund if the return was canceled.",
)

_OTHER_IN_DOUBT = Failure(
    code=refunds.IN_DOUBT,
    message="Another refund of the same units may still take effect; this one is sent after it.",
    retryable=True,
)


async def deliver(context: DeliveryContext) -> Outcome:
    """Refund what Walmart has not refunded yet.

    While another refund of the same lines is in doubt, a read could not say which of them it shows.
    """
    if context.others_until is not None:
        wait = max(context.others_until - context.now(), timedelta())
        return TryLater(_OTHER_IN_DOUBT, reached=False, wait=wait)
    return await _refund(context)


async def _refund(context: DeliveryContext) -> Outcome:
    at = context.now()
    read = await _read(context)
    if not isinstance(read, Return):
        return read
    wanted = refunds.missing(context.refund_items, read)
    never = refunds.impossible(context.refund_items, read)
    if not wanted and never is None:
        return AlreadyThere(None)
    if not context.ends_doubt(at):
        return Unclear(failures.STILL_UNCLEAR, sent=False, read=True)
    if never is not None:
        return Refused(never)
    if not context.update.may_write:
        return TryLater(failures.LANE_PAUSED, reached=False)
    return await _send(context, read, wanted)


async def _send(context: DeliveryContext, read: Return, wanted: dict[int, int]) -> Outcome:
    if not await context.may_write():
        return HandedBack("too little of the lease was left")
    context.wrote = True
    try:
        context.calls.append(await context.client.returns.refund(context.account, read, wanted))
    except errors.WalmartError as error:
        context.keep_of(error)
        context.wrote = isinstance(error, errors.CallUnclear)
        if isinstance(error, errors.CallRefused | errors.NotFound):
            return await _judge_refusal(context, error)
        return outcomes.of_write(context.update.kind, error)
    context.seen_return = _with(read, wanted)
    return Confirmed(await _order(context))


async def _order(context: DeliveryContext) -> OrderSnapshot | None:
    """The order as it is now: after its refund, so that it is not taken for another's doing."""
    number = context.order.purchase_order_id
    try:
        return (
            await order_reader.made(context, context.client.read_order(context.account, number))
        ).order
    except errors.WalmartError:
        # What became of the refund stands all the same; the importer reads the order later.
        return None


async def _judge_refusal(context: DeliveryContext, error: errors.WalmartError) -> Outcome:
    """Walmart said no: one read tells whether it is so because it has refunded it already."""
    read = await _read(context, after=error)
    if not isinstance(read, Return):
        return read
    never = refunds.impossible(context.refund_items, read)
    if never is not None:
        return Refused(never)
    if not refunds.missing(context.refund_items, read):
        return AlreadyThere(None)
    # A return does not show where the buyer lives, which a refusal may repeat.
    return Refused(error_messages.of(error), await _order(context))


async def _read(
    context: DeliveryContext, after: errors.WalmartError | None = None
) -> Return | TryLater | Unclear | Refused:
    known = context.returned
    try:
        page = await context.client.returns.read(context.account, known.return_order_id)
        if page.unreadable:
            raise errors.CallUnclear("Walmart's return cannot be read.", call=page.call)
    except errors.WalmartError as error:
        context.keep_of(error)
        doubtful = context.in_doubt or after is not None
        return outcomes.of_read(context.update.kind, error, doubtful=doubtful, wrote=after)
    context.calls.append(page.call)
    context.readings.append(page)
    if not page.returns:
        return Refused(_NO_RETURN)
    (context.seen_return,) = page.returns
    return context.seen_return


def _with(read: Return, units: dict[int, int]) -> Return:
    """The return after Walmart took a refund."""
    lines = tuple(
        replace(line, refunded=line.refunded + units.get(line.number, 0)) for line in read.lines
    )
    return replace(read, lines=lines)
