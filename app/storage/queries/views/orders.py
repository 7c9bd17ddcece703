"""Orders, their lines, and whether their updates have reached Walmart."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

from app.domain.orders.order import Money
from app.storage.queries.views.base import View
from app.storage.queries.views.shipments import CancellationView, ShipmentView
from app.storage.queries.views.updates import StatusDetail


@dataclass(frozen=True, slots=True)
class MoneyView(View):
    """An amount as decimal text, and its currency (ISO 4217)."""

    amount: str
    currency: str

    @classmethod
    def of(cls, money: Money | None) -> "MoneyView | None":
        """Format an amount, with at least two decimals and no trailing zeros beyond them."""
        if money is None:
            return None
        exponent = money.amount.normalize().as_tuple().exponent
        digits = max(-exponent, 2) if isinstance(exponent, int) else 2
        return cls(f"{money.amount:.{digits}f}", money.currency)


@dataclass(frozen=True, slots=True)
class SyncView(View):
    """Whether every update of an order has reached its target."""

    state: str
    """synced, pending, retrying or error."""
    pending: int
    """How many updates are neither confirmed nor dismissed."""
    next_attempt_at: datetime | None
    last_synced_at: datetime | None


@dataclass(frozen=True, slots=True)
class CancelRequestedView(View):
    """The buyer's request to cancel these lines."""

    lines: tuple[str, ...]
    seen_at: str | None


@dataclass(frozen=True, slots=True)
class ReturnRequestedView(View):
    """The returns of an order: how many there are, and where to read them."""

    count: int
    url: str


@dataclass(frozen=True, slots=True)
class QuantityView(View):
    """Units of a line. Walmart has confirmed those that are shipped, canceled and refunded."""

    ordered: int
    shipped: int
    canceled: int
    refunded: int
    pending: int
    """Units that Waybill has accepted and Walmart has not confirmed."""
    remaining: int
    """Units that no shipment and no cancellation has taken."""


@dataclass(frozen=True, slots=True)
class CommerceItemView(View, schema="CommerceItemOfLineOut"):
    """An item of the Commerce order that is part of a composite product."""

    id: int
    per_unit: int
    """How many of it are in one unit of the line."""


@dataclass(frozen=True, slots=True)
class OrderLineView(View):
    """A line of an order."""

    line_number: str
    sku: str
    name: str | None
    commerce_item_id: int | None
    commerce_items: tuple[CommerceItemView, ...]
    """The items of a composite product, beside commerce_item_id."""
    unit_price: MoneyView | None
    quantity: QuantityView

    @property
    def commerce_ids(self) -> tuple[int, ...]:
        """The ids of its Commerce items, the first being that of the line as a whole."""
        own = () if self.commerce_item_id is None else (self.commerce_item_id,)
        parts = (each.id for each in self.commerce_items if each.id not in own)
        return (*own, *parts)


@dataclass(frozen=True, slots=True)
class OrderLinksView(View):
    """Addresses of an order outside of Waybill. null means that the address is not known."""

    commerce_order: str | None
    """In Commerce's Admin, by the store's `admin_order_url`."""
    seller_center: str | None
    """In Walmart's Seller Center."""


@dataclass(frozen=True, slots=True)
class OrderView(View):
    """An order: its progress at Walmart, its updates, and what failed."""

    id: UUID
    store_id: UUID
    purchase_order_id: str
    customer_order_id: str | None
    commerce_order_number: str | None
    commerce_order_id: int | None
    status: str
    """fulfillment_status, or error while an update is failed."""
    fulfillment_status: str
    """open, partially_shipped, shipped or canceled."""
    sync: SyncView
    status_details: tuple[StatusDetail, ...]
    cancel_requested: CancelRequestedView | None
    return_requested: ReturnRequestedView | None
    ordered_at: datetime | None
    ship_by: datetime | None
    deliver_by: datetime | None
    ship_method: str | None
    fulfilled_by: str
    """seller, or walmart for orders that Walmart's own warehouses ship."""
    acknowledge_by: datetime | None
    """When the acknowledgement must reach Walmart. null means that none is outstanding."""
    item_count: int
    order_value: MoneyView | None
    """What the buyer pays, without tax: the price of all units, shipping and fees less discounts.

    null means that a line has no price.
    """
    links: OrderLinksView
    created_at: Annotated[datetime, Field(exclude=True)]
    updated_at: datetime
    lines: tuple[OrderLineView, ...]
    shipments: tuple[ShipmentView, ...]
    cancellation: CancellationView | None


@dataclass(frozen=True, slots=True)
class OrderCardView(View):
    """How many orders there are of a kind, and the time that matters most of it."""

    count: int
    at_least: bool
    """Whether there may be more. Counts of what needs action are exact up to 1,000, those of
    `sending` and `return_requested` up to 100."""
    time: datetime | None
    """null means that there is none."""


@dataclass(frozen=True, slots=True)
class OrderCardsView(View):
    """The orders of each status, and those that need action, each with a time."""

    open: OrderCardView
    """The time is the earliest ship-by date."""
    partially_shipped: OrderCardView
    """The time is the earliest ship-by date."""
    shipped: OrderCardView
    """The time is that of the last change."""
    canceled: OrderCardView
    """The time is that of the last change."""
    error: OrderCardView
    """The time is the earliest last change."""
    ship_soon: OrderCardView
    """Orders to ship within the time of the ship-by warning; the time is the earliest ship-by
    date."""
    late: OrderCardView
    """Orders with unshipped units and a passed ship-by date; the time is the earliest."""
    cancel_requested: OrderCardView
    """Orders with unshipped units that the buyer asked to cancel; the time is that of the oldest
    order."""
    sending: OrderCardView
    """Orders with an update that is neither confirmed nor failed; the time is that of the oldest
    update."""
    without_commerce_order: OrderCardView
    """Orders that are not done and not linked to a Commerce order; the time is that of the oldest
    one counted."""
    return_requested: OrderCardView
    """Orders with a return that is neither refunded nor closed; the time is when Waybill first read
    the oldest return."""
