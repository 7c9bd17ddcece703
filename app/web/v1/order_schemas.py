"""JSON of orders: request bodies, pages of lists, and counts."""

from collections.abc import Iterable, Sequence
from typing import Annotated, Self
from uuid import UUID

from pydantic import AfterValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from app.domain.errors import refuse
from app.domain.orders import links
from app.storage.queries.views import OrderCardsView, OrderView, TimelineEntry
from app.usecases.imports.register import RegisteredLine, Registration
from app.web.v1.fields import Id, In, MoneyIn, Number, Out, Quantity, Text, Time


class CommerceItemIn(In):
    """An item of the Commerce order that is part of a composite product."""

    id: Id = Field(description="Commerce's `order_item_id`.")
    per_unit: Quantity = Field(default=1, description="How many are in one unit of the line.")


def _different(items: list[CommerceItemIn]) -> list[CommerceItemIn]:
    ids = [each.id for each in items]
    if len(set(ids)) < len(ids):
        message = "Each item may be listed once."
        raise PydanticCustomError("repeated", message, {"code": "invalid"})
    return items


_CommerceItems = Annotated[
    list[CommerceItemIn],
    AfterValidator(_different),
    Field(
        max_length=100,
        description="The items of a composite product: the parent, the children, or both.",
    ),
]


class OrderLineIn(In):
    """A line of the order, with Walmart's line number."""

    line_number: Text
    sku: Text
    quantity: Quantity = Field(description="Units ordered.")
    name: Text | None = None
    commerce_item_id: Id | None = None
    commerce_items: _CommerceItems | None = None
    unit_price: MoneyIn | None = None

    def to_line(self) -> RegisteredLine:
        """Convert to the line that the use case takes."""
        price = self.unit_price.to_money() if self.unit_price else None
        fields = self.model_dump(exclude={"unit_price", "commerce_items"})
        items = per_unit(self.commerce_items)
        return RegisteredLine(**fields, unit_price=price, commerce_items=items)


def per_unit(items: Iterable[CommerceItemIn] | None) -> dict[int, int]:
    """How many of each Commerce item are in one unit."""
    return {each.id: each.per_unit for each in items or ()}


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
    """The items of the Commerce order that a line corresponds to. null removes them."""

    line_number: Text
    commerce_item_id: Id | None = None
    commerce_items: _CommerceItems | None = None

    @model_validator(mode="after")
    def _something(self) -> Self:
        if len(self.model_fields_set) == 1:
            message = "commerce_item_id or commerce_items is needed."
            raise PydanticCustomError("nothing", message, {"code": "required"})
        return self


class OrderPatch(In):
    """The Commerce numbers of the order and its lines. null removes a number."""

    commerce_order_number: Text | None = None
    commerce_order_id: Id | None = None
    lines: Annotated[list[LinePatch], Field(max_length=1000)] | None = None

    def items(self) -> dict[str, int | None]:
        """Return the Commerce item ids by line number. Raises Invalid line_repeated."""
        lines = self.lines or ()
        refuse(tuple(links.repeated_lines(line.line_number for line in lines)))
        return {
            line.line_number: line.commerce_item_id
            for line in lines
            if "commerce_item_id" in line.model_fields_set
        }

    def parts(self) -> dict[str, dict[int, int]]:
        """Return how many of each item are in one unit of composite products, by line number."""
        return {
            line.line_number: per_unit(line.commerce_items)
            for line in self.lines or ()
            if "commerce_items" in line.model_fields_set
        }


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
    """The number of orders in each status, and cards of what needs action."""

    open: int
    partially_shipped: int
    shipped: int
    canceled: int
    error: int
    total: int
    cards: OrderCardsView


class TimelineOut(Out):
    """A part of an order's timeline, oldest first. The first page is the newest part."""

    data: Sequence[TimelineEntry]
    next_cursor: str | None
