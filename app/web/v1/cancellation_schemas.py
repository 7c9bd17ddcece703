"""JSON of cancellations: request bodies, and the reasons to cancel."""

from typing import Annotated, Any

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from app.domain.orders.cancellation import COMMENT_MAX, Reason
from app.domain.orders.requests import CancelRequest, StockLevel
from app.storage.queries.views import CancellationView, LineUnitsView
from app.web import dry_runs
from app.web.dry_runs import Rehearsed
from app.web.problem_documents import ErrorItem
from app.web.v1.fields import In, LongText, Out, Text, Units

_PARTIAL = ("lines", "items", "order_lines", "orderLines", "line_numbers")


def whole_order(body: Any) -> Any:  # noqa: ANN401 - whatever came as JSON
    """Refuse a body that names lines, because all of the order would be canceled."""
    if isinstance(body, dict) and any(name in body for name in _PARTIAL):
        raise PydanticCustomError(
            "partial",
            "Only the whole order can be canceled; leave the lines out.",
            {"code": "partial_cancellation_not_supported"},
        )
    return body


class StockLevelIn(In):
    """The units of a SKU that are left to sell after the cancellation."""

    sku: Text
    quantity: Units
    ship_node: Text | None = None


class CancellationIn(In):
    """Cancel the whole order. Single lines cannot be canceled."""

    reason: Reason = Field(description="Labels are at `GET /v1/cancellation-reasons`.")
    comment: Annotated[LongText, Field(max_length=COMMENT_MAX)] | None = None
    inventory: Annotated[list[StockLevelIn], Field(max_length=1000)] = Field(default=[])

    @model_validator(mode="before")
    @classmethod
    def _whole_order(cls, body: Any) -> Any:  # noqa: ANN401 - whatever came as JSON
        return whole_order(body)

    def to_request(self) -> CancelRequest:
        """Convert to the request that the rules take."""
        levels = tuple(StockLevel(**level.model_dump()) for level in self.inventory)
        return CancelRequest(self.reason, self.comment, levels)


class ReasonOut(Out):
    """A reason to cancel: its code, and its labels in Commerce."""

    code: Reason
    label: str
    labels: list[str] = Field(description="Every label that Adobe Commerce uses for it.")
    walmart_code: str = Field(description="Walmart's code in the US market.")
    walmart_codes: dict[str, str] = Field(description="Walmart's code in each market.")


class ReasonsOut(Out):
    """Every reason to cancel."""

    data: list[ReasonOut]
    next_cursor: str | None


class CancellationPreviewOut(Out):
    """What a cancellation would do, and the problems that prevent it."""

    would_be_accepted: bool
    walmart_code: str = Field(description="The reason that Walmart gets, in the store's market.")
    items: list[LineUnitsView]
    problems: list[ErrorItem]

    @classmethod
    def of(cls, walmart_code: str, found: Rehearsed[CancellationView]) -> "CancellationPreviewOut":
        """Convert the result of a dry run."""
        items = found.result.items if found.result else ()
        return cls(
            would_be_accepted=found.result is not None,
            walmart_code=walmart_code,
            items=[LineUnitsView(each.line_number, each.quantity) for each in items],
            problems=dry_runs.items(found.problems),
        )
