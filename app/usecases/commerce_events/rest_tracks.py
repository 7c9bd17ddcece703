"""A REST request for a shipment, and its tracks that Walmart does not get.

Walmart shows a unit under one tracking number. Of more packages than units the first goes out with
all of them, and a later part of units that were shipped before does not go out. Such tracks stay
with the order as a refused event, as those of a webhook do.
"""

from dataclasses import dataclass
from uuid import UUID

from app.commerce.shipment_tracks import Split
from app.domain.orders import commerce_items
from app.domain.orders import shipping as rules
from app.domain.orders.commerce_items import Resolved
from app.domain.orders.order import Order
from app.domain.orders.requests import RequestedItem, ShipRequest
from app.domain.orders.tracking_key import tracking_key
from app.storage.commerce import events
from app.storage.commerce.events import CommerceEvent
from app.storage.orders import shipments
from app.storage.postgres.database import Connection
from app.usecases.commerce_dedup import duplicates
from app.usecases.commerce_dedup.event_state import SHIPMENT, shipment_json
from app.usecases.commerce_events.carry_out import record
from app.usecases.commerce_events.shipments import some_unsent, unsent
from app.usecases.context import AppContext


@dataclass(frozen=True, slots=True)
class RestShipment:
    """A shipment as a REST body describes it."""

    reference: str
    """The reference of the shipment, made of the request's body."""
    items: tuple[RequestedItem, ...] | None
    parts: Split

    async def keep_unsent(
        self, connection: Connection, context: AppContext, order: Order, made: UUID
    ) -> None:
        """Store the tracks that get no unit, once for a shipment. made: the shipment."""
        event = some_unsent(self._event(context, order, made), self.parts)
        earlier = await events.of_order(connection, order.store_id, order.id)
        # mutation: unsent-tracks-stored-once
        if not any(
            (each.content, each.shipments) == (event.content, event.shipments) for each in earlier
        ):
            await record(connection, context, order, None, event)

    async def keep_later_part(
        self, connection: Connection, context: AppContext, order: Order, request: ShipRequest
    ) -> UUID | None:
        """Store the tracks of a package that only adds parts to units that were shipped before.

        Returns a shipment with these units. None means that the package is no such part.
        """
        if request.items is None:
            return None
        resolved = commerce_items.resolve(order, request.items, shipping=True)
        known = await duplicates.kept_part(
            connection,
            order,
            request.items,
            kind=duplicates.REST,
            numbers=frozenset({tracking_key(request.tracking_number)}),
            reference=self.reference,
        )
        if not (known or resolved.later_part):
            return None
        if not known:
            message = rules.later_part(order, resolved, [request.tracking_number])
            event = unsent(self._event(context, order), message)
            await record(connection, context, order, None, event)
        return await _first_with(connection, order, resolved)

    def _event(self, context: AppContext, order: Order, *made: UUID) -> CommerceEvent:
        tracks = [*(each.track for each in self.parts.packages), *self.parts.unsent]
        return CommerceEvent(
            store_id=order.store_id,
            id=context.new_id(order.store_id),
            reference=self.reference,
            about=SHIPMENT,
            commerce_order_id=order.commerce_order_id or 0,
            content=shipment_json(self.items, tracks),
            shipments=tuple(map(str, made)),
        )


async def _first_with(connection: Connection, order: Order, resolved: Resolved) -> UUID | None:
    numbers = {line.line_number for each in resolved.units for line in each.lines}
    sent = await shipments.sent(connection, order.store_id, order.id)
    having = (each.id for each in sent if any(item.line_number in numbers for item in each.items))
    return next(having, None)
