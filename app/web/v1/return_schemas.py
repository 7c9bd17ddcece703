"""Returns and refunds as JSON, in and out."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field, StrictInt

from app.domain.db_limits import INT
from app.domain.orders.returns import RefundRequest, Return, ReturnLine
from app.storage.queries.views import (
    MoneyView,
    RefundView,
    ReturnedOrder,
    ReturnView,
    StatusDetail,
    UpdateView,
)
from app.usecases.returns.refund import Refunded
from app.web.v1.fields import In, LongText, Out, Quantity


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
    purchase_order_id: str | None = Field(description="Of which of the return's orders it is.")
    line_number: str
    sku: str
    name: str | None
    quantity: int
    refunded: int
    canceled: int = Field(description="Units that the buyer keeps after all.")
    reason: str | None


class ReturnedOrderOut(Out):
    """An order that the return is of; `order_id` is null until it is known here."""

    purchase_order_id: str
    order_id: UUID | None
    order_url: str | None
    commerce_order_number: str | None
    commerce_order_id: int | None

    @classmethod
    def of(cls, order: ReturnedOrder) -> "ReturnedOrderOut":
        """Show an order of a return."""
        return cls(
            purchase_order_id=order.purchase_order_id,
            order_id=order.id,
            order_url=f"/v1/orders/{order.id}" if order.id else None,
            commerce_order_number=order.commerce_order_number,
            commerce_order_id=order.commerce_order_id,
        )


class RefundItemOut(Out):
    """Units of a line of the return."""

    return_line_number: int
    quantity: int


class RefundOfReturnOut(Out):
    """A refund that was asked for, and where it stands."""

    id: UUID
    number: int
    order_id: UUID = Field(description="The order whose lines it refunds.")
    state: str
    comment: str | None
    items: list[RefundItemOut]
    update: UpdateView
    created_at: datetime

    @classmethod
    def of(cls, view: RefundView) -> "RefundOfReturnOut":
        """Show a refund."""
        return cls(
            id=view.id,
            number=view.number,
            order_id=view.order_id,
            state=view.update.state,
            comment=view.comment,
            items=[
                RefundItemOut(return_line_number=item.number, quantity=item.quantity)
                for item in view.items
            ],
            update=view.update,
            created_at=view.created_at,
        )


class ReturnOut(Out):
    """A return as Walmart shows it, with what was asked for here."""

    id: UUID
    store_id: UUID
    order_id: UUID | None
    order_url: str | None = Field(description="Where to read its order, once it is known.")
    commerce_order_number: str | None = Field(description="That of its order.")
    orders: list[ReturnedOrderOut] = Field(
        description="A return may be of several purchase orders of one customer order. The first "
        "is the one that `order_id`, `purchase_order_id` and `commerce_order_number` name."
    )
    rma_number: str
    purchase_order_id: str | None
    customer_order_id: str | None
    return_type: str = Field(description="refund, or replacement: then no refund answers it.")
    canceled: bool
    status: str = Field(
        description="received, refunded, error, or closed where no refund answers it: it was "
        "canceled, or the buyer gets a replacement."
    )
    status_details: list[StatusDetail]
    requested_at: datetime | None
    return_by: datetime | None = Field(description="Until when the buyer may send it back.")
    arrived_at: datetime | None = Field(description="When it was received, as Walmart says.")
    refund_by: datetime | None = Field(
        description="When Walmart refunds it by itself: 48 hours after it was received."
    )
    refund_amount: MoneyView | None
    items: list[ReturnItemOut]
    refunds: list[RefundOfReturnOut]
    updated_at: datetime

    @classmethod
    def of(cls, view: ReturnView) -> "ReturnOut":
        """Show a return."""
        shown = view.returned
        first = view.orders[0] if view.orders else None
        return cls(
            id=view.id,
            store_id=view.store_id,
            order_id=view.order_id,
            order_url=f"/v1/orders/{view.order_id}" if view.order_id else None,
            commerce_order_number=first.commerce_order_number if first else None,
            orders=[ReturnedOrderOut.of(order) for order in view.orders],
            rma_number=shown.return_order_id,
            purchase_order_id=shown.purchase_order_id,
            customer_order_id=shown.customer_order_id or None,
            return_type=shown.return_type,
            canceled=shown.canceled,
            status=view.status,
            status_details=list(view.status_details),
            requested_at=shown.requested_at,
            return_by=shown.return_by,
            arrived_at=shown.arrived_at,
            refund_by=shown.refund_by,
            refund_amount=MoneyView.of(shown.amount),
            items=[_item(shown, line) for line in shown.lines],
            refunds=[RefundOfReturnOut.of(refund) for refund in view.refunds],
            updated_at=view.updated_at,
        )


def _item(shown: Return, line: ReturnLine) -> ReturnItemOut:
    return ReturnItemOut(
        return_line_number=line.number,
        purchase_order_id=shown.order_of(line),
        line_number=line.line_number,
        sku=line.sku,
        name=line.name,
        quantity=line.quantity,
        refunded=line.refunded,
        canceled=line.canceled,
        reason=line.reason,
    )


class RefundOut(Out):
    """What was accepted: the return, and the update that tells Walmart.

    Of a return of several orders each has a refund of its own, all of them in `returned.refunds`.
    """

    number: int
    update: UpdateView
    returned: ReturnOut

    @classmethod
    def whole(cls, refunded: Refunded) -> "RefundOut":
        """Show what was accepted."""
        return cls(
            number=refunded.number,
            update=refunded.update,
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
    closed: int
    total: int
