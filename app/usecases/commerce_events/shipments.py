"""Carries out a Commerce shipment from any channel: sends it once, corrects it, or recognises it.

Its units go to Walmart once, under the numbers of its first message. A tracking number can be
replaced later. A package cannot be taken back or divided.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from app.commerce.payload_fields import invalid
from app.commerce.shipment_tracks import Split, Track, distinct, split
from app.domain.errors import Conflict, Problem
from app.domain.orders import commerce_items
from app.domain.orders import shipping as rules
from app.domain.orders.order import Order
from app.domain.orders.requests import TrackingCorrection
from app.domain.orders.shipping import TRACK_NOT_SENT
from app.domain.orders.tracking_key import tracking_key
from app.storage.commerce import events as storage
from app.storage.commerce.events import CommerceEvent
from app.storage.orders import accept, shipments
from app.storage.orders.shipments import SentShipment
from app.storage.postgres.database import Connection
from app.usecases.commerce_dedup import duplicates
from app.usecases.commerce_dedup.event_state import (
    ACTOR,
    EventResult,
    items_of,
    problem_of,
    tracks_of,
)
from app.usecases.context import AppContext
from app.usecases.orders import correct_tracking, ship_locked

_ELSEWHERE = EventResult("known", "it arrived through another channel")


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
        return _ELSEWHERE, replace(done, shipments=tuple(map(str, found)))
    if await duplicates.kept_part(
        connection, order, items, kind=duplicates.COMMERCE, numbers=numbers
    ):
        return _ELSEWHERE, done
    return await _ship(connection, context, order, event, done)


async def _ship(
    connection: Connection,
    context: AppContext,
    order: Order,
    event: CommerceEvent,
    done: CommerceEvent,
) -> tuple[EventResult, CommerceEvent]:
    """Ship what no channel shipped before. done: the event, carried out."""
    items, tracks = items_of(event) or (), tracks_of(event)
    if event.is_later_part:
        # It is judged anew, so its own items are not among those from before.
        before = Counter(order.later_parts) - Counter(dict(event.content["items"]))
        order = replace(order, later_parts=before)
    parts = split(tracks, items, order)
    resolved = commerce_items.resolve(order, items, shipping=True)
    # mutation: later-part-of-a-unit
    if resolved.later_part:
        new = [track.number for track in distinct(tracks)]
        after = unsent(done, rules.later_part(order, resolved, new))
        return EventResult("accepted", TRACK_NOT_SENT), after
    if event.is_later_part:
        await storage.save(connection, done)
    requests = parts.requests(event.reference)
    # A package with no open units is stored as failed, beside one that can go.
    version = await accept.look_up_locked(connection, order.id)
    made = await ship_locked.accept(connection, context, version, requests, ACTOR, partial=True)
    done = replace(done, shipments=tuple(str(each.id) for each in made.shipments))
    if parts.unsent:
        return EventResult("accepted", TRACK_NOT_SENT), some_unsent(done, parts)
    return EventResult("accepted"), done


def some_unsent(event: CommerceEvent, parts: Split) -> CommerceEvent:
    """The event of a shipment that went out under some of its tracks, for want of more units."""
    message = _cannot_divide([each.track.number for each in parts.packages], parts.unsent)
    return unsent(event, message)


def unsent(event: CommerceEvent, message: str) -> CommerceEvent:
    """The event of a shipment with tracks that are not sent.

    It stays refused until a person dismisses it: the buyer does not know of these packages.
    """
    # mutation: more-packages-than-units
    return replace(event, state=storage.REFUSED, code=TRACK_NOT_SENT, message=message)


def _is_of(event: CommerceEvent, sent: SentShipment) -> bool:
    package = rf"{re.escape(event.reference)}(-\d+)?"
    return str(sent.id) in event.shipments or bool(re.fullmatch(package, sent.reference or ""))


def _without_items(event: CommerceEvent) -> tuple[EventResult, CommerceEvent]:
    problem = problem_of(event)
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
    whole = event.content_at is not None
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
    return rules.not_sent(sent, [track.number for track in fresh])
