"""JSON of orders: request bodies, pages of lists, and counts."""

from typing import Annotated
from uuid import UUID

from pydantic import Field

from app.storage.queries.views import OrderView, TimelineEntry
from app.usecases.imports.register import RegisteredLine, Registration
from app.web.v1.fields import Id, In, MoneyIn, Number, Out, Quantity, Text, Time


class OrderLineIn(In):
    """A line of the order, with Walmart's line number."""

    line_number: Text
    sku: Text
    quantity: Quantity = Field(description="Units ordered.")
    name: Text | None = None
    commerce_item_id: Id | None = None
    unit_price: MoneyIn | None = None

    def to_line(self) -> RegisteredLine:
        """Convert to the line that the use case takes."""
        price = self.unit_price.to_money() if self.unit_price else None
        return RegisteredLine(**{**self.model_dump(exclude={"unit_price"}), "unit_price": price})


class OrderIn(In):
    """An order that Commerce or an importer already has."""

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
        """Convert to the registration that the use case takes."""
        fields = self.model_dump(exclude={"store_id", "lines"})
        return Registration(**fields, lines=tuple(line.to_line() for line in self.lines))


class ImportIn(In):
    """An order to read from Walmart."""

    store_id: UUID
    purchase_order_id: Number


class LinePatch(In):
    """The item of the Commerce order that a line corresponds to. null removes the link."""

    line_number: Text
    commerce_item_id: Id | None


class OrderPatch(In):
    """The Commerce numbers of the order and its lines. null removes a number."""

    commerce_order_number: Text | None = None
    commerce_order_id: Id | None = None
    lines: Annotated[list[LinePatch], Field(max_length=1000)] | None = None

    def items(self) -> dict[str, int | None]:
        """Return the Commerce item ids by line number."""
        return {line.line_number: line.commerce_item_id for line in self.lines or ()}


class OrdersOut(Out):
    """A page of orders."""

    data: list[OrderView]
    next_cursor: str | None


class RefreshIn(In):
    """Options of a refresh."""

    accept_walmart: bool = Field(
        default=False,
        strict=True,
        description="Release confirmed units that Walmart does not show, so that they can be "
        "shipped again. Refused while a write of the order may still take effect.",
    )


class SummaryOut(Out):
    """The number of orders in each status."""

    open: int
    partially_shipped: int
    shipped: int
    canceled: int
    error: int
    total: int


class TimelineOut(Out):
    """An order's timeline, oldest first."""

    data: list[TimelineEntry]
    next_cursor: str | None
