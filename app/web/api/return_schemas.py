"""Returns and refunds as JSON, in and out."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field, StrictInt

from app.intake.refund import Refunded
from app.orders.bounds import INT
from app.orders.returns import RefundRequest
from app.storage.views import RefundView, ReturnView
from app.web.api.fields import In, LongText, MoneyOut, Out, Quantity
from app.web.api.update_schemas import StatusDetailOut, UpdateOut


class RefundItemIn(In):
    """Units of a line of the return."""

    return_line_number: Annotated[StrictInt, Field(ge=0, le=INT)]
    quantity: Quantity


class RefundIn(In):
    """What to refund; without items all that is left of the return."""

    items: Annotated[list[RefundItemIn], Field(min_length=1, max_length=1000)] | None = None
    comment: Annotated[LongText, Field(max_length=1000)] | None = None

    def to_request(self) -> RefundRequest:
        """The request in the rules' words."""
        items = self.items
        named = (
            None
            if items is None
            else tuple((item.return_line_number, item.quantity) for item in items)
        )
        return RefundRequest(named, self.comment)


class ReturnItemOut(Out):
    """Units of a SKU that the buyer sends back, and how many of them are refunded."""

    return_line_number: int
    line_number: str
    sku: str
    name: str | None
    quantity: int
    refunded: int
    reason: str | None


class RefundItemOut(Out):
    """Units of a line of the return."""

    return_line_number: int
    quantity: int


class RefundOfReturnOut(Out):
    """A refund that was asked for, and where it stands."""

    id: UUID
    number: int
    state: str
    comment: str | None
    items: list[RefundItemOut]
    update: UpdateOut
    created_at: datetime

    @classmethod
    def of(cls, view: RefundView) -> "RefundOfReturnOut":
        """Show a refund."""
        return cls(
            id=view.id,
            number=view.number,
            state=view.update.state,
            comment=view.comment,
            items=[
                RefundItemOut(return_line_number=item.number, quantity=item.quantity)
                for item in view.items
            ],
            update=UpdateOut.of(view.update),
            created_at=view.created_at,
        )


class ReturnOut(Out):
    """A return as Walmart shows it, with what was asked for here."""

    id: UUID
    store_id: UUID
    order_id: UUID | None
    order_url: str | None = Field(description="Where to read its order, once it is known.")
    rma_number: str
    purchase_order_id: str | None
    customer_order_id: str
    status: str = Field(description="received, refunded or error.")
    status_details: list[StatusDetailOut]
    requested_at: datetime | None
    return_by: datetime | None
    refund_amount: MoneyOut | None
    items: list[ReturnItemOut]
    refunds: list[RefundOfReturnOut]
    updated_at: datetime

    @classmethod
    def of(cls, view: ReturnView) -> "ReturnOut":
        """Show a return."""
        shown = view.returned
        return cls(
            id=view.id,
            store_id=view.store_id,
            order_id=view.order_id,
            order_url=f"/v1/orders/{view.order_id}" if view.order_id else None,
            rma_number=shown.return_order_id,
            purchase_order_id=shown.purchase_order_id,
            customer_order_id=shown.customer_order_id,
            status=view.status,
            status_details=[StatusDetailOut.of(detail) for detail in view.status_details],
            requested_at=shown.requested_at,
            return_by=shown.return_by,
            refund_amount=MoneyOut.of(shown.amount),
            items=[
                ReturnItemOut(
                    return_line_number=line.number,
                    line_number=line.line_number,
                    sku=line.sku,
                    name=line.name,
                    quantity=line.quantity,
                    refunded=line.refunded,
                    reason=line.reason,
                )
                for line in shown.lines
            ],
            refunds=[RefundOfReturnOut.of(refund) for refund in view.refunds],
            updated_at=view.updated_at,
        )


class RefundOut(Out):
    """What was accepted: the return, and the update that tells Walmart."""

    number: int
    update: UpdateOut
    returned: ReturnOut

    @classmethod
    def whole(cls, refunded: Refunded) -> "RefundOut":
        """Show what was accepted."""
        return cls(
            number=refunded.number,
            update=UpdateOut.of(refunded.update),
            returned=ReturnOut.of(refunded.returned),
        )


class ReturnsOut(Out):
    """A page of returns, the newest first."""

    data: list[ReturnOut]
    next_cursor: str | None


class ReturnSummaryOut(Out):
    """How many returns are in each status."""

    received: int
    refunded: int
    error: int
    total: int
