"""Flow of a shipment: what can be sent is sent; what cannot is reported line by line."""

from collections import Counter
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
from app.walmart.errors import WalmartError
from app.walmart.markets import shipping
from app.walmart.request_bodies import ShipLine
from app.walmart.shipment_payload import Package
from app.worker.delivery import error_messages, failures, flow, outcomes, steps
from app.worker.delivery.context import DeliveryContext
from app.worker.delivery.flow import Flow
from app.worker.delivery.steps import OrderRead


def deliver(context: DeliveryContext) -> Flow:
    """Ship the units that Walmart does not have yet."""
    items = context.task.items
    # mutation: read-back-before-resend
    # mutation: known-package-not-resent
    unseen = context.update.ambiguous or blockers.lacks_units(items) or _others_shipped(context)
    if not unseen:
        units = {item.line_number: item.quantity - item.confirmed for item in items}
        return (yield from _send(context, SendableUnits(units), again=True))
    read = yield from steps.read_order(context)
    going = blockers.sendable(context.order, context.task, read.snapshot, read.at)
    settled = _judged(context, read, going)
    if settled is not None:
        return settled
    yield from steps.clear_to_write(context, read)
    return (yield from _send(context, going, again=True))


def _others_shipped(context: DeliveryContext) -> bool:
    """Whether Walmart has units of its lines that no shipment here sent: they may be its own."""
    lines = [context.order.line(item.line_number) for item in context.task.items]
    return any(line and allocation.shipped_elsewhere(context.order, line) for line in lines)


def _judged(context: DeliveryContext, read: OrderRead, going: SendableUnits) -> Outcome | None:
    """Return what a read settles. None means that something is missing and may be sent."""
    reading = readback.read(context.order, context.task, read.snapshot)
    if reading.excess:
        return Refused(blocked_messages.EXCESS, read.snapshot)
    if reading.complete:
        return _there(context, read)
    if not context.ends_doubt(read.at, _unsure_until(context, read)):
        return steps.still_unclear(read)
    return None if going.units else _blocked(reading, going, read.snapshot)


def _there(context: DeliveryContext, read: OrderRead) -> AlreadyThere:
    early = in_doubt_at(context.update.in_doubt_until, read.at)
    unsure = in_doubt_at(_unsure_until(context, read), read.at)
    # mutation: doubt-of-ambiguous-units
    return AlreadyThere(read.snapshot, in_doubt=early and unsure)


def _unsure_until(context: DeliveryContext, read: OrderRead) -> datetime | None:
    return readback.ambiguous_until(context.order, context.task, read.snapshot)


def _blocked(reading: Readback, going: SendableUnits, snapshot: OrderSnapshot) -> Refused:
    """Return the failure if nothing more can be sent; units that Walmart has stay."""
    return Refused(
        blocked_messages.failure(going.blocked, rest=any(reading.found.values())), snapshot
    )


def _send(context: DeliveryContext, going: SendableUnits, *, again: bool) -> Flow:
    """Send units. again: after a refusal and a read, send once more what can be sent."""
    number, package = context.order.purchase_order_id, Package.from_json(_newest_package(context))
    lines = [ShipLine(line, units) for line, units in going.units.items() if units > 0]
    body = shipping(package.body(lines, context.order.seller_order_id), context.account.market)
    try:
        reply = yield from flow.write(context.walmart.ship, context.account, number, body)
    except WalmartError as error:
        if error.refused:
            return (yield from _judge_refusal(context, error, going, again=again))
        return outcomes.of_write(context.update.kind, error)
    # mutation: units-in-200-answer
    if reply.order is None or not _shows(context, reply.order, going):
        return Unclear(failures.NOT_SHOWN, sent=True)
    if going.blocked:
        return Refused(blocked_messages.failure(going.blocked, rest=True), reply.order)
    return Confirmed(reply.order)


def _shows(context: DeliveryContext, snapshot: OrderSnapshot, going: SendableUnits) -> bool:
    # Walmart accepted it, so what the answer shows is of this update before any in doubt.
    task = replace(context.task, state=State.CONFIRMED)
    reading = readback.read(context.order, task, snapshot)
    left: Counter[str] = Counter()
    for each in going.blocked:
        left[each.line_number] += each.units
    return not reading.excess and all(
        reading.found[item.line_number] >= item.quantity - left[item.line_number]
        for item in task.items
    )


def _judge_refusal(
    context: DeliveryContext, error: WalmartError, sent: SendableUnits, *, again: bool
) -> Flow:
    """Read why it was refused: Walmart may have it already, and a part may still be sent."""
    read = yield from steps.read_order(context, after=error)
    snapshot = read.snapshot
    reading = readback.read(context.order, context.task, snapshot)
    if reading.excess:
        return Refused(blocked_messages.EXCESS, snapshot)
    if reading.complete:
        return _there(context, read)
    context.ends_doubt(read.at, _unsure_until(context, read))
    going = blockers.sendable(context.order, context.task, snapshot, read.at)
    # Lines that the refused call left out do not explain its refusal.
    # mutation: second-refusal
    explained = bool(going.blocked) and going.blocked != sent.blocked
    # mutation: partial-shipment
    if again and going.units and (explained or snapshot.created):
        if snapshot.created:
            yield from steps.acknowledge(context)
        return (yield from _send(context, going, again=False))
    if not going.units:
        return _blocked(reading, going, snapshot)
    package = Package.from_json(_newest_package(context))
    failure = error_messages.of(error, package, context.order.ship_method)
    # Where something new happened at Walmart, the next try sends what can still be sent.
    later = TryLater(failure, reached=True, snapshot=snapshot)
    return later if explained else Refused(failure, snapshot)


def _newest_package(context: DeliveryContext) -> Mapping[str, Any]:
    """Return the package to send, with the tracking number of its last correction."""
    payload = context.update.payload
    last = tracking_history.latest(context.order, context.update.id)
    if last is None or last.package is None:
        return payload
    # A person may have overridden the buyer's cancellation request since the correction.
    override = payload["override_cancel_request"]
    return {**last.package, "override_cancel_request": override}
