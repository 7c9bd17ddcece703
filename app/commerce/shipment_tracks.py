"""Split Commerce's shipment, which may have several tracking numbers, into packages of one each.

Commerce does not say which units are in which package, and Walmart requires it. The rule:

1. tracks with the same carrier and number are one package;
2. a single package gets all items;
3. of more packages than units, the first gets all items, and the others are `not_sent`;
4. tracks that name their items (`extension_attributes.items`) get these;
5. if one item has as many units as there are packages, each package gets one unit;
6. anything else would be a guess, and is refused.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from app.domain.errors import Invalid, Problem
from app.domain.orders.requests import RequestedItem, ShipRequest
from app.domain.orders.tracking_key import tracking_key

_GUESS = (
    "The shipment has several tracking numbers and does not say which units have which number: "
    "send one shipment for each, or name each track's items in its extension_attributes.items."
)


@dataclass(frozen=True, slots=True)
class Track:
    """A track of Commerce's shipment."""

    carrier_code: str
    title: str | None
    number: str
    items: tuple[RequestedItem, ...] | None = None
    """The items in the package. None means that the track does not name them."""
    id: str | None = None
    """Commerce's id of the track. None means that it was not sent."""


def not_sent(tracks: Sequence[Track], units: int | None) -> tuple[Track, ...]:
    """Return the tracks that get no unit, because there are more packages than units.

    units: those of the shipment. None means not known.
    """
    distinct = _distinct(tracks)
    return tuple(distinct[1:]) if units is not None and units < len(distinct) else ()


def units_of(items: Sequence[RequestedItem] | None) -> int | None:
    """Return the units of the items of a shipment. None means that it does not name them."""
    return sum(item.quantity for item in items) if items is not None else None


def packages(
    tracks: Sequence[Track],
    items: tuple[RequestedItem, ...] | None,
    reference: str,
    units: int | None = None,
) -> list[ShipRequest]:
    """Split a shipment into packages. Raises Invalid tracking_number_required, tracks_ambiguous.

    units: those that the shipment has at most, where it does not name its items.
    """
    distinct = _distinct(tracks)
    if not distinct:
        message = "Walmart takes no shipment without a tracking number: a track is needed."
        raise Invalid(
            "tracking_number_required",
            message,
            [Problem("tracking_number_required", message, "/tracks")],
        )
    if not_sent(tracks, units if items is None else units_of(items)):
        distinct = [replace(distinct[0], items=items)]
    shares = _shares(distinct, items)
    return [
        ShipRequest(
            carrier_code=track.carrier_code,
            carrier_title=track.title,
            tracking_number=track.number,
            reference=reference if len(shares) == 1 else f"{reference}-{place}",
            items=share,
        )
        for place, (track, share) in enumerate(shares, start=1)
    ]


def _distinct(tracks: Sequence[Track]) -> list[Track]:
    return list({(each.carrier_code, tracking_key(each.number)): each for each in tracks}.values())


def _shares(
    tracks: Sequence[Track], items: tuple[RequestedItem, ...] | None
) -> list[tuple[Track, tuple[RequestedItem, ...] | None]]:
    # mutation: ambiguous-tracking-numbers
    if len(tracks) == 1:
        return [(tracks[0], tracks[0].items or items)]
    if all(track.items for track in tracks):
        return [(track, track.items) for track in tracks]
    one = items[0] if items is not None and len(items) == 1 else None
    if one is None or one.quantity != len(tracks) or any(track.items for track in tracks):
        raise Invalid("tracks_ambiguous", _GUESS, [Problem("tracks_ambiguous", _GUESS, "/tracks")])
    each = RequestedItem(1, one.line_number, one.sku, one.commerce_item_id)
    return [(track, (each,)) for track in tracks]
