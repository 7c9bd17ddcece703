"""JSON of returns and refunds: request bodies, a page of a list, and counts."""

from typing import Annotated

from pydantic import Field

from app.domain.orders.returns import RefundRequest
from app.storage.queries.views import RefundItemView, ReturnCardsView, ReturnView
from app.usecases.returns.refund import PlannedRefund
from app.web import dry_runs
from app.web.dry_runs import Rehearsed
from app.web.problem_documents import ErrorItem
from app.web.v1.fields import In, LongText, Out, Quantity, Units


class RefundItemIn(In):
    """Units of one line of the return."""

    return_line_number: Units
    quantity: Quantity


class RefundIn(In):
    """A refund. Without items it contains all units that are not refunded yet."""

    items: Annotated[list[RefundItemIn], Field(min_length=1, max_length=1000)] | None = None
    comment: Annotated[LongText, Field(max_length=1000)] | None = None

    def to_request(self) -> RefundRequest:
        """Convert to the request that the rules take."""
        items = self.items
        named = (
            None
            if items is None
            else tuple((item.return_line_number, item.quantity) for item in items)
        )
        return RefundRequest(named, self.comment)


class ReturnsOut(Out):
    """A page of returns, the newest first."""

    data: list[ReturnView]
    next_cursor: str | None


class ReturnSummaryOut(Out):
    """The number of returns in each status."""

    received: int
    refunded: int
    error: int
    closed: int
    total: int
    cards: ReturnCardsView


class RefundPreviewOut(Out):
    """What a refund would do, and the problems that prevent it."""

    would_be_accepted: bool
    items: list[RefundItemView] = Field(description="The units that would be refunded.")
    orders: int = Field(description="How many orders they belong to; each gets an update.")
    problems: list[ErrorItem]

    @classmethod
    def of(cls, found: Rehearsed[PlannedRefund]) -> "RefundPreviewOut":
        """Convert the result of a dry run."""
        planned = found.result
        items = planned.items if planned else ()
        return cls(
            would_be_accepted=planned is not None,
            items=[RefundItemView(each.number, each.quantity) for each in items],
            orders=planned.orders if planned else 0,
            problems=dry_runs.items(found.problems),
        )
