"""Shipments as JSON, in and out."""

from datetime import datetime
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from app.domain.orders.order import Item
from app.domain.orders.requests import RequestedItem, ShipRequest, TrackingCorrection
from app.storage.queries.views import ShipmentView, UpdateView
from app.usecases.orders.preview_shipment import Preview
from app.web.problems import ErrorItem
from app.web.v1.fields import Id, In, LongText, Out, Plain, Quantity, Text, Time

_NAMES = ("line_number", "sku", "commerce_item_id")
# Longer ones are refused by the rule, with a code of their own.
_TrackingNumber = Annotated[Plain, Field(max_length=200, strict=True)]


class ShipmentItemIn(In):
    """Units of one line, named by its number, its SKU or its Commerce item."""

    quantity: Quantity
    line_number: Text | None = None
    sku: Text | None = None
    commerce_item_id: Id | None = None

    @model_validator(mode="after")
    def _one_name(self) -> Self:
        if sum(getattr(self, name) is not None for name in _NAMES) != 1:
            raise PydanticCustomError(
                "one_name", f"Exactly one of {', '.join(_NAMES)} is needed.", {"code": "invalid"}
            )
        return self


class ShipmentIn(In):
    """A package that left. Without items it holds everything that remains of the order."""

    carrier_code: Text = Field(description="Commerce's code of the carrier.")
    tracking_number: _TrackingNumber
    carrier_title: Text | None = None
    tracking_url: LongText | None = None
    shipped_at: Time | None = Field(default=None, description="Now, where it is left out.")
    method_code: Text | None = Field(
        default=None, description="The order's own where Walmart knows it, else Standard."
    )
    reference: Text | None = Field(
        default=None, description="Unique in the order: the same again answers the first."
    )
    override_cancel_request: bool = Field(default=False, strict=True)
    items: Annotated[list[ShipmentItemIn], Field(min_length=1, max_length=1000)] | None = None

    def to_request(self) -> ShipRequest:
        """The request in the rules' words."""
        items = None
        if self.items is not None:
            items = tuple(RequestedItem(**item.model_dump()) for item in self.items)
        return ShipRequest(**{**self.model_dump(exclude={"items"}), "items": items})


class TrackingIn(In):
    """What to correct of a shipment; fields that are left out stay."""

    carrier_code: Text | None = None
    carrier_title: Text | None = None
    tracking_number: _TrackingNumber | None = None
    tracking_url: LongText | None = None

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not any(self.model_dump().values()):
            raise PydanticCustomError("nothing", "Nothing to correct was given.")
        return self

    def to_correction(self) -> TrackingCorrection:
        """The correction in the rules' words."""
        return TrackingCorrection(**self.model_dump())


class ItemOut(Out):
    """Units of a line; confirmed of them Walmart has shown."""

    line_number: str
    quantity: int
    confirmed: int

    @classmethod
    def of(cls, item: Item) -> "ItemOut":
        """Show an item."""
        return cls(line_number=item.line_number, quantity=item.quantity, confirmed=item.confirmed)


class ShipmentOut(Out):
    """A shipment and where it stands."""

    id: UUID
    order_id: UUID
    number: int
    carrier_code: str
    carrier_title: str | None
    tracking_number: str
    tracking_url: str | None
    shipped_at: datetime
    method_code: str
    reference: str | None
    override_cancel_request: bool
    walmart_carrier: dict[str, str] = Field(
        description="`carrier`: a name of Walmart's; or `other`: any name, with a tracking URL."
    )
    state: str = Field(description="pending, retrying, confirmed, failed or dismissed.")
    items: list[ItemOut]
    update: UpdateView
    created_at: datetime

    @classmethod
    def of(cls, view: ShipmentView) -> "ShipmentOut":
        """Show a shipment."""
        fields: dict[str, Any] = {name: getattr(view, name) for name in ShipmentView.__slots__}
        fields["items"] = [ItemOut.of(item) for item in view.items]
        return cls(**fields)


class ShipmentsOut(Out):
    """The shipments of an order, oldest first."""

    data: list[ShipmentOut]
    next_cursor: str | None


class WalmartRequestOut(Out):
    """The exact request that would go to Walmart."""

    method: str
    path: str
    body: dict[str, Any]


class PreviewOut(Out):
    """What a shipment would send, and everything that speaks against it; nothing was written."""

    would_be_accepted: bool
    walmart_carrier: dict[str, str]
    walmart_request: WalmartRequestOut | None
    problems: list[ErrorItem]

    @classmethod
    def of(cls, preview: Preview) -> "PreviewOut":
        """Show a preview."""
        sent = None
        if preview.body is not None:
            sent = WalmartRequestOut(method="POST", path=preview.path, body=preview.body)
        return cls(
            would_be_accepted=not preview.problems,
            walmart_carrier=preview.walmart_carrier,
            walmart_request=sent,
            problems=[
                ErrorItem(pointer=p.pointer, code=p.code, message=p.message)
                for p in preview.problems
            ],
        )
