"""Carries out a Commerce shipment from any channel: sends it once, corrects it, or recognises it.

Its units go to Walmart once, under the numbers of its first message. A tracking number can be
replaced later. A package cannot be taken back or divided.
"""

import re
from collections.abc import Sequence
from dataclasses import replace

from app.commerce.payload_fields import invalid
from app.commerce.shipment_tracks import Track, not_sent, packages, units_of
from app.domain.errors import Conflict, Problem
from app.domain.orders.order import Order
from app.domain.orders.requests import TrackingCorrection
from app.domain.orders.tracking_key import tracking_key
from app.storage.commerce import events as storage
from app.storage.commerce.events import CommerceEvent
from app.storage.orders import shipments
from app.storage.orders.shipments import SentShipment
from app.storage.postgres.database import Connection
from app.usecases.commerce_dedup import duplicates
from app.usecases.commerce_dedup.event_state import ACTOR, EventResult, items_of, tracks_of
from app.usecases.context import AppContext
from app.usecases.orders import correct_tracking, ship

TRACK_NOT_SENT = "track_not_sent"


async def carry_out(
    connection: Connection, context: AppContext, order: Order, event: CommerceEvent
) -> tuple[EventResult, CommerceEvent]:
    """Do what is left of the event. The caller has locked the order and stores the event.

    Raises OrderError if the shipment is refused.
    """
    sent = await shipments.sent(connection, order.store_id, order.id)
    mine = [each for each in sent if _is_of(event, each)]
    done = replace(event, state=storage.DONE, code=None, message=None)
    if mine:
        result = await _correct(connection, context, order, mine, event)
        return result, replace(done, shipments=tuple(str(each.id) for each in mine))
    items, tracks = items_of(event), tracks_of(event)
    if items is None:
        return _without_items(event)
    numbers = frozenset(tracking_key(track.number) for track in tracks)
    found = await duplicates.from_other_channels(connection, order, numbers, items)
    # mutation: shipment-from-another-channel
    if found:
        why = "it arrived through another channel"
        return EventResult("known", why), replace(done, shipments=tuple(map(str, found)))
    requests = packages(tracks, items, event.reference)
    # A package with no open units is stored as failed, beside one that can go.
    made = await ship.accept(connection, context, order.id, requests, ACTOR, partial=True)
    done = replace(done, shipments=tuple(map(str, made)))
    if spare := not_sent(tracks, units_of(items)):
        return EventResult("accepted", TRACK_NOT_SENT), refused(done, tracks[0], spare)
    return EventResult("accepted"), done


def refused(event: CommerceEvent, sent: Track, spare: Sequence[Track]) -> CommerceEvent:
    """The event of a shipment that went out under one of its tracks, for want of more units.

    It stays refused until a person dismisses it: the buyer does not know of the other packages.
    """
    message = _cannot_divide([sent.number], spare)
    # mutation: more-packages-than-units
    return replace(event, state=storage.REFUSED, code=TRACK_NOT_SENT, message=message)


def _is_of(event: CommerceEvent, sent: SentShipment) -> bool:
    package = rf"{re.escape(event.reference)}(-\d+)?"
    return str(sent.id) in event.shipments or bool(re.fullmatch(package, sent.reference or ""))


def _without_items(event: CommerceEvent) -> tuple[EventResult, CommerceEvent]:
    problem = event.told.get("problem")
    if problem is not None:
        raise invalid(problem)
    message = "A track arrived before the items of its shipment."
    waits = replace(event, state=storage.WAITING, code=storage.NOT_TOLD, message=message)
    return EventResult("waiting", message), waits


async def _correct(
    connection: Connection,
    context: AppContext,
    order: Order,
    mine: Sequence[SentShipment],
    event: CommerceEvent,
) -> EventResult:
    """Correct the number that changed of a shipment that was sent before."""
    tracks = {tracking_key(track.number): track for track in tracks_of(event)}
    # A number that was replaced before comes from an old event.
    earlier = frozenset[str]().union(*(each.numbers for each in mine))
    # mutation: replaced-tracking-number
    fresh = [track for key, track in tracks.items() if key not in earlier]
    # A message about one track says nothing about the others.
    whole = event.told_at is not None
    gone = [each for each in mine if whole and each.key not in tracks]
    if not fresh:
        return EventResult("known")
    if len(fresh) != 1 or len(gone) != 1:
        raise _cannot_follow(mine, fresh)
    (track,), (shipment,) = fresh, gone
    correction = TrackingCorrection(track.carrier_code, track.title, track.number)
    await correct_tracking.correct_locked(
        connection, context, order, shipment.id, correction, actor=ACTOR
    )
    return EventResult("corrected")


def _cannot_follow(mine: Sequence[SentShipment], fresh: Sequence[Track]) -> Conflict:
    message = _cannot_divide([each.tracking_number for each in mine], fresh)
    return Conflict(TRACK_NOT_SENT, message, [Problem(TRACK_NOT_SENT, message, "/tracks")])


def _cannot_divide(sent: Sequence[str], fresh: Sequence[Track]) -> str:
    has, new = ", ".join(sent), ", ".join(track.number for track in fresh)
    return (
        f"Walmart already has the units of this shipment under {has}, so {new} is not sent: "
        "a package cannot be divided afterwards."
    )
