"""A tracking correction on its way to Walmart: the newest number stands in the end."""

from datetime import timedelta

from app.orders import correction
from app.orders.correction import Standing
from app.orders.outcome import (
    AlreadyThere,
    Confirmed,
    HandedBack,
    Outcome,
    Refused,
    SendAgain,
    TryLater,
    Unclear,
)
from app.orders.snapshot import OrderSnapshot
from app.sync import calls, verdicts
from app.sync.calls import Picture
from app.sync.errand import Errand
from app.walmart import errors
from app.walmart.markets import shipping
from app.walmart.messages import ShipLine
from app.walmart.packages import Package


async def deliver(errand: Errand) -> Outcome:
    """Give a shipped package its new number, unless Walmart shows it already.

    Each try reads first, since Walmart wants to be told which number the units are under. While an
    older correction may still arrive, this one is not confirmed.
    """
    if correction.followed(errand.order, errand.task):
        # It is dismissed when this is recorded.
        return HandedBack("a later correction of the shipment took its place")
    task = errand.task
    shipment = errand.order.task(task.corrects) if task.corrects else None
    if shipment is not None and shipment.in_doubt_until is not None:
        # What of it still arrives comes under its old number. A read of its own ends its doubt.
        left = max(shipment.in_doubt_until - errand.now(), timedelta())
        return TryLater(verdicts.STILL_UNCLEAR, reached=False, wait=left)
    read = await calls.read_order(errand)
    if not isinstance(read, Picture):
        return read
    now = correction.standing(errand.order, errand.task, read.snapshot)
    settled = _judged(errand, read, now)
    if settled is not None:
        return settled
    return await _send(errand, now) if errand.update.may_write else calls.waiting(read)


def _judged(errand: Errand, read: Picture, now: Standing) -> Outcome | None:
    """What a read settles by itself; None where the number is still to be sent."""
    order, task, snapshot = errand.order, errand.task, read.snapshot
    quiet = timedelta(seconds=errand.policy.quiet_period)
    if correction.lags(order, task, snapshot, read.at - quiet):
        return TryLater(verdicts.LAGS, reached=True, snapshot=snapshot)
    if not now.there:
        return Refused(verdicts.NOTHING_TO_CORRECT, snapshot)
    if now.done and task.recognisable:
        until = correction.overwritten_until(order, task)
        early = until is not None and read.at < until
        return SendAgain(until, snapshot) if until and early else AlreadyThere(snapshot)
    return None if errand.ends_doubt(read.at) else calls.still_unclear(read)


async def _send(errand: Errand, now: Standing) -> Outcome:
    if not await errand.may_write():
        return calls.NO_LEASE
    number, package = errand.order.purchase_order_id, Package.from_json(errand.update.payload)
    lines = [ShipLine(line, units) for line, units in (now.waiting or now.there).items()]
    body = shipping(
        package.correction(
            lines, errand.order.seller_order_id, now.current or package.tracking_number
        ),
        errand.account.market,
    )
    at = errand.now()
    try:
        answer = await calls.write(errand, errand.client.ship(errand.account, number, body))
    except (errors.Refused, errors.NotFound) as error:
        return await _judge_refusal(errand, error)
    except errors.WalmartError as error:
        return verdicts.of_write(errand.update.kind, error)
    if answer.order is None or not _corrected(errand, answer.order):
        return Unclear(verdicts.NOT_SHOWN, sent=True)
    until = correction.overwritten_until(errand.order, errand.task)
    if until is not None and at < until:
        return SendAgain(until, answer.order)
    return Confirmed(answer.order)


async def _judge_refusal(errand: Errand, error: errors.WalmartError) -> Outcome:
    read = await calls.read_order(errand, after=error)
    if not isinstance(read, Picture):
        return read
    if errand.task.recognisable and _corrected(errand, read.snapshot):
        return AlreadyThere(read.snapshot)
    return Refused(verdicts.failure(error), read.snapshot)


def _corrected(errand: Errand, snapshot: OrderSnapshot) -> bool:
    return correction.standing(errand.order, errand.task, snapshot).done
