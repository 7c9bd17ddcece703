"""Corrects a shipment's carrier, tracking number or URL.

A payload that may have reached Walmart is never rewritten. A shipment that provably did not reach
Walmart is sent with the new number. Any other shipment is settled first, and a tracking update
follows it.
"""

from dataclasses import replace
from uuid import UUID

from app.domain.errors import Conflict, OrderError, Unknown, refuse
from app.domain.orders import held_units, reservation, tracking_correction, tracking_history
from app.domain.orders.order import Order
from app.domain.orders.order_event import OrderEvent
from app.domain.orders.requests import TrackingCorrection
from app.domain.outbox.claimed_update import NewUpdate
from app.domain.update import Kind, State
from app.storage import idempotency, queries, rate_limits, timeline
from app.storage.idempotency import IdempotentRequest
from app.storage.orders import accept, repository, save, shipments
from app.storage.orders.shipments import StoredShipment
from app.storage.outbox import requeue, updates
from app.storage.postgres.database import Connection
from app.storage.queries.views import ShipmentView
from app.usecases.context import AppContext
from app.usecases.orders import corrected_shipment
from app.usecases.orders.corrected_shipment import CorrectedShipment
from app.walmart.shipment_payload import Package

_DISMISSED = "The shipment was dismissed."
_MAY_ARRIVE = "Other units of the shipment may still arrive under its present number."
_REST_ONLY = "Only units that Walmart did not have get this number."
_TOO_LATE = "Walmart accepts corrections for 4 hours after it first confirmed the shipment."


async def correct(
    context: AppContext,
    order_id: UUID,
    shipment_id: UUID,
    correction: TrackingCorrection,
    *,
    actor: str,
    once: IdempotentRequest | None = None,
) -> ShipmentView:
    """Correct a shipment, and try a failed one again.

    Raises Unknown, Invalid, and Conflict tracking_window_closed, update_finished, or
    quantity_exceeds_remaining if other updates took a failed shipment's units.
    """
    async with context.transaction(once) as connection:
        order = await repository.lock(connection, order_id)
        await correct_locked(connection, context, order, shipment_id, correction, actor=actor)
        view = await queries.shipment(connection, order.store_id, order_id, shipment_id)
        if view is None:
            raise Unknown("shipment", shipment_id)
        await idempotency.store(connection, once, view)
    context.wake()
    return view


async def correct_locked(
    connection: Connection,
    context: AppContext,
    order: Order,
    shipment_id: UUID,
    correction: TrackingCorrection,
    *,
    actor: str,
    rest_only: bool = False,
) -> None:
    """Correct a shipment of a locked order; the caller commits and wakes the pollers.

    rest_only: units that Walmart has confirmed keep their number. Raises Conflict order_in_doubt
    then if other units may arrive under that number, too.
    """
    shipment = await shipments.sendable(connection, order.store_id, order.id, shipment_id)
    if shipment is None:
        raise await _not_sendable(connection, order, shipment_id)
    corrected = await corrected_shipment.check(connection, order, shipment, correction)
    if _repeats(order, shipment, corrected):
        await _retry(connection, context, order, shipment, actor=actor)
        return
    if not rest_only:
        await _refuse_too_late(connection, order, shipment)
    await shipments.correct(connection, order.store_id, shipment_id, corrected.fields)
    after = await _queue(
        connection, context, order, shipment, corrected, actor=actor, rest_only=rest_only
    )
    await _try_again(connection, after, shipment, rest_only=rest_only)
    await _add_to_timeline(connection, context, after, shipment, corrected, actor=actor)


async def retry_failed(
    connection: Connection, context: AppContext, order: Order, shipment_id: UUID, *, actor: str
) -> None:
    """Retry a shipment of a locked order if it is failed, by the store's present carriers.

    Raises Conflict quantity_exceeds_remaining if none of its units is left for it.
    """
    shipment = await shipments.sendable(connection, order.store_id, order.id, shipment_id)
    # mutation: retry-by-repeated-body
    if shipment is not None and State(shipment.state) is State.FAILED:
        unchanged = TrackingCorrection()
        await correct_locked(connection, context, order, shipment_id, unchanged, actor=actor)


def _repeats(order: Order, shipment: StoredShipment, corrected: CorrectedShipment) -> bool:
    """Whether a failed shipment is only to be sent again, as its delivery sends it."""
    last = tracking_history.latest(order, shipment.update_id)
    payload = shipment.payload if last is None or last.package is None else last.package
    return State(shipment.state) is State.FAILED and corrected.sends_the_same_as(payload)


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
        task = order.task(shipment.update_id)
        refuse([held_units.refusal("tracking_window_closed", _TOO_LATE, [task] if task else [])])


async def _queue(
    connection: Connection,
    context: AppContext,
    order: Order,
    shipment: StoredShipment,
    corrected: CorrectedShipment,
    *,
    actor: str,
    rest_only: bool,
) -> Order:
    """Put the correction into the shipment's own update, or append a tracking update.

    rest_only: the appended update is never sent. It keeps the number for what is still to be sent.
    """
    task = order.task(shipment.update_id)
    payload = corrected.package.to_json()
    if task is not None:
        # A poller may have claimed the update since the order was loaded; its row is locked now.
        task = replace(task, state=State(shipment.state), in_doubt_until=shipment.in_doubt_until)
    if task is None or tracking_correction.replaceable(order, task):
        await shipments.send_instead(connection, order.store_id, shipment.update_id, payload)
        return order
    if rest_only and task.in_doubt_until is not None:
        refuse([held_units.refusal("order_in_doubt", _MAY_ARRIVE, [task])])
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
    if rest_only:
        # mutation: number-of-confirmed-units
        await requeue.supersede(connection, order, update.id, _REST_ONLY)
    await updates.activate_next(connection, [update.queue])
    after = await repository.lock(connection, order.id)
    await save.save_status(connection, after, synced=False)
    return after


async def _retry(
    connection: Connection,
    context: AppContext,
    order: Order,
    shipment: StoredShipment,
    *,
    actor: str,
) -> None:
    found = await requeue.find(connection, shipment.update_id)
    assert found is not None  # noqa: S101 - its row is locked
    await requeue.try_again(connection, order, found)
    event = timeline.TimelineEvent(OrderEvent.UPDATE_RETRIED, actor, found.id)
    await timeline.add(connection, order.store_id, order.id, event, context.new_id)


async def _try_again(
    connection: Connection, order: Order, shipment: StoredShipment, *, rest_only: bool
) -> None:
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
            if _left(order, found.id) and not rest_only:
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
    corrected: CorrectedShipment,
    *,
    actor: str,
) -> None:
    old = {
        "carrier_code": shipment.carrier_code,
        "tracking_number": shipment.tracking_number,
        "tracking_url": shipment.tracking_url,
    }
    before = Package.from_json(shipment.payload)
    if before.method_code != corrected.package.method_code:
        old["method_code"] = before.method_code
    new = {name: corrected.fields[name] for name in old}
    detail = {"shipment_id": str(shipment.id), "old": old, "new": new}
    event = timeline.TimelineEvent(OrderEvent.TRACKING_CORRECTED, actor, shipment.update_id, detail)
    await timeline.add(connection, order.store_id, order.id, event, context.new_id)
