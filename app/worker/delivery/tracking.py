"""A tracking correction on its way to Walmart: the newest number stands in the end."""

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
from app.walmart import errors
from app.walmart.markets import shipping
from app.walmart.request_bodies import ShipLine
from app.walmart.shipment_payload import Package
from app.worker.delivery import error_messages, failures, order_reader, outcomes
from app.worker.delivery.context import DeliveryContext
from app.worker.delivery.order_reader import OrderRead


async def deliver(context: DeliveryContext) -> Outcome:
    """Give a shipped package its new number, unless Walmart shows it already.

    Each try reads first, since Walmart wants to be told which number the units are under. While an
    older correction may still arrive, this one is not confirmed.
    """
    if tracking_correction.has_later_correction(context.order, context.task):
        # It is dismissed when this is recorded.
        return HandedBack("a later correction of the shipment took its place")
    task = context.task
    shipment = context.order.task(task.corrects) if task.corrects else None
    if shipment is not None and shipment.in_doubt_until is not None:
        # What of it still arrives comes under its old number. A read of its own ends its doubt.
        left = max(shipment.in_doubt_until - context.now(), timedelta())
        return TryLater(failures.STILL_UNCLEAR, reached=False, wait=left)
    read = await order_reader.read_order(context)
    if not isinstance(read, OrderRead):
        return read
    now = tracking_correction.correction_state(context.order, context.task, read.snapshot)
    settled = _judged(context, read, now)
    if settled is not None:
        return settled
    return await _send(context, now) if context.update.may_write else order_reader.waiting(read)


def _judged(context: DeliveryContext, read: OrderRead, now: CorrectionState) -> Outcome | None:
    """What a read settles by itself; None where the number is still to be sent."""
    order, task, snapshot = context.order, context.task, read.snapshot
    quiet = timedelta(seconds=context.policy.quiet_period)
    if tracking_correction.read_lags(order, task, snapshot, read.at - quiet):
        return TryLater(failures.READ_LAGS, reached=True, snapshot=snapshot)
    if not now.there:
        return Refused(failures.NOTHING_TO_CORRECT, snapshot)
    if now.done and task.recognisable:
        until = tracking_correction.overwritable_until(order, task)
        early = until is not None and read.at < until
        return SendAgain(until, snapshot) if until and early else AlreadyThere(snapshot)
    return None if context.ends_doubt(read.at) else order_reader.still_unclear(read)


async def _send(context: DeliveryContext, now: CorrectionState) -> Outcome:
    if not await context.may_write():
        return order_reader.NO_LEASE
    number, package = context.order.purchase_order_id, Package.from_json(context.update.payload)
    lines = [ShipLine(line, units) for line, units in (now.waiting or now.there).items()]
    body = shipping(
        package.correction(
            lines, context.order.seller_order_id, now.current or package.tracking_number
        ),
        context.account.market,
    )
    at = context.now()
    try:
        answer = await order_reader.write(
            context, context.client.ship(context.account, number, body)
        )
    except (errors.CallRefused, errors.NotFound) as error:
        return await _judge_refusal(context, error)
    except errors.WalmartError as error:
        return outcomes.of_write(context.update.kind, error)
    if answer.order is None or not _corrected(context, answer.order):
        return Unclear(failures.NOT_SHOWN, sent=True)
    until = tracking_correction.overwritable_until(context.order, context.task)
    if until is not None and at < until:
        return SendAgain(until, answer.order)
    return Confirmed(answer.order)


async def _judge_refusal(context: DeliveryContext, error: errors.WalmartError) -> Outcome:
    read = await order_reader.read_order(context, after=error)
    if not isinstance(read, OrderRead):
        return read
    if context.task.recognisable and _corrected(context, read.snapshot):
        return AlreadyThere(read.snapshot)
    return Refused(error_messages.of(error), read.snapshot)


def _corrected(context: DeliveryContext, snapshot: OrderSnapshot) -> bool:
    return tracking_correction.correction_state(context.order, context.task, snapshot).done
