"""Corrects a shipment's carrier, tracking number or URL.

A payload that may have reached Walmart is never rewritten. A shipment that provably did not reach
Walmart is sent with the new number. Any other shipment is settled first, and a tracking update
follows it.
"""

from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from app.domain.errors import Conflict, OrderError, Unknown, refuse
from app.domain.orders import reservation, shipping, tracking_correction, tracking_history
from app.domain.orders.order import Order
from app.domain.orders.requests import TrackingCorrection
from app.domain.outbox.claimed_update import NewUpdate
from app.domain.update import Kind, State
from app.storage import queries, rate_limits, timeline
from app.storage.orders import accept, repository, save, shipments
from app.storage.orders.shipments import StoredShipment
from app.storage.outbox import requeue, updates
from app.storage.postgres.database import Connection
from app.storage.queries.views import ShipmentView
from app.storage.stores import stores
from app.usecases.context import AppContext
from app.usecases.orders import carrier_mapping
from app.walmart.shipment_payload import Package

_DISMISSED = "The shipment was dismissed."
_TOO_LATE = "Walmart accepts corrections for 4 hours after it first confirmed the shipment."


@dataclass(frozen=True, slots=True)
class _Corrected:
    fields: dict[str, Any]
    package: Package


async def correct(
    context: AppContext,
    order_id: UUID,
    shipment_id: UUID,
    correction: TrackingCorrection,
    *,
    actor: str,
) -> ShipmentView:
    """Correct a shipment, and try a failed one again.

    Raises Unknown, Invalid, and Conflict tracking_window_closed, update_finished, or
    quantity_exceeds_remaining if other updates took a failed shipment's units.
    """
    async with context.transaction() as connection:
        order = await repository.lock(connection, order_id)
        await correct_locked(connection, context, order, shipment_id, correction, actor=actor)
        view = await queries.shipment(connection, order.store_id, order_id, shipment_id)
    context.wake()
    if view is None:
        raise Unknown("shipment", shipment_id)
    return view


async def correct_locked(
    connection: Connection,
    context: AppContext,
    order: Order,
    shipment_id: UUID,
    correction: TrackingCorrection,
    *,
    actor: str,
) -> None:
    """Correct a shipment of a locked order; the caller commits and wakes the pollers."""
    shipment = await shipments.sendable(connection, order.store_id, order.id, shipment_id)
    if shipment is None:
        raise await _not_sendable(connection, order, shipment_id)
    await _refuse_too_late(connection, order, shipment)
    corrected = await _check(connection, order, shipment, correction)
    await shipments.correct(connection, order.store_id, shipment_id, corrected.fields)
    order = await _queue(connection, context, order, shipment, corrected, actor=actor)
    await _try_again(connection, order, shipment)
    await _add_to_timeline(connection, context, order, shipment, corrected, actor=actor)


async def _not_sendable(connection: Connection, order: Order, shipment_id: UUID) -> OrderError:
    """The error for a shipment that does not exist, or that has an archived update."""
    view = await queries.shipment(connection, order.store_id, order.id, shipment_id)
    if view is None:
        return Unknown("shipment", shipment_id)
    if State(view.state) is State.DISMISSED:
        return Conflict("update_finished", _DISMISSED)
    return Conflict("tracking_window_closed", _TOO_LATE)


def _left(order: Order, update_id: UUID) -> bool:
    """Whether Walmart has units of a shipment; then it can be corrected in any state."""
    task = order.task(update_id)
    return task is not None and any(item.confirmed for item in task.items)


async def _refuse_too_late(connection: Connection, order: Order, shipment: StoredShipment) -> None:
    if State(shipment.state) is State.DISMISSED and not _left(order, shipment.update_id):
        raise Conflict("update_finished", _DISMISSED)
    if tracking_correction.window_closed(
        shipment.first_confirmed_at, await rate_limits.now(connection)
    ):
        raise Conflict("tracking_window_closed", _TOO_LATE)


async def _queue(
    connection: Connection,
    context: AppContext,
    order: Order,
    shipment: StoredShipment,
    corrected: _Corrected,
    *,
    actor: str,
) -> Order:
    """Put the correction into the shipment's own update, or append a tracking update."""
    task = order.task(shipment.update_id)
    payload = corrected.package.to_json()
    if task is not None:
        # A poller may have claimed the update since the order was loaded; its row is locked now.
        task = replace(task, state=State(shipment.state), in_doubt_until=shipment.in_doubt_until)
    if task is None or tracking_correction.replaceable(order, task):
        await shipments.send_instead(connection, order.store_id, shipment.update_id, payload)
        return order
    for earlier in tracking_history.corrections(order, task):
        if tracking_correction.supersedable(earlier):
            order = await requeue.supersede(
                connection, order, earlier.update_id, tracking_correction.LATER_CORRECTION
            )
    update = NewUpdate(
        store_id=order.store_id,
        id=context.new_id(order.store_id),
        kind=Kind.TRACKING,
        subject=order.purchase_order_id,
        sequence=order.next_sequence,
        order_id=order.id,
        requested_by=actor,
        payload={
            **payload,
            "shipment_update_id": str(shipment.update_id),
            "previous_tracking_number": shipment.tracking_number,
            "recognisable": tracking_correction.recognisable(
                order, task, corrected.package.tracking_number
            ),
        },
    )
    await accept.append(connection, update)
    await updates.activate_next(connection, [update.queue])
    after = await repository.lock(connection, order.id)
    await save.save_status(connection, after, synced=False)
    return after


async def _check(
    connection: Connection, order: Order, shipment: StoredShipment, correction: TrackingCorrection
) -> _Corrected:
    code = correction.carrier_code or shipment.carrier_code
    same_carrier = correction.carrier_code is None and correction.carrier_title is None
    title = correction.carrier_title
    if title is None and correction.carrier_code is None:
        title = shipment.carrier_title
    number = correction.tracking_number or shipment.tracking_number
    url = correction.tracking_url
    # The URL of the old number does not lead to the new package.
    if url is None and same_carrier and correction.tracking_number is None:
        url = shipment.tracking_url
    rules_of_store = await stores.shipping_rules(connection, order.store_id)
    resolved = carrier_mapping.resolve(rules_of_store, code, title, number, url)
    refuse(
        [
            *shipping.tracking_problems(order, number),
            *shipping.url_problems(url),
            *resolved.problems,
        ]
    )
    package = replace(
        Package.from_json(shipment.payload),
        carrier=resolved.carrier,
        tracking_number=number,
        tracking_url=resolved.tracking_url,
    )
    fields = {
        "carrier_code": code,
        "carrier_title": title,
        "tracking_number": number,
        "tracking_url": url,
        "walmart_carrier": resolved.stored(),
    }
    return _Corrected(fields, package)


async def _try_again(connection: Connection, order: Order, shipment: StoredShipment) -> None:
    found = await requeue.find(connection, shipment.update_id)
    waits = {State.RETRYING, State.VERIFYING, State.FAILED}
    if found is None or found.state not in waits:
        return
    again = order
    if found.state is State.FAILED:
        # Another update may have reserved its units meanwhile.
        try:
            again = reservation.reserve_again(order, found.id)
        except Conflict:
            if _left(order, found.id):
                return
            raise
        await save.save(connection, order, again)
    await requeue.requeue(connection, found)
    state = State.VERIFYING if found.state is State.FAILED else found.state
    after = reservation.with_state(again, {found.id: state})
    await save.save_status(connection, after, synced=False)
    await updates.activate_next(connection, [found.queue])


async def _add_to_timeline(
    connection: Connection,
    context: AppContext,
    order: Order,
    shipment: StoredShipment,
    corrected: _Corrected,
    *,
    actor: str,
) -> None:
    old = {
        "carrier_code": shipment.carrier_code,
        "tracking_number": shipment.tracking_number,
        "tracking_url": shipment.tracking_url,
    }
    new = {name: corrected.fields[name] for name in old}
    detail = {"shipment_id": str(shipment.id), "old": old, "new": new}
    event = timeline.TimelineEvent("tracking_corrected", actor, shipment.update_id, detail)
    await timeline.add(connection, order.store_id, order.id, event, context.new_id)
