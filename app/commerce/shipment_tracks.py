"""Split Commerce's shipment, which may have several tracking numbers, into packages of one each.

Commerce does not say which units are in which package, and Walmart requires it. The rule:

1. tracks with the same carrier and number are one package;
2. a single package gets all items;
3. of more packages than units, the first gets all items, and the others are not sent;
4. tracks that name their items (`extension_attributes.items`) get these; one that only adds parts
   to units of another track is not sent;
5. if one line has as many units as there are packages, each package gets one unit;
6. anything else would be a guess, and is refused.

Units are those of order lines: the parent and children of a composite product are one.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import chain

from app.domain.errors import Invalid, Problem
from app.domain.orders import commerce_items
from app.domain.orders.order import Order
from app.domain.orders.requests import RequestedItem, ShipRequest
from app.domain.orders.tracking_key import tracking_key
from app.domain.update import Kind, State

Items = tuple[RequestedItem, ...]
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
    items: Items | None = None
    """The items in the package. None means that the track does not name them."""
    id: str | None = None
    """Commerce's id of the track. None means that it was not sent."""


@dataclass(frozen=True, slots=True)
class TrackShare:
    """A track with the items that it gets."""

    track: Track
    items: Items | None
    """None means all that remains of the order."""


@dataclass(frozen=True, slots=True)
class Split:
    """A shipment, split into packages."""

    packages: Sequence[TrackShare]
    """At least one."""
    unsent: Sequence[Track] = ()
    """The tracks that get no unit."""

    def requests(self, reference: str) -> list[ShipRequest]:
        """Return the request for each package. reference: that of the whole shipment."""
        alone = len(self.packages) == 1
        return [
            ShipRequest(
                carrier_code=each.track.carrier_code,
                carrier_title=each.track.title,
                tracking_number=each.track.number,
                reference=reference if alone else f"{reference}-{place}",
                items=each.items,
            )
            for place, each in enumerate(self.packages, start=1)
        ]


def distinct(tracks: Iterable[Track]) -> list[Track]:
    """Return one track of each carrier and number."""
    return list({(each.carrier_code, tracking_key(each.number)): each for each in tracks}.values())


def split(tracks: Sequence[Track], items: Items | None, order: Order | None) -> Split:
    """Split a shipment of an order into packages.

    items: None means all that remains. order: None where there is one track.

    Raises Invalid tracking_number_required, tracks_ambiguous.
    """
    packages = distinct(tracks)
    if not packages:
        message = "Walmart takes no shipment without a tracking number: a track is needed."
        raise Invalid(
            "tracking_number_required",
            message,
            [Problem("tracking_number_required", message, "/tracks")],
        )
    first = packages[0]
    if len(packages) == 1:
        return Split([TrackShare(first, first.items or items)])
    assert order is not None  # noqa: S101 - there are several tracks
    named = [each.items for each in packages if each.items]
    if items is None and len(named) == len(packages):
        items = _together(*named)
    if _units(order, items) < len(packages):
        return Split([TrackShare(first, items)], packages[1:])
    # mutation: ambiguous-tracking-numbers
    if len(named) == len(packages):
        return _as_named(packages, order)
    if items is None or named:
        raise _guess()
    return Split(_one_unit_each(packages, items, order))


def _units(order: Order, items: Items | None) -> Fraction:
    """The units that a shipment adds; none if it is refused."""
    if items is None:
        remaining = sum(line.remaining for line in order.lines)
        # Without other units the shipment is about those of a failed one.
        return Fraction(remaining or _lacking(order))
    resolved = commerce_items.resolve(order, items, shipping=True)
    return Fraction() if resolved.problems else resolved.added


def _lacking(order: Order) -> int:
    failed = [task for task in order.unresolved(Kind.SHIPMENT) if task.state is State.FAILED]
    return sum(item.quantity - item.confirmed for task in failed for item in task.items)


def _as_named(tracks: Sequence[Track], order: Order) -> Split:
    kept: list[TrackShare] = []
    unsent: list[Track] = []
    # Parts travel with the next units.
    before: Items = ()
    parts: Items = ()
    for track in tracks:
        own = track.items or ()
        after = _together(before, own)
        # Of a track with unknown items only, the shipment is refused.
        known = commerce_items.resolve(order, own).units
        # mutation: track-that-adds-no-unit
        if not known or _units(order, after) > _units(order, before):
            kept.append(TrackShare(track, _together(parts, own)))
            parts = ()
        else:
            unsent.append(track)
            parts = _together(parts, own)
        before = after
    last = kept[-1]
    return Split([*kept[:-1], replace(last, items=_together(last.items or (), parts))], unsent)


def _one_unit_each(tracks: Sequence[Track], items: Items, order: Order) -> list[TrackShare]:
    """One unit for each track. The first also gets the parts that complete earlier units."""
    resolved = commerce_items.resolve(order, items, shipping=True)
    lines = [each for each in resolved.units if each.units > 0]
    if len(lines) != 1 or lines[0].units != len(tracks):
        raise _guess()
    per_unit = lines[0].lines[0].items_per_unit
    left = Counter({each.commerce_item_id: each.quantity for each in items})
    shares: list[Items] = []
    for _ in tracks[1:]:
        share = {id_: min(n, left[id_]) for id_, n in per_unit.items() if left[id_]}
        left.subtract(share)
        shares.append(_items(share.items()))
    # mutation: one-unit-for-each-number
    return [
        TrackShare(track, share)
        for track, share in zip(tracks, [_items(left.items()), *reversed(shares)], strict=True)
    ]


def _together(*shares: Items) -> Items:
    """All items, each once with its whole quantity."""
    quantities: Counter[int | None] = Counter()
    for item in chain.from_iterable(shares):
        quantities[item.commerce_item_id] += item.quantity
    return _items(quantities.items())


def _items(quantities: Iterable[tuple[int | None, int]]) -> Items:
    return tuple(RequestedItem(n, commerce_item_id=id_) for id_, n in quantities if n)


def _guess() -> Invalid:
    return Invalid("tracks_ambiguous", _GUESS, [Problem("tracks_ambiguous", _GUESS, "/tracks")])
