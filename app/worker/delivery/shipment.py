"""A shipment on its way to Walmart: what can go is sent, and what cannot is said line by line."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from app.domain.orders import allocation, blocked_messages, blockers, readback, tracking_history
from app.domain.orders.blockers import SendableUnits
from app.domain.orders.readback import Readback
from app.domain.orders.snapshot import OrderSnapshot
from app.domain.outbox.doubt import in_doubt_at
from app.domain.outbox.outcome import AlreadyThere, Confirmed, Outcome, Refused, TryLater, Unclear
from app.domain.update import State
from app.walmart import errors
from app.walmart.markets import shipping
from app.walmart.request_bodies import ShipLine
from app.walmart.shipment_payload import Package
from app.worker.delivery import error_messages, failures, order_reader, outcomes
from app.worker.delivery.context import DeliveryContext
from app.worker.delivery.order_reader import OrderRead


async def deliver(context: DeliveryContext) -> Outcome:
    """Ship what Walmart does not have of it yet."""
    items = context.task.items
    unseen = context.update.ambiguous or blockers.lacks_units(items) or _others_shipped(context)
    if not unseen:
        units = {item.line_number: item.quantity - item.confirmed for item in items}
        return await _send(context, SendableUnits(units), again=True)
    read = await order_reader.read_order(context)
    if not isinstance(read, OrderRead):
        return read
    going = blockers.sendable(context.order, context.task, read.snapshot, read.at)
    settled = _judged(context, read, going) or await order_reader.clear_to_write(context, read)
    return settled or await _send(context, going, again=True)


def _others_shipped(context: DeliveryContext) -> bool:
    """Whether Walmart has units of its lines that no shipment here sent: they may be this one's."""
    lines = [context.order.line(item.line_number) for item in context.task.items]
    return any(line and allocation.shipped_elsewhere(context.order, line) for line in lines)


def _judged(context: DeliveryContext, read: OrderRead, going: SendableUnits) -> Outcome | None:
    """What a read settles by itself; None where something is missing and may be sent."""
    reading = readback.read(context.order, context.task, read.snapshot)
    if reading.excess:
        return Refused(blocked_messages.EXCESS, read.snapshot)
    if reading.complete:
        return _there(context, read)
    if not context.ends_doubt(read.at, _unsure_until(context, read)):
        return order_reader.still_unclear(read)
    return None if going.units else _blocked(reading, going, read.snapshot)


def _there(context: DeliveryContext, read: OrderRead) -> AlreadyThere:
    early = in_doubt_at(context.update.in_doubt_until, read.at)
    unsure = in_doubt_at(_unsure_until(context, read), read.at)
    return AlreadyThere(read.snapshot, in_doubt=early and unsure)


def _unsure_until(context: DeliveryContext, read: OrderRead) -> datetime | None:
    return readback.ambiguous_until(context.order, context.task, read.snapshot)


def _blocked(reading: Readback, going: SendableUnits, snapshot: OrderSnapshot) -> Refused:
    """Nothing more of it can go; what Walmart has of it stands."""
    return Refused(
        blocked_messages.failure(going.blocked, rest=any(reading.found.values())), snapshot
    )


async def _send(context: DeliveryContext, going: SendableUnits, *, again: bool) -> Outcome:
    """Send units; after a refusal and one read, what can go of them once more if again."""
    if not await context.may_write():
        return order_reader.NO_LEASE
    number, package = context.order.purchase_order_id, Package.from_json(_newest_package(context))
    lines = [ShipLine(line, units) for line, units in going.units.items() if units > 0]
    body = shipping(package.body(lines, context.order.seller_order_id), context.account.market)
    try:
        answer = await order_reader.write(
            context, context.client.ship(context.account, number, body)
        )
    except (errors.CallRefused, errors.NotFound) as error:
        return await _judge_refusal(context, error, going, again=again)
    except errors.WalmartError as error:
        return outcomes.of_write(context.update.kind, error)
    if answer.order is None or not _shows(context, answer.order, going):
        return Unclear(failures.NOT_SHOWN, sent=True)
    if going.blocked:
        return Refused(blocked_messages.failure(going.blocked, rest=True), answer.order)
    return Confirmed(answer.order)


def _shows(context: DeliveryContext, snapshot: OrderSnapshot, going: SendableUnits) -> bool:
    # Walmart took it: what the answer shows is this update's before any that is in doubt.
    task = replace(context.task, state=State.CONFIRMED)
    reading = readback.read(context.order, task, snapshot)
    left = {each.line_number: each.units for each in going.blocked}
    return not reading.excess and all(
        reading.found[item.line_number] >= item.quantity - left.get(item.line_number, 0)
        for item in task.items
    )


async def _judge_refusal(
    context: DeliveryContext, error: errors.WalmartError, sent: SendableUnits, *, again: bool
) -> Outcome:
    """Walmart said no: one read tells whether it has it already, and what of it can go."""
    read = await order_reader.read_order(context, after=error)
    if not isinstance(read, OrderRead):
        return read
    snapshot = read.snapshot
    reading = readback.read(context.order, context.task, snapshot)
    if reading.excess:
        return Refused(blocked_messages.EXCESS, snapshot)
    if reading.complete:
        return _there(context, read)
    context.ends_doubt(read.at, _unsure_until(context, read))
    going = blockers.sendable(context.order, context.task, snapshot, read.at)
    # What was left out of the call already does not explain its refusal.
    explained = bool(going.blocked) and going.blocked != sent.blocked
    if again and going.units and (explained or snapshot.created):
        unacknowledged = await order_reader.acknowledge(context) if snapshot.created else None
        return unacknowledged or await _send(context, going, again=False)
    if not going.units:
        return _blocked(reading, going, snapshot)
    failure = error_messages.of(error, Package.from_json(_newest_package(context)))
    # Where something new happened at Walmart the next try sends what can still go.
    later = TryLater(failure, reached=True, snapshot=snapshot)
    return later if explained else Refused(failure, snapshot)


def _newest_package(context: DeliveryContext) -> Mapping[str, Any]:
    """What is sent of a shipment bears the number it was last corrected to."""
    payload = context.update.payload
    last = tracking_history.latest(context.order, context.update.id)
    if last is None or last.package is None:
        return payload
    # A person may have overridden the buyer's wish since the correction.
    override = payload["override_cancel_request"]
    return {**last.package, "override_cancel_request": override}
