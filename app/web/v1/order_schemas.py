"""Orders as JSON, in and out."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field

from app.domain.orders.order import OrderLine
from app.storage.queries.views import (
    CancellationView,
    OrderView,
    ShipmentView,
    StatusDetail,
    TimelineEntry,
)
from app.usecases.imports.register import RegisteredLine, Registration
from app.usecases.orders.refresh import Refreshed
from app.web.v1.fields import Id, In, MoneyIn, MoneyOut, Number, Out, Quantity, Text, Time


class OrderLineIn(In):
    """A line of the order, numbered as Walmart numbers it."""

    line_number: Text
    sku: Text
    quantity: Quantity = Field(description="Units ordered.")
    name: Text | None = None
    commerce_item_id: Id | None = None
    unit_price: MoneyIn | None = None

    def to_line(self) -> RegisteredLine:
        """The line in the use case's words."""
        price = self.unit_price.to_money() if self.unit_price else None
        return RegisteredLine(**{**self.model_dump(exclude={"unit_price"}), "unit_price": price})


class OrderIn(In):
    """An order that Commerce or an importer already knows."""

    store_id: UUID
    purchase_order_id: Number
    lines: Annotated[list[OrderLineIn], Field(min_length=1, max_length=1000)]
    customer_order_id: Number | None = None
    commerce_order_number: Text | None = None
    commerce_order_id: Id | None = None
    ordered_at: Time | None = None
    ship_by: Time | None = None
    deliver_by: Time | None = None
    ship_method: Text | None = None

    def to_registration(self) -> Registration:
        """The order in the use case's words."""
        fields = self.model_dump(exclude={"store_id", "lines"})
        return Registration(**fields, lines=tuple(line.to_line() for line in self.lines))


class ImportIn(In):
    """An order to read from Walmart."""

    store_id: UUID
    purchase_order_id: Number


class LinePatch(In):
    """Which item of the Commerce order a line is; null takes it away."""

    line_number: Text
    commerce_item_id: Id | None


class OrderPatch(In):
    """Commerce's numbers of the order and its lines; null takes one away."""

    commerce_order_number: Text | None = None
    commerce_order_id: Id | None = None
    lines: Annotated[list[LinePatch], Field(max_length=1000)] | None = None

    def items(self) -> dict[str, int | None]:
        """Commerce's items by line."""
        return {line.line_number: line.commerce_item_id for line in self.lines or ()}


class SyncOut(Out):
    """Whether Walmart knows everything that Commerce has said."""

    state: str = Field(description="synced, pending, retrying or error.")
    pending: int = Field(description="Updates that are not at rest.")
    next_attempt_at: datetime | None
    last_synced_at: datetime | None


class CancelRequestedOut(Out):
    """The buyer asked to cancel these lines."""

    lines: list[str]
    seen_at: str | None


class ReturnRequestedOut(Out):
    """The buyer sends something back: how many returns there are, and where to read them."""

    count: int
    url: str


class QuantityOut(Out):
    """Units of a line: shipped, canceled and refunded by Walmart's word, pending by ours."""

    ordered: int
    shipped: int
    canceled: int
    refunded: int
    pending: int
    remaining: int


class OrderLineOut(Out):
    """A line of an order."""

    line_number: str
    sku: str
    name: str | None
    commerce_item_id: int | None
    unit_price: MoneyOut | None
    quantity: QuantityOut

    @classmethod
    def of(cls, line: OrderLine) -> "OrderLineOut":
        """Show a line."""
        counts = {name: getattr(line, name) for name in QuantityOut.model_fields}
        return cls(
            line_number=line.line_number,
            sku=line.sku,
            name=line.name,
            commerce_item_id=line.commerce_item_id,
            unit_price=MoneyOut.of(line.unit_price),
            quantity=QuantityOut(**counts),
        )


class OrderOut(Out):
    """An order: its progress by Walmart's word, and whether anything went wrong."""

    id: UUID
    store_id: UUID
    purchase_order_id: str
    customer_order_id: str | None
    commerce_order_number: str | None
    commerce_order_id: int | None
    status: str = Field(description="fulfillment_status, or error while an update is failed.")
    fulfillment_status: str = Field(description="open, partially_shipped, shipped or canceled.")
    sync: SyncOut
    status_details: list[StatusDetail]
    cancel_requested: CancelRequestedOut | None
    return_requested: ReturnRequestedOut | None
    ordered_at: datetime | None
    ship_by: datetime | None
    deliver_by: datetime | None
    ship_method: str | None
    fulfilled_by: str = Field(description="seller, or walmart for what its own warehouses ship.")
    acknowledge_by: datetime | None = Field(
        description="Until when Walmart wants the acknowledgement, while it has none."
    )
    item_count: int
    order_value: MoneyOut | None
    updated_at: datetime
    lines: list[OrderLineOut]
    shipments: list[ShipmentView]
    cancellation: CancellationView | None

    @classmethod
    def of(cls, view: OrderView) -> "OrderOut":
        """Show an order."""
        fields: dict[str, Any] = {
            name: getattr(view, name) for name in OrderView.__slots__ if name in cls.model_fields
        }
        sync = view.sync
        fields |= {
            "sync": SyncOut(**{name: getattr(sync, name) for name in SyncOut.model_fields}),
            "status_details": list(view.status_details),
            "return_requested": ReturnRequestedOut(
                count=view.returns, url=f"/v1/returns?order_id={view.id}"
            )
            if view.returns
            else None,
            "order_value": MoneyOut.of(view.order_value),
            "lines": [OrderLineOut.of(line) for line in view.lines],
            "shipments": list(view.shipments),
            "cancellation": view.cancellation,
        }
        return cls(**fields)


class OrdersOut(Out):
    """A page of orders."""

    data: list[OrderOut]
    next_cursor: str | None


class RefreshIn(In):
    """How to read the order."""

    accept_walmart: bool = Field(
        default=False,
        strict=True,
        description="Take back confirmed units that Walmart does not show: they can be shipped "
        "again. Refused while a write of the order may still take effect.",
    )


class RefreshedOut(Out):
    """The order after Walmart was read; refreshed false: a poller holds it, nothing was read."""

    refreshed: bool
    explanation: str
    order: OrderOut

    @classmethod
    def of(cls, refreshed: Refreshed) -> "RefreshedOut":
        """Show what was found."""
        return cls(
            refreshed=refreshed.refreshed,
            explanation=refreshed.explanation,
            order=OrderOut.of(refreshed.order),
        )


class SummaryOut(Out):
    """How many orders are in each status."""

    open: int
    partially_shipped: int
    shipped: int
    canceled: int
    error: int
    total: int


class TimelineEntryOut(Out):
    """Something that happened; actor is the name of the API key, null for Waybill itself."""

    at: datetime
    what: str
    actor: str | None
    update_id: UUID | None
    detail: dict[str, Any]

    @classmethod
    def of(cls, entry: TimelineEntry) -> "TimelineEntryOut":
        """Show an entry."""
        return cls(
            at=entry.at,
            what=entry.what,
            actor=entry.actor,
            update_id=entry.update_id,
            detail=dict(entry.detail),
        )


class TimelineOut(Out):
    """An order's timeline, oldest first."""

    data: list[TimelineEntryOut]
    next_cursor: str | None
