"""Merges the messages about one shipment, cancellation or credit memo of Commerce.

Messages come twice, out of order, and in parts. A shipment message lists all its tracks as of its
time; a track message adds one track. An older message adds what was not known yet, and changes
nothing else.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from app.commerce.payload_fields import unreadable
from app.commerce.payloads import (
    CommerceMessage,
    CreditMemoSaved,
    OrderCanceled,
    ShipmentSaved,
    TrackSaved,
)
from app.commerce.shipment_tracks import Track
from app.domain.errors import Problem
from app.domain.orders.requests import RequestedItem
from app.domain.orders.tracking_key import tracking_key
from app.storage.commerce.events import CommerceEvent

SHIPMENT, CANCELLATION, CREDITMEMO = "shipment", "cancellation", "creditmemo"


def reference(message: CommerceMessage) -> str:
    """The same name for every message about one shipment, credit memo or cancellation."""
    if isinstance(message, ShipmentSaved | TrackSaved):
        # mutation: commerce-shipment-reference
        return f"commerce-shipment-{message.shipment_id}"
    if isinstance(message, CreditMemoSaved):
        return f"commerce-creditmemo-{message.creditmemo_id}"
    return f"commerce-cancellation-{message.order_id}"


def together(
    known: CommerceEvent | None,
    message: CommerceMessage,
    at: datetime,
    store_id: int,
    new_id: Callable[[int], UUID],
    *,
    named: bool = False,
) -> CommerceEvent:
    """Merge a message of a time into what is known.

    named: the message has an event id that did not come before, so it is no repetition.
    """
    event = known or CommerceEvent(
        store_id=store_id,
        id=new_id(store_id),
        reference=reference(message),
        about=_about(message),
        commerce_order_id=message.order_id,
        content={},
    )
    if isinstance(message, OrderCanceled):
        return replace(event, content={"reason": message.reason})
    if isinstance(message, CreditMemoSaved):
        said = {
            "items": _items_json(message.items),
            "online": message.online,
            **_problem_json(message.problem),
        }
        newest = max(at, event.content_at or at) if named else event.content_at
        return replace(event, content=said, content_at=newest)
    # mutation: older-event
    late = event.content_at is not None and at < event.content_at
    tracks: list[dict[str, Any]] = list(event.content.get("tracks", ()))
    if isinstance(message, TrackSaved):
        # Where no track is known, an old track is still new.
        added = tracks if late and tracks else _with(tracks, message.track)
        return replace(event, content={**event.content, "tracks": added})
    if not late and message.tracks:
        tracks = [_track_json(track) for track in message.tracks]
    # Commerce never changes the items of a shipment.
    items = _items_json(message.items) or event.content.get("items")
    problem = None if items else message.problem
    whole = {"items": items, "tracks": tracks, **_problem_json(problem)}
    return replace(event, content=whole, content_at=event.content_at if late else at)


def items_of(event: CommerceEvent) -> tuple[RequestedItem, ...] | None:
    """Units by Commerce item. None means that no message named them."""
    items = event.content.get("items")
    if not items:
        return None
    return tuple(RequestedItem(units, commerce_item_id=item) for item, units in items)


def tracks_of(event: CommerceEvent) -> tuple[Track, ...]:
    """The tracks known so far."""
    return tuple(
        Track(each["carrier_code"], each["title"], each["number"], id=each["id"])
        for each in event.content.get("tracks", ())
    )


def _about(message: CommerceMessage) -> str:
    if isinstance(message, ShipmentSaved | TrackSaved):
        return SHIPMENT
    return CREDITMEMO if isinstance(message, CreditMemoSaved) else CANCELLATION


def _with(tracks: Sequence[Mapping[str, Any]], track: Track) -> list[dict[str, Any]]:
    """The tracks with one more; it replaces an entry of the same number or id."""
    key = tracking_key(track.number)
    kept = [
        dict(each)
        for each in tracks
        if tracking_key(each["number"]) != key and (track.id is None or each["id"] != track.id)
    ]
    return [*kept, _track_json(track)]


def shipment_json(items: Sequence[RequestedItem] | None, tracks: Sequence[Track]) -> dict[str, Any]:
    """What an event keeps of a shipment, as `items_of` and `tracks_of` read it."""
    kept = [_track_json(track) for track in tracks]
    return {"items": _items_json(items), "tracks": kept, **_problem_json(None)}


def problem_of(event: CommerceEvent) -> Problem | None:
    """Why no message named units. None means that no message said why."""
    message, code = event.content.get("problem"), event.content.get("problem_code")
    if message is None:
        return None
    return Problem(code, message) if code else unreadable(message)


def _problem_json(problem: Problem | None) -> dict[str, str | None]:
    if problem is None:
        return {"problem": None}
    return {"problem": problem.message, "problem_code": problem.code}


def _items_json(items: Sequence[RequestedItem] | None) -> list[list[int | None]] | None:
    return [[item.commerce_item_id, item.quantity] for item in items] if items else None


def _track_json(track: Track) -> dict[str, Any]:
    return {
        "carrier_code": track.carrier_code,
        "title": track.title,
        "number": track.number,
        "id": track.id,
    }


# The actor in the timeline.
ACTOR = "commerce"


@dataclass(frozen=True, slots=True)
class EventResult:
    """The result of a Commerce event."""

    what: str
    """accepted, known, corrected, waiting or ignored."""
    why: str = ""
    """The reason, for ignored and waiting."""
