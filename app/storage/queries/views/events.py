"""Commerce events, and the timeline of an order."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field

from app.domain.orders.order_event import WORDS
from app.storage.queries.views.base import View
from app.storage.queries.views.updates import StatusDetail


@dataclass(frozen=True, slots=True)
class CommerceEventView(View):
    """An event of Commerce's webhooks or I/O events about an order, and its state."""

    id: UUID
    store_id: UUID
    order_id: UUID | None
    """null until an order is linked to the Commerce order."""
    commerce_order_id: int
    reference: str
    """Commerce id of the shipment, credit memo or order that the event is about."""
    about: str
    """shipment, cancellation or creditmemo."""
    state: str
    """waiting, refused, done or dismissed."""
    status_detail: StatusDetail | None
    note: str | None
    dismissed_by: str | None
    received_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class TimelineEntry(View):
    """One event in the timeline of an order."""

    at: datetime
    what: Annotated[str, Field(json_schema_extra={"enum": [*WORDS]})]
    """What happened; docs/timeline.md describes each word and the keys of its `detail`."""
    actor: str | None
    """The name of the API key or of the person. null means Waybill itself."""
    update_id: UUID | None
    detail: dict[str, Any]
