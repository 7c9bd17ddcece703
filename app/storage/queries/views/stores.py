"""A store without its secrets."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from app.storage.queries.views.updates import StatusDetail


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
