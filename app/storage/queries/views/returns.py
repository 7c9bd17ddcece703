"""Returns, their orders, and the refunds that were requested of them."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from app.storage.queries.views.base import View
from app.storage.queries.views.orders import MoneyView
from app.storage.queries.views.updates import StatusDetail, UpdateView


@dataclass(frozen=True, slots=True)
class ReturnItemView(View):
    """Units of a SKU that the buyer sends back."""

    return_line_number: int
    purchase_order_id: str | None
    """The order of this line, one of the return's orders."""
    line_number: str
    sku: str
    name: str | None
    quantity: int
    refunded: int
    canceled: int
    """Units that the buyer keeps after all."""
    reason: str | None


@dataclass(frozen=True, slots=True)
class ReturnedOrderView(View):
    """An order of a return. `order_id` is null until Waybill has imported the order."""

    purchase_order_id: str
    order_id: UUID | None
    order_url: str | None
    commerce_order_number: str | None
    commerce_order_id: int | None


@dataclass(frozen=True, slots=True)
class RefundItemView(View):
    """Units of one line of a return."""

    return_line_number: int
    quantity: int


@dataclass(frozen=True, slots=True)
class RefundOfReturnView(View):
    """A refund that was requested, with the state of its update."""

    id: UUID
    number: int
    order_id: UUID
    """The order with the refunded lines."""
    state: str
    comment: str | None
    items: tuple[RefundItemView, ...]
    update: UpdateView
    created_at: datetime


@dataclass(frozen=True, slots=True)
class ReturnView(View):
    """A return as Walmart shows it, with the refunds that were requested through Waybill."""

    id: UUID
    store_id: UUID
    order_id: UUID | None
    order_url: str | None
    """Where to read the order of the first line. null until Waybill has imported it."""
    commerce_order_number: str | None
    """The Commerce number of the order of the first line."""
    orders: tuple[ReturnedOrderView, ...]
    """The purchase orders of the return, all of one customer order. `order_id`,
    `purchase_order_id` and `commerce_order_number` are those of the first one."""
    rma_number: str
    purchase_order_id: str | None
    customer_order_id: str | None
    return_type: str
    """refund, or replacement, which no refund follows."""
    canceled: bool
    status: str
    """received, refunded, error, or closed (canceled, or a replacement)."""
    status_details: tuple[StatusDetail, ...]
    requested_at: datetime | None
    return_by: datetime | None
    """The last date on which the buyer may send it back."""
    arrived_at: datetime | None
    """When Walmart recorded that it was received."""
    refund_by: datetime | None
    """When Walmart refunds it without a request: 48 hours after it was received."""
    refund_amount: MoneyView | None
    items: tuple[ReturnItemView, ...]
    refunds: tuple[RefundOfReturnView, ...]
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class ReturnCardView(View):
    """How many returns there are of a kind, and the time that matters most of it."""

    count: int
    """Exact up to 1,000."""
    at_least: bool
    """There are more than `count`."""
    time: datetime | None
    """Of `arrived` when Walmart refunds the first one by itself, of `error` when the first one
    went wrong; null for others."""


@dataclass(frozen=True, slots=True)
class ReturnCardsView(View):
    """The returns of each status, and those that Walmart refunds by itself next."""

    received: ReturnCardView
    arrived: ReturnCardView
    """Of those received: they are back, and not refunded."""
    refunded: ReturnCardView
    error: ReturnCardView
    closed: ReturnCardView
