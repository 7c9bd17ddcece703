"""A store without its secrets."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

from app.domain.notification_kind import NotificationKind
from app.storage.queries.views.base import View
from app.storage.queries.views.updates import StatusDetail


@dataclass(frozen=True, slots=True)
class WalmartView(View):
    """The Walmart seller account, without its secret."""

    client_id: str
    client_secret_set: bool
    announces_since: datetime | None
    """Since when Walmart is asked to announce the store's orders. null: it is not."""


@dataclass(frozen=True, slots=True)
class CommerceView(View):
    """The Commerce connection of a store, without its token."""

    base_url: str | None
    access_token_set: bool
    push_orders: bool
    payment_method: str | None
    stock_id: int | None
    webhook_public_keys: tuple[str, ...]
    io_client_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NotificationsView(View):
    """Where notifications are sent, without the path and the secret, and which ones."""

    host: str
    secret_set: bool
    kinds: tuple[NotificationKind, ...]
    old_secret_until: datetime | None
    """Until when the secret of before signs messages as well. null: one secret signs."""


@dataclass(frozen=True, slots=True)
class StoreView(View):
    """A Commerce store view and the Walmart seller account that it is connected to."""

    store_id: Annotated[int, Field(exclude=True)]
    """The store's number in every key of the database."""
    id: UUID
    name: str
    code: str
    market: str
    walmart: WalmartView
    commerce: CommerceView
    carriers: dict[str, str | dict[str, str | None]]
    default_cancellation_reason: str | None
    default_tracking_url: str | None
    admin_order_url: str | None
    """Address of an order in Commerce's Admin, with `{entity_id}` for the order's id."""
    time_zone: str | None
    """IANA name of the zone of dates, and times without a zone, in files. null means that of the
    market: America/New_York (US), America/Toronto (CA) or America/Mexico_City (MX)."""
    charge_amount_is: str
    """Whether `chargeAmount` of Walmart's order lines is for one `unit` or for the whole `line`."""
    notifications: NotificationsView | None
    created_at: datetime
    updated_at: datetime
    status_details: tuple[StatusDetail, ...]
    """Why updates of the store wait. `operation` is the endpoint of Walmart, `*` means all."""
