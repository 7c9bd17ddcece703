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
from app.worker.delivery import order_reader, walmart_outcomes
from app.worker.delivery.context import Errand

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


async def deliver(errand: Errand) -> Outcome:
    """Refund what Walmart has not refunded yet.

    While another refund of the same lines is in doubt, a read could not say which of them it shows.
    """
    if errand.others_until is not None:
        wait = max(errand.others_until - errand.now(), timedelta())
        return TryLater(_OTHER_IN_DOUBT, reached=False, wait=wait)
    return await _refund(errand)


async def _refund(errand: Errand) -> Outcome:
    at = errand.now()
    read = await _read(errand)
    if not isinstance(read, Return):
        return read
    wanted = refunds.missing(errand.refund_items, read)
    never = refunds.impossible(errand.refund_items, read)
    if not wanted and never is None:
        return AlreadyThere(None)
    if not errand.ends_doubt(at):
        return Unclear(walmart_outcomes.STILL_UNCLEAR, sent=False, read=True)
    if never is not None:
        return Refused(never)
    if not errand.update.may_write:
        return TryLater(walmart_outcomes.LANE_STOPPED, reached=False)
    return await _send(errand, read, wanted)


async def _send(errand: Errand, read: Return, wanted: dict[int, int]) -> Outcome:
    if not await errand.may_write():
        return HandedBack("too little of the lease was left")
    errand.wrote = True
    try:
        errand.calls.append(await errand.client.returns.refund(errand.account, read, wanted))
    except errors.WalmartError as error:
        errand.keep_of(error)
        errand.wrote = isinstance(error, errors.Unclear)
        if isinstance(error, errors.Refused | errors.NotFound):
            return await _judge_refusal(errand, error)
        return walmart_outcomes.of_write(errand.update.kind, error)
    errand.seen_return = _with(read, wanted)
    return Confirmed(await _order(errand))


async def _order(errand: Errand) -> OrderSnapshot | None:
    """The order as it is now: after its refund, so that it is not taken for another's doing."""
    number = errand.order.purchase_order_id
    try:
        return (
            await order_reader.made(errand, errand.client.read_order(errand.account, number))
        ).order
    except errors.WalmartError:
        # What became of the refund stands all the same; the importer reads the order later.
        return None


async def _judge_refusal(errand: Errand, error: errors.WalmartError) -> Outcome:
    """Walmart said no: one read tells whether it is so because it has refunded it already."""
    read = await _read(errand, after=error)
    if not isinstance(read, Return):
        return read
    never = refunds.impossible(errand.refund_items, read)
    if never is not None:
        return Refused(never)
    if not refunds.missing(errand.refund_items, read):
        return AlreadyThere(None)
    # A return does not show where the buyer lives, which a refusal may repeat.
    return Refused(walmart_outcomes.failure(error), await _order(errand))


async def _read(
    errand: Errand, after: errors.WalmartError | None = None
) -> Return | TryLater | Unclear | Refused:
    known = errand.returned
    try:
        page = await errand.client.returns.read(errand.account, known.return_order_id)
        if page.unreadable:
            raise errors.Unclear("Walmart's return cannot be read.", call=page.call)
    except errors.WalmartError as error:
        errand.keep_of(error)
        doubtful = errand.in_doubt or after is not None
        return walmart_outcomes.of_read(errand.update.kind, error, doubtful=doubtful, wrote=after)
    errand.calls.append(page.call)
    errand.readings.append(page)
    if not page.returns:
        return Refused(_NO_RETURN)
    (errand.seen_return,) = page.returns
    return errand.seen_return


def _with(read: Return, units: dict[int, int]) -> Return:
    """The return after Walmart took a refund."""
    lines = tuple(
        replace(line, refunded=line.refunded + units.get(line.number, 0)) for line in read.lines
    )
    return replace(read, lines=lines)
