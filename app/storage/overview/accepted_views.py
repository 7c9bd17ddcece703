"""A shipment as people see it right after it was accepted, without asking the database again."""

from datetime import datetime
from uuid import UUID

from app.orders.update import State
from app.storage.shipments import NewShipment
from app.storage.updates import NewUpdate
from app.storage.views import ShipmentView, UpdateView


def accepted_shipment(
    new: NewShipment, update: NewUpdate, *, store: UUID, number: int, at: datetime
) -> ShipmentView:
    """What `shipment` would find of it. at is the database's time of acceptance."""
    return ShipmentView(
        id=new.id,
        order_id=new.order_id,
        number=number,
        carrier_code=new.carrier_code,
        carrier_title=new.carrier_title,
        tracking_number=new.tracking_number,
        tracking_url=new.tracking_url,
        shipped_at=new.shipped_at,
        method_code=new.method_code,
        reference=new.reference,
        override_cancel_request=new.override_cancel_request,
        walmart_carrier=new.walmart_carrier,
        state=State.PENDING.value,
        items=new.items,
        update=_update(update, store, at),
        created_at=at,
    )


def _update(new: NewUpdate, store: UUID, at: datetime) -> UpdateView:
    return UpdateView(
        id=new.id,
        store_id=store,
        order_id=new.order_id,
        target=new.target.value,
        subject=new.subject,
        kind=new.kind.value,
        state=State.PENDING.value,
        sequence=new.sequence,
        attempts=0,
        next_attempt_at=at,
        needs_reading=False,
        in_doubt_until=None,
        status_detail=None,
        line_details=(),
        note=None,
        dismissed_by=None,
        requested_by=new.requested_by,
        created_at=at,
        updated_at=at,
        finished_at=None,
    )
