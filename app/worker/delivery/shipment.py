"""A shipment on its way to Walmart: what can go is sent, and what cannot is said line by line."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from app.domain.orders import allocation, blocked_messages, blockers, readback, tracking_history
from app.domain.orders.blockers import Sendable
from app.domain.orders.readback import Reading
from app.domain.orders.snapshot import OrderSnapshot
from app.domain.outbox.doubt import open_for
from app.domain.outbox.outcome import AlreadyThere, Confirmed, Outcome, Refused, TryLater, Unclear
from app.domain.update import State
from app.walmart import errors
from app.walmart.markets import shipping
from app.walmart.request_bodies import ShipLine
from app.walmart.shipment_payload import Package
from app.worker.delivery import order_reader, walmart_outcomes
from app.worker.delivery.context import Errand
from app.worker.delivery.order_reader import Picture


async def deliver(errand: Errand) -> Outcome:
    """Ship what Walmart does not have of it yet."""
    items = errand.task.items
    unseen = errand.update.ambiguous or blockers.unheld(items) or _others_shipped(errand)
    if not unseen:
        units = {item.line_number: item.quantity - item.confirmed for item in items}
        return await _send(errand, Sendable(units), again=True)
    read = await order_reader.read_order(errand)
    if not isinstance(read, Picture):
        return read
    going = blockers.sendable(errand.order, errand.task, read.snapshot, read.at)
    settled = _judged(errand, read, going) or await order_reader.clear_to_write(errand, read)
    return settled or await _send(errand, going, again=True)


def _others_shipped(errand: Errand) -> bool:
    """Whether Walmart has units of its lines that no shipment here sent: they may be this one's."""
    lines = [errand.order.line(item.line_number) for item in errand.task.items]
    return any(line and allocation.shipped_by_others(errand.order, line) for line in lines)


def _judged(errand: Errand, read: Picture, going: Sendable) -> Outcome | None:
    """What a read settles by itself; None where something is missing and may be sent."""
    reading = readback.read(errand.order, errand.task, read.snapshot)
    if reading.excess:
        return Refused(blocked_messages.EXCESS, read.snapshot)
    if reading.complete:
        return _there(errand, read)
    if not errand.ends_doubt(read.at, _unsure_until(errand, read)):
        return order_reader.still_unclear(read)
    return None if going.units else _blocked(reading, going, read.snapshot)


def _there(errand: Errand, read: Picture) -> AlreadyThere:
    early = open_for(errand.update.in_doubt_until, read.at)
    unsure = open_for(_unsure_until(errand, read), read.at)
    return AlreadyThere(read.snapshot, in_doubt=early and unsure)


def _unsure_until(errand: Errand, read: Picture) -> datetime | None:
    return readback.unsure_until(errand.order, errand.task, read.snapshot)


def _blocked(reading: Reading, going: Sendable, snapshot: OrderSnapshot) -> Refused:
    """Nothing more of it can go; what Walmart has of it stands."""
    return Refused(
        blocked_messages.failure(going.blocked, rest=any(reading.found.values())), snapshot
    )


async def _send(errand: Errand, going: Sendable, *, again: bool) -> Outcome:
    """Send units; after a refusal and one read, what can go of them once more if again."""
    if not await errand.may_write():
        return order_reader.NO_LEASE
    number, package = errand.order.purchase_order_id, Package.from_json(_newest_package(errand))
    lines = [ShipLine(line, units) for line, units in going.units.items() if units > 0]
    body = shipping(package.body(lines, errand.order.seller_order_id), errand.account.market)
    try:
        answer = await order_reader.write(errand, errand.client.ship(errand.account, number, body))
    except (errors.Refused, errors.NotFound) as error:
        return await _judge_refusal(errand, error, going, again=again)
    except errors.WalmartError as error:
        return walmart_outcomes.of_write(errand.update.kind, error)
    if answer.order is None or not _shows(errand, answer.order, going):
        return Unclear(walmart_outcomes.NOT_SHOWN, sent=True)
    if going.blocked:
        return Refused(blocked_messages.failure(going.blocked, rest=True), answer.order)
    return Confirmed(answer.order)


def _shows(errand: Errand, snapshot: OrderSnapshot, going: Sendable) -> bool:
    # Walmart took it: what the answer shows is this update's before any that is in doubt.
    task = replace(errand.task, state=State.CONFIRMED)
    reading = readback.read(errand.order, task, snapshot)
    left = {each.line_number: each.units for each in going.blocked}
    return not reading.excess and all(
        reading.found[item.line_number] >= item.quantity - left.get(item.line_number, 0)
        for item in task.items
    )


async def _judge_refusal(
    errand: Errand, error: errors.WalmartError, sent: Sendable, *, again: bool
) -> Outcome:
    """Walmart said no: one read tells whether it has it already, and what of it can go."""
    read = await order_reader.read_order(errand, after=error)
    if not isinstance(read, Picture):
        return read
    snapshot = read.snapshot
    reading = readback.read(errand.order, errand.task, snapshot)
    if reading.excess:
        return Refused(blocked_messages.EXCESS, snapshot)
    if reading.complete:
        return _there(errand, read)
    errand.ends_doubt(read.at, _unsure_until(errand, read))
    going = blockers.sendable(errand.order, errand.task, snapshot, read.at)
    # What was left out of the call already does not explain its refusal.
    explained = bool(going.blocked) and going.blocked != sent.blocked
    if again and going.units and (explained or snapshot.created):
        unacknowledged = await order_reader.acknowledge(errand) if snapshot.created else None
        return unacknowledged or await _send(errand, going, again=False)
    if not going.units:
        return _blocked(reading, going, snapshot)
    failure = walmart_outcomes.failure(error, Package.from_json(_newest_package(errand)))
    # Where something new happened at Walmart the next try sends what can still go.
    later = TryLater(failure, reached=True, snapshot=snapshot)
    return later if explained else Refused(failure, snapshot)


def _newest_package(errand: Errand) -> Mapping[str, Any]:
    """What is sent of a shipment bears the number it was last corrected to."""
    payload = errand.update.payload
    last = tracking_history.latest(errand.order, errand.update.id)
    if last is None or last.package is None:
        return payload
    # A person may have overridden the buyer's wish since the correction.
    override = payload["override_cancel_request"]
    return {**last.package, "override_cancel_request": override}
