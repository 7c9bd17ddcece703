"""What Commerce told as JSON."""

from datetime import datetime
from uuid import UUID

from pydantic import Field

from app.storage.queries.views import CommerceEventView, StatusDetail
from app.web.v1.fields import Out

EXAMPLE: dict[str, object] = {
    "id": "0192f0c4-4a87-7d0f-8311-81ea00000001",
    "store_id": "0192f0c4-4a87-7d0f-8311-81ea00000001",
    "order_id": "0192f0c4-4a87-7d0f-8311-81ea00000001",
    "commerce_order_id": 123,
    "reference": "commerce-shipment-45",
    "about": "shipment",
    "state": "refused",
    "status_detail": {
        "code": "tracking_number_required",
        "origin": "commerce",
        "operation": "shipment",
        "update_id": None,
        "message": "Walmart takes no shipment without a tracking number: a track is needed.",
        "field": None,
        "suggestion": "Add a tracking number to the shipment in Commerce; or POST …/retry, or "
        "…/dismiss where it is settled.",
        "retryable": True,
        "occurred_at": "2026-11-23T10:00:00Z",
        "line_number": None,
        "units": None,
    },
    "note": None,
    "dismissed_by": None,
    "received_at": "2026-11-23T10:00:00Z",
    "updated_at": "2026-11-23T10:00:00Z",
}


class CommerceEventOut(Out):
    """Something that Commerce told of an order."""

    id: UUID
    store_id: UUID
    order_id: UUID | None = Field(description="Null until it is linked to Commerce's order.")
    commerce_order_id: int
    reference: str = Field(description="The thing that was told of, by its number in Commerce.")
    about: str = Field(description="shipment, cancellation or creditmemo.")
    state: str = Field(description="waiting, refused, done or dismissed.")
    status_detail: StatusDetail | None
    note: str | None
    dismissed_by: str | None
    received_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, view: CommerceEventView) -> "CommerceEventOut":
        """Show it."""
        return cls(**{name: getattr(view, name) for name in CommerceEventView.__slots__})


class CommerceEventsOut(Out):
    """A page of them."""

    data: list[CommerceEventOut]
    next_cursor: str | None
