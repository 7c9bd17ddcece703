"""Keeps the tracks of a REST request that Walmart does not get, where people look for them.

Walmart shows a unit under one tracking number. Of more packages than units the first goes out with
all of them. The others stay with the order as a refused event, as those of a webhook do.
"""

from dataclasses import dataclass
from uuid import UUID

from app.commerce.shipment_tracks import Track
from app.domain.orders.order import Order
from app.domain.orders.requests import RequestedItem
from app.storage.commerce.events import CommerceEvent
from app.storage.postgres.database import Connection
from app.usecases.commerce_dedup.event_state import SHIPMENT, shipment_json
from app.usecases.commerce_events.carry_out import record
from app.usecases.commerce_events.shipments import refused
from app.usecases.context import AppContext


@dataclass(frozen=True, slots=True)
class UnsentTracks:
    """The tracks of a shipment that get no unit, with what the shipment was."""

    reference: str
    """The reference of the shipment, made of the request's body."""
    items: tuple[RequestedItem, ...] | None
    sent: Track
    spare: tuple[Track, ...]

    async def keep(
        self, connection: Connection, context: AppContext, order: Order, shipment: UUID
    ) -> None:
        """Store them in the transaction that accepted the shipment and locked its order."""
        event = CommerceEvent(
            store_id=order.store_id,
            id=context.new_id(order.store_id),
            reference=self.reference,
            about=SHIPMENT,
            commerce_order_id=order.commerce_order_id or 0,
            told=shipment_json(self.items, (self.sent, *self.spare)),
            shipments=(str(shipment),),
        )
        await record(connection, context, order, None, refused(event, self.sent, self.spare))
