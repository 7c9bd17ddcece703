"""Flow of a cancellation: of the whole order, in calls of at most MOST_LINES lines."""

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
from app.walmart import request_bodies
from app.walmart.errors import WalmartError
from app.walmart.markets import CANCELLATION_CODES, Market
from app.walmart.request_bodies import ShipLine
from app.worker.delivery import error_messages, failures, flow, outcomes, steps
from app.worker.delivery.context import DeliveryContext
from app.worker.delivery.flow import Ended, Flow, LeaseTooShort
from app.worker.delivery.steps import OrderRead

# Lines of a call at most. Source: Walmart's guide "Cancel an order".
# mutation: cancellation-call-size
MOST_LINES = 100
_MORE = TryLater(failures.PARTS_LEFT, reached=False)
_NOT_SHOWN = Unclear(failures.NOT_SHOWN, sent=True)


def deliver(context: DeliveryContext) -> Flow:
    """Cancel every open unit.

    Canceled units all look alike, so each try reads first.
    """
    read = yield from steps.read_order(context)
    settled = _judged(context, read)
    if settled is not None:
        return settled
    yield from steps.clear_to_write(context, read)
    units = blockers.sendable(context.order, context.task, read.snapshot, read.at).units
    return (yield from _send(context, units)) if units else _lagging(read)


def _judged(context: DeliveryContext, read: OrderRead) -> Outcome | None:
    """Return what a read settles. None means that units are open and may be canceled."""
    if _done(context, read.snapshot):
        return AlreadyThere(read.snapshot)
    if not context.ends_doubt(read.at):
        return steps.still_unclear(read)
    conflict = _conflict(context, read.snapshot)
    return Refused(conflict, read.snapshot) if conflict is not None else None


def _done(context: DeliveryContext, snapshot: OrderSnapshot) -> bool:
    reading = readback.read(context.order, context.task, snapshot)
    complete = reading.complete and not readback.units_left_to_cancel(context.task, snapshot)
    # A line that was only registered, and that Walmart lacks, has nothing to cancel.
    return complete or snapshot.canceled


def _conflict(context: DeliveryContext, snapshot: OrderSnapshot) -> Failure | None:
    reading = readback.read(context.order, context.task, snapshot)
    code = blockers.blocking_code(context.task, reading, snapshot)
    if code is None and not readback.units_left_to_cancel(context.task, snapshot):
        return failures.NOTHING_OPEN
    return blocked_messages.OBSTACLES[code] if code else None


def _send(context: DeliveryContext, units: Mapping[str, int]) -> Flow:
    """Send every part; one that is refused does not keep the others from being canceled."""
    refusal: WalmartError | None = None
    shown: OrderRead | None = None
    number, cancel = context.order.purchase_order_id, context.walmart.cancel
    reason = CANCELLATION_CODES[Market(context.account.market)][context.task.reason or ""]
    for lines in _parts(units):
        body, at = request_bodies.cancellation_body(lines=lines, reason=reason), context.now()
        try:
            reply = yield from flow.write(cancel, context.account, number, body)
        except LeaseTooShort:
            if shown is None:
                raise
            return _with_shown(context, _MORE, shown)
        except WalmartError as error:
            if error.refused:
                refusal = refusal or error
                # mutation: refused-cancellation-part
                continue
            return _with_shown(context, outcomes.of_write(context.update.kind, error), shown)
        # mutation: cancellation-part-not-shown
        if reply.order is None or not _shows(reply.order, lines):
            # In doubt, whatever happens to the other parts.
            return _with_shown(context, _NOT_SHOWN, shown)
        shown = OrderRead(reply.order, at)
    if refusal is not None:
        return (yield from _judge_refusal(context, refusal, shown))
    if shown is None or not _done(context, shown.snapshot):
        return _with_shown(context, _NOT_SHOWN, shown)
    return Confirmed(shown.snapshot)


def _parts(units: Mapping[str, int]) -> Iterator[list[ShipLine]]:
    lines = [ShipLine(number, count) for number, count in units.items()]
    for start in range(0, len(lines), MOST_LINES):
        yield lines[start : start + MOST_LINES]


def _shows(snapshot: OrderSnapshot, lines: Iterable[ShipLine]) -> bool:
    """Whether no unit of a part that was sent is open any more."""
    found = [snapshot.lines.get(line.line_number) for line in lines]
    return all(line is not None and not line.open for line in found)


def _with_shown(
    context: DeliveryContext, outcome: TryLater | Unclear | Refused, shown: OrderRead | None
) -> Outcome:
    """Add to an outcome what the answers to earlier parts showed."""
    # mutation: earlier-cancellation-parts
    if shown is None:
        return outcome
    context.evidence.seen, context.evidence.read_at = shown.snapshot, shown.at
    return replace(outcome, snapshot=shown.snapshot)


def _lagging(read: OrderRead) -> TryLater:
    return TryLater(failures.READ_LAGS, reached=True, snapshot=read.snapshot)


def _lacks(snapshot: OrderSnapshot, canceled: Mapping[str, int]) -> bool:
    """Whether a read shows fewer canceled units of a line than these."""
    return any(line.canceled < canceled.get(each, 0) for each, line in snapshot.lines.items())


def _judge_refusal(context: DeliveryContext, error: WalmartError, shown: OrderRead | None) -> Flow:
    """Read why a part was refused: what is canceled, and what is not.

    A read proves nothing where it shows less than the answers to other parts or, within the quiet
    period, less than is known.
    """
    try:
        read = yield from steps.read_order(context, after=error)
    except Ended as end:
        return _with_shown(context, end.outcome, shown)
    if shown and _lacks(read.snapshot, {k: v.canceled for k, v in shown.snapshot.lines.items()}):
        return _with_shown(context, _lagging(read), shown)
    known = {line.line_number: line.canceled for line in context.order.lines}
    # mutation: lagging-read-after-refusal
    if _lacks(read.snapshot, known) and context.update.failing_for < context.quiet_period:
        return _lagging(read)
    if _done(context, read.snapshot):
        return AlreadyThere(read.snapshot)
    failure = _conflict(context, read.snapshot) or error_messages.of(error)
    return Refused(_with_lines(failure, read.snapshot), read.snapshot)


def _with_lines(failure: Failure, snapshot: OrderSnapshot) -> Failure:
    """Name the lines that are still open, if others are canceled."""
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
