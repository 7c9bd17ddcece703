"""Shipments and cancellations, each with the state of its update."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

from app.storage.queries.views.base import View
from app.storage.queries.views.updates import UpdateView


@dataclass(frozen=True, slots=True)
class ItemView(View):
    """Units of one line in a shipment or a cancellation."""

    line_number: str
    quantity: int
    confirmed: int
    """Units that Walmart has confirmed."""


@dataclass(frozen=True, slots=True)
class WarningView(View):
    """Something about a request that was accepted, and that a person should look at."""

    pointer: str
    """The JSON pointer (RFC 6901) of the field."""
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class ShipmentView(View):
    """A shipment, with the state of its update."""

    id: UUID
    order_id: UUID
    number: int
    carrier_code: str
    carrier_title: str | None
    tracking_number: str
    tracking_url: str | None
    tracking_page: str | None
    """Where the package can be followed: `tracking_url`, else the page of a known carrier."""
    shipped_at: datetime
    method_code: str
    reference: str | None
    override_cancel_request: bool
    walmart_carrier: dict[str, str]
    """`carrier`, a name from Walmart's list; or `other`, any name, with a tracking URL."""
    carrier_found_by: str | None
    """What named Walmart's carrier: store_carriers, carrier_code, carrier_title or tracking_number
    (its check digit). null: nothing did, so the package goes out as other; or it was accepted by an
    earlier release."""
    warnings: tuple[WarningView, ...]
    """`tracking_number_of_another_carrier`: the check digit says so. `commerce_item_passed_over`:
    an item of the Commerce order belongs to no line, so nothing of it is sent."""
    state: str
    """pending, retrying, confirmed, failed or dismissed."""
    items: tuple[ItemView, ...]
    correctable_until: datetime | None
    """Until when Walmart takes a correction. null: it has no unit of the shipment yet."""
    update: UpdateView
    created_at: datetime
    correction: Annotated[UpdateView | None, Field(exclude=True)] = None
    """The newest tracking update of the shipment. Commerce's API shows both as one."""


@dataclass(frozen=True, slots=True)
class StockLevelView(View):
    """The units of a SKU that are left to sell, as Commerce sent them."""

    sku: str
    quantity: int
    ship_node: str | None


@dataclass(frozen=True, slots=True)
class CancellationView(View):
    """The cancellation of a whole order, with the state of its update."""

    id: UUID
    order_id: UUID
    reason: str
    comment: str | None
    inventory: tuple[StockLevelView, ...]
    state: str
    """pending, retrying, confirmed, failed or dismissed."""
    items: tuple[ItemView, ...]
    update: UpdateView
    created_at: datetime
