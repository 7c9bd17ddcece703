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
from app.worker.delivery import order_reader, walmart_outcomes
from app.worker.delivery.context import Errand
from app.worker.delivery.order_reader import Picture

# Walmart's guide "Cancel an order": at most so many lines in a call.
MOST_LINES = 100
_MORE = TryLater(walmart_outcomes.PARTS_LEFT, reached=False)


async def deliver(errand: Errand) -> Outcome:
    """Cancel every unit that is open.

    A canceled unit cannot be told from another, so each try reads first.
    """
    read = await order_reader.read_order(errand)
    if not isinstance(read, Picture):
        return read
    settled = _judged(errand, read) or await order_reader.clear_to_write(errand, read)
    if settled is not None:
        return settled
    units = blockers.sendable(errand.order, errand.task, read.snapshot, read.at).units
    return await _send(errand, units) if units else _lagging(read)


def _judged(errand: Errand, read: Picture) -> Outcome | None:
    """What a read settles by itself; None where units are open and may be canceled."""
    if _done(errand, read.snapshot):
        return AlreadyThere(read.snapshot)
    if not errand.ends_doubt(read.at):
        return order_reader.still_unclear(read)
    conflict = _conflict(errand, read.snapshot)
    return Refused(conflict, read.snapshot) if conflict is not None else None


def _done(errand: Errand, snapshot: OrderSnapshot) -> bool:
    reading = readback.read(errand.order, errand.task, snapshot)
    complete = reading.complete and not readback.still_open(errand.task, snapshot)
    # What only was registered, and Walmart lacks, is nothing to cancel.
    return complete or snapshot.canceled


def _conflict(errand: Errand, snapshot: OrderSnapshot) -> Failure | None:
    reading = readback.read(errand.order, errand.task, snapshot)
    code = blockers.obstacle(errand.task, reading, snapshot)
    if code is None and not readback.still_open(errand.task, snapshot):
        return walmart_outcomes.NOTHING_OPEN
    return blocked_messages.OBSTACLES[code] if code else None


async def _send(errand: Errand, units: Mapping[str, int]) -> Outcome:
    """Send every part; one that is refused does not keep the others from being canceled."""
    refusal: errors.WalmartError | None = None
    shown: Picture | None = None
    for lines in _parts(units):
        if not await errand.may_write():
            return order_reader.NO_LEASE if shown is None else _so_far(errand, _MORE, shown)
        reason = CANCELLATION_CODES[Market(errand.account.market)][errand.task.reason or ""]
        body = request_bodies.cancellation_body(lines=lines, reason=reason)
        number, at = errand.order.purchase_order_id, errand.now()
        try:
            answer = await order_reader.write(
                errand, errand.client.cancel(errand.account, number, body)
            )
        except (errors.Refused, errors.NotFound) as error:
            refusal = refusal or error
            continue
        except errors.WalmartError as error:
            return _so_far(errand, walmart_outcomes.of_write(errand.update.kind, error), shown)
        if answer.order is None or not _shows(answer.order, lines):
            # In doubt, whatever comes of the other parts.
            return _so_far(errand, Unclear(walmart_outcomes.NOT_SHOWN, sent=True), shown)
        shown = Picture(answer.order, at)
    if refusal is not None:
        return await _judge_refusal(errand, refusal, shown)
    if shown is None or not _done(errand, shown.snapshot):
        return _so_far(errand, Unclear(walmart_outcomes.NOT_SHOWN, sent=True), shown)
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
    errand: Errand, outcome: TryLater | Unclear | Refused, shown: Picture | None
) -> Outcome:
    """An outcome with what the answers before it showed to be canceled."""
    if shown is None:
        return outcome
    errand.seen, errand.read_at = shown.snapshot, shown.at
    return replace(outcome, snapshot=shown.snapshot)


def _lagging(read: Picture) -> TryLater:
    return TryLater(walmart_outcomes.LAGS, reached=True, snapshot=read.snapshot)


def _lacks(snapshot: OrderSnapshot, canceled: Mapping[str, int]) -> bool:
    """Whether a read shows fewer canceled units of a line than these."""
    return any(line.canceled < canceled.get(each, 0) for each, line in snapshot.lines.items())


async def _judge_refusal(
    errand: Errand, error: errors.WalmartError, shown: Picture | None
) -> Outcome:
    """Walmart said no to a part: one read tells what is canceled, and what is not.

    A read that shows less than the answers to other parts, or for the quiet period than is known,
    tells nothing.
    """
    read = await order_reader.read_order(errand, after=error)
    if not isinstance(read, Picture):
        return _so_far(errand, read, shown)
    if shown and _lacks(read.snapshot, {k: v.canceled for k, v in shown.snapshot.lines.items()}):
        return _so_far(errand, _lagging(read), shown)
    known = {line.line_number: line.canceled for line in errand.order.lines}
    if _lacks(read.snapshot, known) and errand.update.failing_for < errand.policy.quiet_period:
        return _lagging(read)
    if _done(errand, read.snapshot):
        return AlreadyThere(read.snapshot)
    told = _conflict(errand, read.snapshot) or walmart_outcomes.failure(error)
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
