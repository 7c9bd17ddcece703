"""Cancellations as JSON, in and out."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field, StrictInt, model_validator
from pydantic_core import PydanticCustomError

from app.domain.db_limits import INT
from app.domain.orders.cancellation import COMMENT_MAX
from app.domain.orders.requests import CancelRequest, StockLevel
from app.storage.queries.views import CancellationView, UpdateView
from app.web.v1.fields import In, LongText, Out, Text
from app.web.v1.shipment_schemas import ItemOut

_PARTIAL = ("lines", "items", "order_lines", "orderLines", "line_numbers")


class StockLevelIn(In):
    """How many units of a SKU there are to sell after the cancellation."""

    sku: Text
    quantity: Annotated[StrictInt, Field(ge=0, le=INT)]
    ship_node: Text | None = None


class CancellationIn(In):
    """Cancel the whole order. Single lines cannot be canceled."""

    reason: Text = Field(description="One of `GET /v1/cancellation-reasons`.")
    comment: Annotated[LongText, Field(max_length=COMMENT_MAX)] | None = None
    inventory: Annotated[list[StockLevelIn], Field(max_length=1000)] = Field(default=[])

    @model_validator(mode="before")
    @classmethod
    def _whole_order(cls, body: Any) -> Any:  # noqa: ANN401 - whatever came as JSON
        if isinstance(body, dict) and any(name in body for name in _PARTIAL):
            raise PydanticCustomError(
                "partial",
                "Only the whole order can be canceled; leave the lines out.",
                {"code": "partial_cancellation_not_supported"},
            )
        return body

    def to_request(self) -> CancelRequest:
        """The request in the rules' words."""
        levels = tuple(StockLevel(**level.model_dump()) for level in self.inventory)
        return CancelRequest(self.reason, self.comment, levels)


class StockLevelOut(Out):
    """How many units of a SKU Commerce said there are."""

    sku: str
    quantity: int
    ship_node: str | None


class CancellationOut(Out):
    """The cancellation of an order and where it stands."""

    id: UUID
    order_id: UUID
    reason: str
    comment: str | None
    inventory: list[StockLevelOut]
    state: str = Field(description="pending, retrying, confirmed, failed or dismissed.")
    items: list[ItemOut]
    update: UpdateView
    created_at: datetime

    @classmethod
    def of(cls, view: CancellationView) -> "CancellationOut":
        """Show a cancellation."""
        fields: dict[str, Any] = {name: getattr(view, name) for name in CancellationView.__slots__}
        fields["inventory"] = [StockLevelOut.model_validate(dict(each)) for each in view.inventory]
        fields["items"] = [ItemOut.of(item) for item in view.items]
        return cls(**fields)


class ReasonOut(Out):
    """A reason to cancel: the code to send, and what Commerce's screens call it."""

    code: str
    label: str
    labels: list[str] = Field(description="Every wording that Adobe uses for it.")
    walmart_code: str = Field(description="Walmart's code in the US market.")
    walmart_codes: dict[str, str] = Field(description="Walmart's code in each market.")


class ReasonsOut(Out):
    """Every reason to cancel."""

    data: list[ReasonOut]
    next_cursor: str | None
