"""JSON of Commerce events: a page of a list, and an example."""

from app.storage.queries.views import CommerceEventView
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
        "…/dismiss if it is resolved.",
        "retryable": True,
        "occurred_at": "2026-11-23T10:00:00Z",
        "line_number": None,
        "units": None,
        "params": {"reference": "commerce-shipment-45", "about": "shipment"},
        "fix": None,
        "links": {"event": "/v1/commerce-events/0192f0c4-4a87-7d0f-8311-81ea00000001"},
    },
    "note": None,
    "dismissed_by": None,
    "received_at": "2026-11-23T10:00:00Z",
    "updated_at": "2026-11-23T10:00:00Z",
}


class CommerceEventsOut(Out):
    """A page of events, the newest first."""

    data: list[CommerceEventView]
    next_cursor: str | None
