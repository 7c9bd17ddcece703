"""Orders, and whether their updates have reached Walmart."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from app.domain.orders.order import Money, OrderLine
from app.storage.queries.views.shipments import CancellationView, ShipmentView
from app.storage.queries.views.updates import StatusDetail


@dataclass(frozen=True, slots=True)
class SyncView:
    """Whether everything that Commerce requested has reached Walmart."""

    state: str
    pending: int
    """How many updates are not at rest."""
    next_attempt_at: datetime | None
    last_synced_at: datetime | None


@dataclass(frozen=True, slots=True)
class OrderView:
    """An order as `GET /v1/orders/{order_id}` answers it."""

    id: UUID
    store_id: UUID
    purchase_order_id: str
    customer_order_id: str | None
    commerce_order_number: str | None
    commerce_order_id: int | None
    status: str
    fulfillment_status: str
    sync: SyncView
    status_details: Sequence[StatusDetail]
    cancel_requested: Mapping[str, object] | None
    returns: int
    ordered_at: datetime | None
    ship_by: datetime | None
    deliver_by: datetime | None
    ship_method: str | None
    fulfilled_by: str
    acknowledge_by: datetime | None
    item_count: int
    order_value: Money | None
    created_at: datetime
    updated_at: datetime
    lines: Sequence[OrderLine]
    shipments: Sequence[ShipmentView]
    cancellation: CancellationView | None
