"""Correct a shipment's carrier, tracking number or URL before Walmart has it.

What may have reached Walmart is never rewritten: such a shipment must be settled first.
"""

from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from app.intake import carriers
from app.intake.desk import Desk
from app.orders import reservation
from app.orders import shipment as rules
from app.orders.errors import Conflict, Unknown, refuse
from app.orders.order import Order
from app.orders.requests import TrackingCorrection
from app.orders.update import State
from app.storage import events, interventions, orders, overview, shipments, stores, updates
from app.storage.database import Connection
from app.storage.shipments import Sendable
from app.storage.views import ShipmentView
from app.walmart.packages import Package


@dataclass(frozen=True, slots=True)
class _Corrected:
    fields: dict[str, Any]
    package: Package


async def correct(
    desk: Desk,
    order_id: UUID,
    shipment_id: UUID,
    correction: TrackingCorrection,
    *,
    actor: str,
) -> ShipmentView:
    """Replace what will be sent of a shipment, and try a failed one again.

    Raises Unknown, Invalid, and Conflict update_in_progress, shipment_unclear,
    shipment_confirmed or update_finished.
    """
    async with desk.transaction() as connection:
        order = await orders.lock(connection, order_id)
        shipment = await shipments.sendable(connection, order.store_id, order_id, shipment_id)
        if shipment is None:
            raise Unknown("shipment", shipment_id)
        _refuse_too_late(order, shipment)
        corrected = await _check(connection, order, shipment, correction)
        await shipments.correct(
            connection,
            order.store_id,
            shipment,
            changes=corrected.fields,
            payload=corrected.package.to_json(),
        )
        await _try_again(connection, order, shipment)
        await _tell(connection, desk, order, shipment, corrected, actor=actor)
        view = await overview.shipment(connection, order.store_id, order_id, shipment_id)
    desk.wake()
    if view is None:
        raise Unknown("shipment", shipment_id)
    return view


def _refuse_too_late(order: Order, shipment: Sendable) -> None:
    state = State(shipment.state)
    task = order.task(shipment.update_id)
    if task is not None and any(item.confirmed for item in task.items):
        # Under another number those units would look missing, and be sent again.
        message = "Walmart has units of it; dismiss it and ship the rest anew."
        raise Conflict("shipment_confirmed", message)
    if state is State.SENDING:
        raise Conflict("update_in_progress", "The shipment is being sent to Walmart right now.")
    if state is State.CONFIRMED:
        message = "Walmart has confirmed the shipment; this version corrects only what it lacks."
        raise Conflict("shipment_confirmed", message)
    if state is State.DISMISSED:
        raise Conflict("update_finished", "The shipment was dismissed.")
    if shipment.ambiguous:
        message = "It may have reached Walmart; correct it once that is settled."
        raise Conflict("shipment_unclear", message)


async def _check(
    connection: Connection, order: Order, shipment: Sendable, correction: TrackingCorrection
) -> _Corrected:
    code = correction.carrier_code or shipment.carrier_code
    same_carrier = correction.carrier_code is None and correction.carrier_title is None
    title = correction.carrier_title
    if title is None and correction.carrier_code is None:
        title = shipment.carrier_title
    number = correction.tracking_number or shipment.tracking_number
    url = correction.tracking_url
    # An old number's URL does not lead to the new package.
    if url is None and same_carrier and correction.tracking_number is None:
        url = shipment.tracking_url
    rules_of_store = await stores.shipping_rules(connection, order.store_id)
    resolved = carriers.resolve(rules_of_store, code, title, number, url)
    refuse(
        [
            *rules.tracking_problems(order, number),
            *rules.url_problems(url),
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
        "walmart_carrier": package.carrier_json,
    }
    return _Corrected(fields, package)


async def _try_again(connection: Connection, order: Order, shipment: Sendable) -> None:
    found = await interventions.find(connection, shipment.update_id)
    if found is None or found.state is State.PENDING:
        return
    await interventions.requeue(connection, found)
    state = State.VERIFYING if found.state is State.FAILED else found.state
    after = reservation.with_state(order, {found.id: state})
    await orders.save_status(connection, after, synced=False)
    await updates.hand_turns(connection, [found.place])


async def _tell(
    connection: Connection,
    desk: Desk,
    order: Order,
    shipment: Sendable,
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
    event = events.Event("tracking_corrected", actor, shipment.update_id, detail)
    await events.add(connection, order.store_id, order.id, event, desk.new_id)
