"""Frozen views of orders, shipments, updates and returns, as the API answers them.

The modules of this package make them from plain selects; they are never written back.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from app.domain.orders.order import Item, Money, OrderLine
from app.domain.orders.returns import RefundItem, Return


@dataclass(frozen=True, slots=True)
class StatusDetail:
    """Why something about an order did not go as requested (contract, Orders)."""

    code: str
    origin: str
    operation: str
    update_id: UUID | None
    message: str
    field: str | None
    suggestion: str | None
    retryable: bool
    occurred_at: datetime
    line_number: str | None = None
    """The line with units that could not be sent while others of the update could."""
    units: int | None = None
    """How many units these are."""


@dataclass(frozen=True, slots=True)
class CommerceEventView:
    """An event from Commerce's webhooks or I/O events, and its state."""

    id: UUID
    store_id: UUID
    order_id: UUID | None
    commerce_order_id: int
    reference: str
    about: str
    state: str
    status_detail: StatusDetail | None
    note: str | None
    dismissed_by: str | None
    received_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class StoreView:
    """A store without its secrets."""

    id: UUID
    store_id: int
    code: str
    name: str
    market: str
    walmart_client_id: str
    commerce_base_url: str | None
    commerce_access_token_set: bool
    commerce_push_orders: bool
    commerce_payment_method: str | None
    commerce_stock_id: int | None
    commerce_webhook_public_keys: Sequence[str]
    commerce_io_client_ids: Sequence[str]
    carriers: Mapping[str, object]
    """As the merchant gave them."""
    default_cancellation_reason: str | None
    default_tracking_url: str | None
    notify_host: str | None
    created_at: datetime
    updated_at: datetime
    status_details: Sequence[StatusDetail] = ()
    """Why its updates wait, if they do."""


@dataclass(frozen=True, slots=True)
class SyncView:
    """Whether everything that Commerce requested has reached Walmart."""

    state: str
    pending: int
    """How many updates are not at rest."""
    next_attempt_at: datetime | None
    last_synced_at: datetime | None


@dataclass(frozen=True, slots=True)
class UpdateView:
    """One update of the outbox."""

    id: UUID
    store_id: UUID
    order_id: UUID | None
    target: str
    subject: str
    kind: str
    state: str
    sequence: int
    attempts: int
    next_attempt_at: datetime | None
    needs_reading: bool
    in_doubt_until: datetime | None
    status_detail: StatusDetail | None
    line_details: Sequence[StatusDetail]
    """One detail for each line that could not be sent."""
    note: str | None
    dismissed_by: str | None
    requested_by: str | None
    created_at: datetime
    updated_at: datetime
    finished_at: datetime | None


@dataclass(frozen=True, slots=True)
class CallView:
    """One HTTP call to Walmart, redacted."""

    operation: str
    method: str
    path: str
    started_at: datetime
    ended_at: datetime
    correlation_id: str
    request: str | None
    status: int | None
    response: str | None
    codes: Sequence[str]
    failure: str | None


@dataclass(frozen=True, slots=True)
class AttemptView:
    """One attempt to deliver an update: its calls, its verdict, the evidence."""

    id: UUID
    number: int
    poller: str
    started_at: datetime
    ended_at: datetime
    verdict: str
    detail: str | None
    calls: Sequence[CallView]


@dataclass(frozen=True, slots=True)
class ShipmentView:
    """A shipment with the state of its update (sending shows as pending, verifying as retrying)."""

    id: UUID
    order_id: UUID
    number: int
    carrier_code: str
    carrier_title: str | None
    tracking_number: str
    tracking_url: str | None
    shipped_at: datetime
    method_code: str
    reference: str | None
    override_cancel_request: bool
    walmart_carrier: Mapping[str, str]
    state: str
    items: Sequence[Item]
    update: UpdateView
    created_at: datetime


@dataclass(frozen=True, slots=True)
class CancellationView:
    """The cancellation of a whole order with the state of its update."""

    id: UUID
    order_id: UUID
    reason: str
    comment: str | None
    inventory: Sequence[Mapping[str, object]]
    state: str
    items: Sequence[Item]
    update: UpdateView
    created_at: datetime


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


@dataclass(frozen=True, slots=True)
class TimelineEntry:
    """One event in an order's timeline."""

    at: datetime
    what: str
    actor: str | None
    update_id: UUID | None
    detail: Mapping[str, object]
