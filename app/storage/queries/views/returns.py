"""Returns, their orders and refunds."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from app.domain.orders.returns import RefundItem, Return
from app.storage.queries.views.updates import StatusDetail, UpdateView


@dataclass(frozen=True, slots=True)
class RefundView:
    """A requested refund with its update."""

    id: UUID
    number: int
    order_id: UUID
    comment: str | None
    items: Sequence[RefundItem]
    update: UpdateView
    created_at: datetime


@dataclass(frozen=True, slots=True)
class ReturnedOrder:
    """An order of a return. None means that the order is not known yet, or not linked."""

    purchase_order_id: str
    id: UUID | None = None
    commerce_order_number: str | None = None
    commerce_order_id: int | None = None


@dataclass(frozen=True, slots=True)
class ReturnView:
    """A return as Walmart shows it, with the refunds that were requested here."""

    id: UUID
    store_id: UUID
    orders: Sequence[ReturnedOrder]
    """Its orders, the order of its first line first."""
    status: str
    status_details: Sequence[StatusDetail]
    returned: Return
    refunds: Sequence[RefundView]
    created_at: datetime
    updated_at: datetime

    @property
    def order_id(self) -> UUID | None:
        """The order of its first line. None means that it is not known yet."""
        return self.orders[0].id if self.orders else None
