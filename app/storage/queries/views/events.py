"""Commerce events, and the timeline of an order."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from app.storage.queries.views.base import View
from app.storage.queries.views.updates import StatusDetail


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
class TimelineEntry(View):
    """One event in the timeline of an order."""

    at: datetime
    what: str
    actor: str | None
    """The name of the API key or of the person. null means Waybill itself."""
    update_id: UUID | None
    detail: dict[str, Any]
