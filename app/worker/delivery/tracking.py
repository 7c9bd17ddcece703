"""Flow of a tracking correction: the newest number is the one that stays."""

from datetime import timedelta

from app.domain.orders import tracking_correction
from app.domain.orders.snapshot import OrderSnapshot
from app.domain.orders.tracking_correction import CorrectionState
from app.domain.outbox.outcome import (
    AlreadyThere,
    Confirmed,
    HandedBack,
    Outcome,
    Refused,
    SendAgain,
    TryLater,
    Unclear,
)
from app.walmart.errors import WalmartError
from app.walmart.markets import shipping
from app.walmart.request_bodies import ShipLine
from app.walmart.shipment_payload import Package
from app.worker.delivery import error_messages, failures, flow, outcomes, steps
from app.worker.delivery.context import DeliveryContext
from app.worker.delivery.flow import Flow
from app.worker.delivery.steps import OrderRead


def deliver(context: DeliveryContext) -> Flow:
    """Give a shipped package its new number, unless Walmart shows it already.

    Each try reads first, because the request names the number that the units have now. While an
    older correction may still arrive, this one is not confirmed.
    """
    # mutation: older-correction-on-retry
    if tracking_correction.has_later_correction(context.order, context.task):
        # It is dismissed when this is recorded.
        return HandedBack("a later correction of the shipment took its place")
    task = context.task
    shipment = context.order.task(task.corrects) if task.corrects else None
    # mutation: correction-waits-for-doubt
    if shipment is not None and shipment.in_doubt_until is not None:
        # Units of it that still arrive have the old number. A read of its own ends its doubt.
        left = max(shipment.in_doubt_until - context.now(), timedelta())
        return TryLater(failures.STILL_UNCLEAR, reached=False, wait=left)
    read = yield from steps.read_order(context)
    now = tracking_correction.correction_state(context.order, context.task, read.snapshot)
    settled = _judged(context, read, now)
    if settled is not None:
        return settled
    if not context.update.may_write:
        return steps.lane_paused(read)
    return (yield from _send(context, now))


def _judged(context: DeliveryContext, read: OrderRead, now: CorrectionState) -> Outcome | None:
    """Return what a read settles. None means that the number is still to be sent."""
    order, task, snapshot = context.order, context.task, read.snapshot
    quiet = timedelta(seconds=context.quiet_period)
    if tracking_correction.read_lags(order, task, snapshot, read.at - quiet):
        return TryLater(failures.READ_LAGS, reached=True, snapshot=snapshot)
    if not now.there:
        return Refused(failures.NOTHING_TO_CORRECT, snapshot)
    if now.done and task.recognisable:
        until = tracking_correction.overwritable_until(order, task)
        early = until is not None and read.at < until
        return SendAgain(until, snapshot) if until and early else AlreadyThere(snapshot)
    return None if context.ends_doubt(read.at) else steps.still_unclear(read)


def _send(context: DeliveryContext, now: CorrectionState) -> Flow:
    order, package = context.order, Package.from_json(context.update.payload)
    lines = [ShipLine(line, units) for line, units in (now.waiting or now.there).items()]
    current = now.current or package.tracking_number
    body = shipping(
        package.correction(lines, order.seller_order_id, current), context.account.market
    )
    number, at = order.purchase_order_id, context.now()
    try:
        reply = yield from flow.write(context.walmart.ship, context.account, number, body)
    except WalmartError as error:
        if error.refused:
            return (yield from _judge_refusal(context, error))
        return outcomes.of_write(context.update.kind, error)
    if reply.order is None or not _corrected(context, reply.order):
        return Unclear(failures.NOT_SHOWN, sent=True)
    until = tracking_correction.overwritable_until(context.order, context.task)
    # mutation: correction-confirmed-last
    if until is not None and at < until:
        return SendAgain(until, reply.order)
    return Confirmed(reply.order)


def _judge_refusal(context: DeliveryContext, error: WalmartError) -> Flow:
    """Read why it was refused: Walmart may show the number already."""
    read = yield from steps.read_order(context, after=error)
    if context.task.recognisable and _corrected(context, read.snapshot):
        return AlreadyThere(read.snapshot)
    package = Package.from_json(context.update.payload)
    return Refused(error_messages.of(error, package), read.snapshot)


def _corrected(context: DeliveryContext, snapshot: OrderSnapshot) -> bool:
    return tracking_correction.correction_state(context.order, context.task, snapshot).done
