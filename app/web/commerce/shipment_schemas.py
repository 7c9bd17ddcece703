"""Shipments and tracks as Commerce's ShipmentInterface and ShipmentTrackInterface.

A shipment here is one package, so it has one track, and both have the shipment's number as their
id. Fields that Adobe's schema requires and that Waybill does not know are 0 or empty.
"""

from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, Field

from app.domain.errors import Invalid, Problem
from app.domain.ids import store_of
from app.domain.orders.requests import TrackingCorrection
from app.domain.orders.tracking_key import tracking_key
from app.domain.update import AT_REST, UNRESOLVED, State
from app.storage import queries
from app.storage.queries.views import OrderView, ShipmentView, UpdateView
from app.web.commerce.fields import IF_ANY, CommentFields, CommerceBody, Id, Short, as_time
from app.web.commerce.order_schemas import price_of
from app.web.commerce.schemas import ShipIn, TrackIn

# Rows of a document have its number, three digits, and their place as their id.
_ROWS = 1000


def row_id(number: int, place: int) -> int:
    """The id of a row of a shipment or credit memo, unique in the store."""
    return number * _ROWS + place


class TrackEntityIn(CommerceBody):
    """A track to save. Its shipment is parent_id."""

    order_id: Id | None = None
    parent_id: Id
    track_number: Short = ""
    title: Short | None = None
    carrier_code: Short | None = None

    def to_correction(self) -> TrackingCorrection:
        """The track for the use case. Raises Invalid tracking_number_required."""
        if not tracking_key(self.track_number):
            message = "A track needs a track_number."
            code = "tracking_number_required"
            raise Invalid(code, message, [Problem(code, message, "/entity/track_number")])
        return TrackingCorrection(self.carrier_code, self.title, self.track_number)


class SaveTrackIn(CommerceBody):
    """Body of Commerce's POST /V1/shipment/track."""

    entity: TrackEntityIn


class SavedTrackIn(TrackIn):
    """A track of a shipment to save. One with an entity_id was there before."""

    entity_id: Id | None = None


class ShipmentEntityIn(ShipIn):
    """A shipment to save: a new one without entity_id, else the tracks of an existing one."""

    tracks: list[SavedTrackIn] = Field(default_factory=list, max_length=100)  # type: ignore[assignment]

    order_id: Id
    entity_id: Id | None = None
    increment_id: Short | None = None
    comments: Annotated[list[CommentFields], Field(max_length=100)] | None = None

    def to_ship(self) -> ShipIn:
        """The shipment as the body of /V1/order/{orderId}/ship, which is the same shipment.

        With another increment_id it is another shipment, even if all else is equal.
        """
        named = {"increment_id": self.increment_id, "comments": self.comments}
        comment = {name: value for name, value in named.items() if value}
        # mutation: shipment-by-either-path
        return ShipIn(items=self.items, tracks=self.tracks, comment=comment or None)


class SaveShipmentIn(CommerceBody):
    """Body of Commerce's POST /V1/shipment/."""

    entity: ShipmentEntityIn


class CommerceTrackOut(BaseModel):
    """The track of a shipment, with the number that Walmart has or gets."""

    entity_id: int
    order_id: int
    parent_id: int
    track_number: str
    title: str
    carrier_code: str
    qty: int
    weight: float
    description: str
    created_at: str
    updated_at: str

    @classmethod
    def of(cls, order: OrderView, shipment: ShipmentView) -> "CommerceTrackOut":
        """Render the track of a shipment."""
        return cls(
            entity_id=shipment.number,
            order_id=order.commerce_order_id or 0,
            parent_id=shipment.number,
            track_number=shipment.tracking_number,
            title=shipment.carrier_title or shipment.carrier_code,
            carrier_code=shipment.carrier_code,
            qty=sum(item.quantity for item in shipment.items),
            weight=0,
            description="",
            created_at=as_time(shipment.created_at),
            updated_at=as_time(_updated_at(shipment)),
        )


class CommerceShipmentItemOut(BaseModel):
    """Units of a line in a shipment."""

    entity_id: int
    parent_id: int
    order_item_id: int | None = IF_ANY
    sku: str
    name: str | None = IF_ANY
    price: float | None = IF_ANY
    qty: int


class CommerceShipmentOut(BaseModel):
    """A shipment as a shipment of Commerce. extension_attributes has Waybill's own fields."""

    entity_id: int
    increment_id: str
    order_id: int
    store_id: int
    total_qty: int
    created_at: str
    updated_at: str
    items: list[CommerceShipmentItemOut]
    tracks: list[CommerceTrackOut]
    comments: list[dict[str, Any]]
    extension_attributes: dict[str, Any]

    @classmethod
    def of(cls, order: OrderView, shipment: ShipmentView) -> "CommerceShipmentOut":
        """Render a shipment of an order."""
        last = _last(shipment)
        detail = last.status_detail
        return cls(
            entity_id=shipment.number,
            increment_id=f"{shipment.number:09}",
            order_id=order.commerce_order_id or 0,
            store_id=store_of(order.id),
            total_qty=sum(item.quantity for item in shipment.items),
            created_at=as_time(shipment.created_at),
            updated_at=as_time(_updated_at(shipment)),
            items=_items(order, shipment),
            tracks=[CommerceTrackOut.of(order, shipment)],
            comments=[],
            extension_attributes={
                "waybill_shipment_id": str(shipment.id),
                "sync_state": queries.state_of(last),
                "status_details": [{"code": detail.code, "message": detail.message}]
                if detail
                else [],
            },
        )


class CommerceShipmentsOut(BaseModel):
    """A page of shipments."""

    items: list[CommerceShipmentOut]
    search_criteria: dict[str, Any]
    total_count: int


def _last(shipment: ShipmentView) -> UpdateView:
    """The update that decides whether Walmart has the shipment as it is shown.

    That is a correction that Walmart has not confirmed, once it has confirmed the shipment.
    """
    sent, correction = shipment.update, shipment.correction
    # mutation: state-of-a-corrected-shipment
    if correction is not None and State(sent.state) in AT_REST:
        return correction if State(correction.state) in UNRESOLVED else sent
    return sent


def _updated_at(shipment: ShipmentView) -> datetime:
    """When the shipment or its newest correction changed."""
    sent, correction = shipment.update, shipment.correction
    # mutation: time-of-a-corrected-shipment
    return max(sent.updated_at, correction.updated_at) if correction else sent.updated_at


def _items(order: OrderView, shipment: ShipmentView) -> list[CommerceShipmentItemOut]:
    lines = {line.line_number: line for line in order.lines}
    return [
        CommerceShipmentItemOut(
            entity_id=row_id(shipment.number, place),
            parent_id=shipment.number,
            order_item_id=next(iter(lines[item.line_number].commerce_ids), None),
            sku=lines[item.line_number].sku,
            name=lines[item.line_number].name,
            price=price_of(lines[item.line_number]),
            qty=item.quantity,
        )
        for place, item in enumerate(shipment.items)
    ]
