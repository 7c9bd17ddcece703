"""One update in, one outcome out: read back where it must be, send what is missing, judge.

Nothing is sent again after an unclear result before a read that was made after the quiet
period shows it absent, and then only what is missing (contract, promise 3). No transaction
is open while Walmart is called.
"""

from collections.abc import Awaitable, Mapping
from datetime import datetime
from typing import Any, assert_never

from app.orders import correction, numbers, obstacle, readback
from app.orders.correction import Standing
from app.orders.order import Task
from app.orders.outcome import (
    AlreadyThere,
    Confirmed,
    Failure,
    HandedBack,
    Outcome,
    Refused,
    TryLater,
    Unclear,
)
from app.orders.readback import Reading
from app.orders.snapshot import OrderSnapshot
from app.orders.update import Kind
from app.sync import creating, noting, refunding, stocking, verdicts
from app.sync.errand import Errand
from app.walmart import errors, messages
from app.walmart.client import Answer
from app.walmart.markets import CANCELLATION_CODES, Market, shipping
from app.walmart.messages import ShipLine
from app.walmart.packages import Package


async def deliver(errand: Errand) -> Outcome:
    """Carry one update to Walmart or Commerce as far as it goes now."""
    match errand.update.kind:
        case Kind.ACKNOWLEDGEMENT:
            return await _acknowledge(errand)
        case Kind.SHIPMENT | Kind.CANCELLATION:
            return await _move_units(errand)
        case Kind.TRACKING:
            return await _correct_tracking(errand)
        case Kind.INVENTORY:
            return await stocking.deliver(errand)
        case Kind.REFUND:
            return await refunding.deliver(errand)
        case Kind.COMMERCE_ORDER | Kind.COMMERCE_NOTE:
            return await _tell_commerce(errand)
        case _:
            assert_never(errand.update.kind)


async def _tell_commerce(errand: Errand) -> Outcome:
    if errand.update.kind is Kind.COMMERCE_ORDER:
        return await creating.deliver(errand)
    return await noting.deliver(errand)


async def _acknowledge(errand: Errand) -> Outcome:
    if errand.update.ambiguous:
        read = await _read(errand)
        if not isinstance(read, _Picture):
            return read
        if not read.snapshot.created:
            return AlreadyThere(read.snapshot)
        if not errand.quiet_over(read.at):
            return _still_unclear(read)
        if not errand.update.may_write:
            return _waiting(read)
    return await _send_acknowledgement(errand)


async def _send_acknowledgement(errand: Errand) -> Outcome:
    if not await errand.may_write():
        return HandedBack("too little of the lease was left")
    try:
        answer = await _called(errand, _ack(errand))
    except (errors.Refused, errors.NotFound) as error:
        return await _judge_acknowledgement(errand, error)
    except errors.WalmartError as error:
        return verdicts.of_write(errand.update.kind, error)
    return Confirmed(answer.order)


async def _judge_acknowledgement(errand: Errand, error: errors.WalmartError) -> Outcome:
    """Walmart refuses to acknowledge what is past it already; that is what was wanted."""
    read = await _read(errand, after=error)
    if not isinstance(read, _Picture):
        return read
    if not read.snapshot.created:
        return AlreadyThere(read.snapshot)
    return Refused(verdicts.failure(error), read.snapshot)


async def _move_units(errand: Errand) -> Outcome:
    """Ship or cancel: send what Walmart does not have of it yet."""
    missing = {item.line_number: item.quantity - item.confirmed for item in errand.task.items}
    # A canceled unit cannot be told from another, so a cancellation looks before every send.
    if errand.update.ambiguous or errand.update.kind is Kind.CANCELLATION:
        read = await _read(errand)
        if not isinstance(read, _Picture):
            return read
        settled = _judge_reading(errand, read)
        if settled is not None:
            return settled
        if not errand.update.may_write:
            return _waiting(read)
        missing = dict(readback.read(errand.order, errand.task, read.snapshot).missing)
        if read.snapshot.created:
            blocked = await _acknowledge_on_the_way(errand)
            if blocked is not None:
                return blocked
    return await _send(errand, missing, may_acknowledge=True)


async def _correct_tracking(errand: Errand) -> Outcome:
    """Give a shipped package its new number, unless Walmart shows it already.

    Each try reads first, since Walmart wants to be told which number the units are under.
    """
    read = await _read(errand)
    if not isinstance(read, _Picture):
        return read
    now = correction.standing(errand.order, errand.task, read.snapshot)
    if not now.there:
        return Refused(verdicts.NOTHING_TO_CORRECT, read.snapshot)
    if now.done and errand.task.recognisable:
        return AlreadyThere(read.snapshot)
    if errand.update.ambiguous and not errand.quiet_over(read.at):
        return _still_unclear(read)
    if not errand.update.may_write:
        return _waiting(read)
    return await _send_correction(errand, now)


async def _send_correction(errand: Errand, now: Standing) -> Outcome:
    if not await errand.may_write():
        return HandedBack("too little of the lease was left")
    po, package = errand.order.purchase_order_id, Package.from_json(errand.update.payload)
    lines = [ShipLine(number, units) for number, units in (now.waiting or now.there).items()]
    body = shipping(
        package.correction(
            lines, errand.order.seller_order_id, now.current or package.tracking_number
        ),
        errand.account.market,
    )
    try:
        answer = await _called(errand, errand.client.ship(errand.account, po, body))
    except (errors.Refused, errors.NotFound) as error:
        return await _judge_correction(errand, error)
    except errors.WalmartError as error:
        return verdicts.of_write(errand.update.kind, error)
    if answer.order is None or not _corrected(errand, answer.order):
        return Unclear(verdicts.NOT_SHOWN, sent=True)
    return Confirmed(answer.order)


async def _judge_correction(errand: Errand, error: errors.WalmartError) -> Outcome:
    read = await _read(errand, after=error)
    if not isinstance(read, _Picture):
        return read
    if errand.task.recognisable and _corrected(errand, read.snapshot):
        return AlreadyThere(read.snapshot)
    return Refused(verdicts.failure(error), read.snapshot)


def _corrected(errand: Errand, snapshot: OrderSnapshot) -> bool:
    return correction.standing(errand.order, errand.task, snapshot).done


class _Picture:
    """The order as Walmart showed it, and when the read began (the database's time)."""

    __slots__ = ("at", "snapshot")

    def __init__(self, snapshot: OrderSnapshot, at: datetime) -> None:
        self.snapshot = snapshot
        self.at = at


async def _read(
    errand: Errand, after: errors.WalmartError | None = None
) -> _Picture | TryLater | Unclear | Refused:
    """Read the order. after: the refusal of a write that this read is to explain."""
    at = errand.now()
    try:
        answer = await _called(
            errand, errand.client.read_order(errand.account, errand.order.purchase_order_id)
        )
    except errors.NotFound as error:
        return Refused(verdicts.failure(error))
    except errors.WalmartError as error:
        doubtful = errand.update.ambiguous or after is not None
        return verdicts.of_read(errand.update.kind, error, doubtful=doubtful, wrote=after)
    if answer.order is None:
        unreadable = Failure("walmart_unclear", "Walmart's answer shows no order.", retryable=True)
        return Unclear(unreadable, sent=False)
    return _Picture(answer.order, at)


def _judge_reading(errand: Errand, read: _Picture) -> Outcome | None:
    """What a read settles by itself; None where something is missing and may be sent."""
    task, snapshot = errand.task, read.snapshot
    reading = readback.read(errand.order, task, snapshot)
    if reading.excess:
        return Refused(verdicts.EXCESS, snapshot)
    if reading.complete and not _still_open(task, snapshot):
        return AlreadyThere(snapshot)
    if errand.update.ambiguous and not errand.quiet_over(read.at):
        return _still_unclear(read)
    conflict = _conflict(errand, reading, snapshot)
    return Refused(conflict, snapshot) if conflict else None


def _still_open(task: Task, snapshot: OrderSnapshot) -> bool:
    """A cancellation is of the whole order: units opened since it was accepted belong to it."""
    return task.kind is Kind.CANCELLATION and any(line.open for line in snapshot.lines.values())


def _still_unclear(read: _Picture) -> Unclear:
    return Unclear(verdicts.STILL_UNCLEAR, sent=False, read=True, snapshot=read.snapshot)


def _waiting(read: _Picture) -> TryLater:
    """It is not there and may be sent, but Walmart takes no such call now."""
    return TryLater(verdicts.LANE_STOPPED, reached=False, snapshot=read.snapshot)


def _conflict(errand: Errand, reading: Reading, snapshot: OrderSnapshot) -> Failure | None:
    """Why what is missing cannot be sent any more, if so."""
    code = obstacle.obstacle(errand.task, reading, snapshot)
    return verdicts.OBSTACLES[code] if code else None


async def _send(errand: Errand, missing: Mapping[str, int], *, may_acknowledge: bool) -> Outcome:
    if not await errand.may_write():
        return HandedBack("too little of the lease was left")
    try:
        answer = await _called(errand, _write(errand, missing))
    except (errors.Refused, errors.NotFound) as error:
        return await _judge_refusal(errand, error, may_acknowledge=may_acknowledge)
    except errors.WalmartError as error:
        return verdicts.of_write(errand.update.kind, error)
    if answer.order is None or not _shows(errand, answer.order):
        return Unclear(verdicts.NOT_SHOWN, sent=True)
    return Confirmed(answer.order)


def _shows(errand: Errand, snapshot: OrderSnapshot) -> bool:
    reading = readback.read(errand.order, errand.task, snapshot)
    return reading.complete and not _still_open(errand.task, snapshot)


async def _judge_refusal(
    errand: Errand, error: errors.WalmartError, *, may_acknowledge: bool
) -> Outcome:
    """Walmart said no: one read tells whether it is so because it has it already."""
    read = await _read(errand, after=error)
    if not isinstance(read, _Picture):
        return read
    snapshot = read.snapshot
    reading = readback.read(errand.order, errand.task, snapshot)
    if reading.excess:
        return Refused(verdicts.EXCESS, snapshot)
    if reading.complete and not _still_open(errand.task, snapshot):
        return AlreadyThere(snapshot)
    if may_acknowledge and snapshot.created and not errand.update.ambiguous:
        blocked = await _acknowledge_on_the_way(errand)
        return blocked or await _send(errand, reading.missing, may_acknowledge=False)
    conflict = _conflict(errand, reading, snapshot)
    if conflict is None and snapshot.cancel_requested and errand.task.kind is Kind.SHIPMENT:
        conflict = verdicts.cancel_requested(errand.task)
    return Refused(conflict or verdicts.failure(error, _package(errand)), snapshot)


def _package(errand: Errand) -> Package | None:
    shipment = errand.update.kind is Kind.SHIPMENT
    return Package.from_json(_newest_package(errand)) if shipment else None


async def _acknowledge_on_the_way(errand: Errand) -> Outcome | None:
    """Walmart ships and cancels only what is acknowledged; None when it is now."""
    if not await errand.may_write():
        return HandedBack("too little of the lease was left")
    try:
        await _called(errand, _ack(errand))
    except errors.WalmartError as error:
        # Nothing of the update itself was sent, so it simply comes again.
        return verdicts.of_preparation(errand.update.kind, error)
    return None


def _ack(errand: Errand) -> Awaitable[Answer]:
    return errand.client.acknowledge(errand.account, errand.order.purchase_order_id)


def _write(errand: Errand, missing: Mapping[str, int]) -> Awaitable[Answer]:
    po = errand.order.purchase_order_id
    lines = [ShipLine(number, units) for number, units in missing.items() if units > 0]
    if errand.update.kind is Kind.CANCELLATION:
        market = Market(errand.account.market)
        reason = CANCELLATION_CODES[market][errand.task.reason or ""]
        body = messages.cancellation_body(lines=lines, reason=reason)
        return errand.client.cancel(errand.account, po, body)
    package = Package.from_json(_newest_package(errand))
    body = shipping(package.body(lines, errand.order.seller_order_id), errand.account.market)
    return errand.client.ship(errand.account, po, body)


def _newest_package(errand: Errand) -> Mapping[str, Any]:
    """What is sent of a shipment bears the number it was last corrected to."""
    payload = errand.update.payload
    last = numbers.latest(errand.order, errand.update.id)
    if last is None or last.package is None:
        return payload
    # A person may have overridden the buyer's wish since the correction.
    override = payload["override_cancel_request"]
    return {**last.package, "override_cancel_request": override}


async def _called(errand: Errand, call: Awaitable[Answer]) -> Answer:
    """Make a call and keep its evidence, however it ends."""
    try:
        answer = await call
    except errors.WalmartError as error:
        if error.call is not None:
            errand.calls.append(error.call)
        raise
    errand.calls.append(answer.call)
    return answer
