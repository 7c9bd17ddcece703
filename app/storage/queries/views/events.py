"""Commerce events, and the timeline of an order."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

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
class TimelineEntry:
    """One event in an order's timeline."""

    at: datetime
    what: str
    actor: str | None
    update_id: UUID | None
    detail: Mapping[str, object]
