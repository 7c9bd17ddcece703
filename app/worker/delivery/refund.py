"""Flow of a refund: the return is read before every send, and only what is missing is sent."""

from dataclasses import replace
from datetime import timedelta

from app.domain.orders import refund_targets
from app.domain.orders.returns import Return
from app.domain.orders.snapshot import OrderSnapshot
from app.domain.outbox.outcome import (
    AlreadyThere,
    Confirmed,
    Failure,
    Refused,
    TryLater,
    Unclear,
)
from app.walmart.errors import CallUnclear, WalmartError
from app.worker.delivery import error_messages, failures, flow, outcomes
from app.worker.delivery.context import DeliveryContext
from app.worker.delivery.flow import Ended, Flow, Steps

_NO_RETURN = Failure(
    code="return_not_at_walmart",
    message="Walmart shows no such return for this seller account.",
    suggestion="Compare it in Seller Center; dismiss the refund if the return was canceled.",
)

_OTHER_IN_DOUBT = Failure(
    code=refund_targets.IN_DOUBT,
    message="Another refund of the same units may still take effect; this one is sent after it.",
    retryable=True,
)


def deliver(context: DeliveryContext) -> Flow:
    """Refund what Walmart has not refunded yet.

    While another refund of the same lines is in doubt, a read cannot show which of them it is of.
    """
    # mutation: refund-waits-for-doubt
    if context.others_until is not None:
        wait = max(context.others_until - context.now(), timedelta())
        return TryLater(_OTHER_IN_DOUBT, reached=False, wait=wait)
    at = context.now()
    read = yield from _read_return(context)
    # mutation: refund-read-back
    wanted = refund_targets.missing(context.refund_items, read)
    never = refund_targets.impossible(context.refund_items, read)
    # mutation: returned-units-taken-back
    if not wanted and never is None:
        return AlreadyThere(None)
    # mutation: refund-absence-after-quiet-period
    if not context.ends_doubt(at):
        return Unclear(failures.STILL_UNCLEAR, sent=False, read=True)
    if never is not None:
        return Refused(never)
    if not context.update.may_write:
        return TryLater(failures.LANE_PAUSED, reached=False)
    return (yield from _send(context, read, wanted))


def _send(context: DeliveryContext, read: Return, wanted: dict[int, int]) -> Flow:
    try:
        yield from flow.write(context.walmart.returns.refund, context.account, read, wanted)
    except WalmartError as error:
        if error.refused:
            return (yield from _judge_refusal(context, error))
        return outcomes.of_write(context.update.kind, error)
    context.evidence.seen_return = _with_refunded(read, wanted)
    return Confirmed((yield from _read_order(context)))


def _read_order(context: DeliveryContext) -> Steps[OrderSnapshot | None]:
    """Read the order after its refund, so that the change is not taken for another's.

    None means that the read failed. The refund is confirmed nevertheless; the importer reads the
    order later.
    """
    number = context.order.purchase_order_id
    try:
        return (yield from flow.read(context.walmart.read_order, context.account, number)).order
    except WalmartError:
        return None


def _judge_refusal(context: DeliveryContext, error: WalmartError) -> Flow:
    """Read why it was refused: Walmart may have refunded it already."""
    read = yield from _read_return(context, after=error)
    never = refund_targets.impossible(context.refund_items, read)
    if never is not None:
        return Refused(never)
    if not refund_targets.missing(context.refund_items, read):
        return AlreadyThere(None)
    # A refusal may repeat the buyer's address, which only the order shows.
    # mutation: address-in-refund-refusal
    return Refused(error_messages.of(error), (yield from _read_order(context)))


def _read_return(context: DeliveryContext, after: WalmartError | None = None) -> Steps[Return]:
    """Read the return. after: the refusal of a write, which the read is to explain.

    Raises Ended where Walmart does not show it.
    """
    number = context.returned.return_order_id
    try:
        page = yield from flow.read(context.walmart.returns.read, context.account, number)
        if page.unreadable:
            raise CallUnclear("Walmart's return cannot be read.", call=page.call)
    except WalmartError as error:
        doubtful = context.in_doubt or after is not None
        kind = context.update.kind
        raise Ended(outcomes.of_read(kind, error, doubtful=doubtful, wrote=after)) from error
    if not page.returns:
        raise Ended(Refused(_NO_RETURN))
    (shown,) = page.returns
    context.evidence.seen_return = shown
    return shown


def _with_refunded(read: Return, units: dict[int, int]) -> Return:
    """Return the return as it is after a refund."""
    lines = tuple(
        replace(line, refunded=line.refunded + units.get(line.number, 0)) for line in read.lines
    )
    return replace(read, lines=lines)
