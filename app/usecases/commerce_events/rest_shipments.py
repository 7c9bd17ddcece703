"""Ships by Commerce's REST API: a request may correct or retry a failed shipment.

A refused shipment keeps its units, and its client knows no path but this one. So a repeated body
retries the shipment that it made, and a body that lacks units corrects the failed shipment that has
exactly these, or repeats the shipment that has its number too (`domain/orders/mending.py`).
Webhooks and events do neither: they come again by themselves, and name their shipment.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from uuid import UUID

from app.domain.orders import mending
from app.domain.orders.order import Order
from app.domain.orders.requests import ShipRequest, TrackingCorrection
from app.storage.idempotency import IdempotentRequest
from app.storage.orders import repository, shipments
from app.storage.postgres.database import Connection
from app.usecases.commerce_dedup import duplicates
from app.usecases.commerce_events.rest_tracks import RestShipment
from app.usecases.context import AppContext
from app.usecases.orders import correct_tracking, ship
from app.usecases.orders.ship_locked import AcceptedShipment


@dataclass(frozen=True, slots=True)
class RestShipments:
    """Ships the packages of requests of one caller."""

    context: AppContext
    actor: str

    async def ship(
        self,
        order_id: UUID,
        said: RestShipment,
        *,
        once: IdempotentRequest | None,
    ) -> AcceptedShipment:
        """Accept a shipment, or mend a failed one; return the first package. Raises as `ship`."""

        async def find(connection: Connection, order: Order, request: ShipRequest) -> UUID | None:
            return await self._repeated(
                connection, order, request, said.reference
            ) or await said.keep_later_part(connection, self.context, order, request)

        return await ship.ship_all(
            self.context,
            order_id,
            said.parts.requests(said.reference),
            actor=self.actor,
            once=once,
            find_duplicate=find,
            mend_failed=self._mend,
            write_also=said.keep_unsent if said.parts.unsent else None,
        )

    async def _repeated(
        self, connection: Connection, order: Order, request: ShipRequest, body: str
    ) -> UUID | None:
        known = await duplicates.from_rest(connection, order, request, body)
        if known is not None:
            await correct_tracking.retry_failed(
                connection, self.context, order, known, actor=self.actor
            )
        return known

    async def _mend(
        self,
        connection: Connection,
        order: Order,
        wanted: Mapping[int, ShipRequest],
        others: Collection[UUID],
    ) -> Mapping[int, UUID]:
        sent = await shipments.sent(connection, order.store_id, order.id)
        ids = {each.update_id: each.id for each in sent}
        taken = {each.update_id for each in sent if each.id in others}
        found = mending.matches(order, wanted, taken)
        mended = {place: ids[match.task.update_id] for place, match in found.items()}
        for place, match in found.items():
            request, shipment = wanted[place], mended[place]
            if match.failed:
                locked = await repository.lock(connection, order.id)
                await correct_tracking.correct_locked(
                    connection,
                    self.context,
                    locked,
                    shipment,
                    _correction(request),
                    actor=self.actor,
                    rest_only=match.rest_only,
                )
            if request.reference is not None:
                # The same body again is a repetition.
                event_id = self.context.new_id(order.store_id)
                await duplicates.keep(connection, order, request.reference, shipment, event_id)
        return mended


def _correction(request: ShipRequest) -> TrackingCorrection:
    return TrackingCorrection(
        request.carrier_code, request.carrier_title, request.tracking_number, request.tracking_url
    )
