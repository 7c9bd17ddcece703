"""A cancellation on its way to Walmart: of the whole order, in calls of so many lines."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from app.domain.orders import blocked_messages, blockers, readback
from app.domain.orders.snapshot import OrderSnapshot
from app.domain.outbox.outcome import (
    AlreadyThere,
    Confirmed,
    Failure,
    LineFailure,
    Outcome,
    Refused,
    TryLater,
    Unclear,
)
from app.walmart import errors, request_bodies
from app.walmart.markets import CANCELLATION_CODES, Market
from app.walmart.request_bodies import ShipLine
from app.worker.delivery import error_messages, failures, order_reader, outcomes
from app.worker.delivery.context import DeliveryContext
from app.worker.delivery.order_reader import OrderRead

# Walmart's guide "Cancel an order": at most so many lines in a call.
MOST_LINES = 100
_MORE = TryLater(failures.PARTS_LEFT, reached=False)


async def deliver(context: DeliveryContext) -> Outcome:
    """Cancel every unit that is open.

    A canceled unit cannot be told from another, so each try reads first.
    """
    read = await order_reader.read_order(context)
    if not isinstance(read, OrderRead):
        return read
    settled = _judged(context, read) or await order_reader.clear_to_write(context, read)
    if settled is not None:
        return settled
    units = blockers.sendable(context.order, context.task, read.snapshot, read.at).units
    return await _send(context, units) if units else _lagging(read)


def _judged(context: DeliveryContext, read: OrderRead) -> Outcome | None:
    """What a read settles by itself; None where units are open and may be canceled."""
    if _done(context, read.snapshot):
        return AlreadyThere(read.snapshot)
    if not context.ends_doubt(read.at):
        return order_reader.still_unclear(read)
    conflict = _conflict(context, read.snapshot)
    return Refused(conflict, read.snapshot) if conflict is not None else None


def _done(context: DeliveryContext, snapshot: OrderSnapshot) -> bool:
    reading = readback.read(context.order, context.task, snapshot)
    complete = reading.complete and not readback.units_left_to_cancel(context.task, snapshot)
    # What only was registered, and Walmart lacks, is nothing to cancel.
    return complete or snapshot.canceled


def _conflict(context: DeliveryContext, snapshot: OrderSnapshot) -> Failure | None:
    reading = readback.read(context.order, context.task, snapshot)
    code = blockers.blocking_code(context.task, reading, snapshot)
    if code is None and not readback.units_left_to_cancel(context.task, snapshot):
        return failures.NOTHING_OPEN
    return blocked_messages.OBSTACLES[code] if code else None


async def _send(context: DeliveryContext, units: Mapping[str, int]) -> Outcome:
    """Send every part; one that is refused does not keep the others from being canceled."""
    refusal: errors.WalmartError | None = None
    shown: OrderRead | None = None
    for lines in _parts(units):
        if not await context.may_write():
            return order_reader.NO_LEASE if shown is None else _so_far(context, _MORE, shown)
        reason = CANCELLATION_CODES[Market(context.account.market)][context.task.reason or ""]
        body = request_bodies.cancellation_body(lines=lines, reason=reason)
        number, at = context.order.purchase_order_id, context.now()
        try:
            answer = await order_reader.write(
                context, context.client.cancel(context.account, number, body)
            )
        except (errors.CallRefused, errors.NotFound) as error:
            refusal = refusal or error
            continue
        except errors.WalmartError as error:
            return _so_far(context, outcomes.of_write(context.update.kind, error), shown)
        if answer.order is None or not _shows(answer.order, lines):
            # In doubt, whatever comes of the other parts.
            return _so_far(context, Unclear(failures.NOT_SHOWN, sent=True), shown)
        shown = OrderRead(answer.order, at)
    if refusal is not None:
        return await _judge_refusal(context, refusal, shown)
    if shown is None or not _done(context, shown.snapshot):
        return _so_far(context, Unclear(failures.NOT_SHOWN, sent=True), shown)
    return Confirmed(shown.snapshot)


def _parts(units: Mapping[str, int]) -> Iterator[list[ShipLine]]:
    lines = [ShipLine(number, count) for number, count in units.items()]
    for start in range(0, len(lines), MOST_LINES):
        yield lines[start : start + MOST_LINES]


def _shows(snapshot: OrderSnapshot, lines: Iterable[ShipLine]) -> bool:
    """Whether no unit of a part that was sent is open any more."""
    found = [snapshot.lines.get(line.line_number) for line in lines]
    return all(line is not None and not line.open for line in found)


def _so_far(
    context: DeliveryContext, outcome: TryLater | Unclear | Refused, shown: OrderRead | None
) -> Outcome:
    """An outcome with what the answers before it showed to be canceled."""
    if shown is None:
        return outcome
    context.seen, context.read_at = shown.snapshot, shown.at
    return replace(outcome, snapshot=shown.snapshot)


def _lagging(read: OrderRead) -> TryLater:
    return TryLater(failures.READ_LAGS, reached=True, snapshot=read.snapshot)


def _lacks(snapshot: OrderSnapshot, canceled: Mapping[str, int]) -> bool:
    """Whether a read shows fewer canceled units of a line than these."""
    return any(line.canceled < canceled.get(each, 0) for each, line in snapshot.lines.items())


async def _judge_refusal(
    context: DeliveryContext, error: errors.WalmartError, shown: OrderRead | None
) -> Outcome:
    """Walmart said no to a part: one read tells what is canceled, and what is not.

    A read that shows less than the answers to other parts, or for the quiet period than is known,
    tells nothing.
    """
    read = await order_reader.read_order(context, after=error)
    if not isinstance(read, OrderRead):
        return _so_far(context, read, shown)
    if shown and _lacks(read.snapshot, {k: v.canceled for k, v in shown.snapshot.lines.items()}):
        return _so_far(context, _lagging(read), shown)
    known = {line.line_number: line.canceled for line in context.order.lines}
    if _lacks(read.snapshot, known) and context.update.failing_for < context.policy.quiet_period:
        return _lagging(read)
    if _done(context, read.snapshot):
        return AlreadyThere(read.snapshot)
    told = _conflict(context, read.snapshot) or error_messages.of(error)
    return Refused(_with_lines(told, read.snapshot), read.snapshot)


def _with_lines(failure: Failure, snapshot: OrderSnapshot) -> Failure:
    """A failure that names the lines which are still open, where others are canceled."""
    left = [(number, line.open) for number, line in snapshot.lines.items() if line.open]
    if not any(line.canceled for line in snapshot.lines.values()):
        return failure
    return blocked_messages.with_lines(
        failure,
        [
            LineFailure(number, units, failure.code, failure.message, failure.suggestion)
            for number, units in left
        ],
        rest=True,
    )
