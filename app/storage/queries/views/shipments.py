"""Shipments and cancellations, each with the state of its update."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from app.domain.orders.order import Item
from app.storage.queries.views.updates import UpdateView


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
