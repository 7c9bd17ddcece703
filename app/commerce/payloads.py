"""What Commerce's webhooks and events say of a shipment or a cancellation, however mapped.

The same fields stand at the top, under `data`, under `value`, or one level deeper under the name of
what they describe, by kind of hook and by the merchant's own mapping. Numbers are often text.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from app.commerce.packages import Track
from app.orders import bounds
from app.orders.errors import Invalid, Problem
from app.orders.requests import RequestedItem

_SHIPMENT_EVENTS = ("shipment",)
_CANCEL_EVENTS = ("order_cancel", "order_management.cancel")


@dataclass(frozen=True, slots=True)
class Shipped:
    """A shipment that was saved in Commerce. items None: all that remains."""

    order_id: int
    shipment_id: str
    items: tuple[RequestedItem, ...] | None
    tracks: tuple[Track, ...]


@dataclass(frozen=True, slots=True)
class Canceled:
    """An order that was canceled in Commerce; done False where Commerce says that it was not."""

    order_id: int
    done: bool
    reason: str | None


def about(event_type: str) -> str | None:
    """What an event is about: shipment, cancellation, or nothing that concerns Walmart."""
    name = event_type.casefold()
    if any(each in name for each in _CANCEL_EVENTS):
        return "cancellation"
    return "shipment" if any(each in name for each in _SHIPMENT_EVENTS) else None


def shipment(payload: object) -> Shipped:
    """Read a shipment. Raises Invalid."""
    found = next(_levels(payload, "shipment"), None)
    entity = _first(found, "shipment_id", "entity_id", "shipmentId")
    order = _whole(_first(found, "order_id", "orderId"))
    if order is None:
        order = _whole(_first(_mapping(_mapping(payload).get("order")), "entity_id"))
    if order is None or entity is None:
        raise _bad("The shipment names no order_id or no entity_id.")
    return Shipped(order, str(entity)[:100], _items(found), tuple(_tracks(found)))


def cancellation(payload: object) -> Canceled:
    """Read a cancellation. Raises Invalid."""
    body = _mapping(payload)
    found = next(_levels(payload, "order"), body)
    order = _whole(_first(found, "entity_id", "order_id", "orderId", "id"))
    if order is None:
        order = _whole(_first(body, "id", "order_id"))
    if order is None:
        raise _bad("The cancellation names no order.")
    reason = _first(body, "reason") or _first(found, "reason")
    done = str(body.get("result", True)).casefold() not in {"false", "0", ""}
    return Canceled(order, done, str(reason)[:200] if reason else None)


def _levels(payload: object, name: str) -> Iterator[Mapping[str, object]]:
    """Where the fields may stand, the deepest first."""
    top = _mapping(payload)
    for level in (_mapping(top.get("data")), _mapping(top.get("value")), top):
        for inner in (_mapping(level.get("value")), level):
            named = _mapping(inner.get(name))
            if named:
                yield named
    for level in (_mapping(top.get("data")), _mapping(top.get("value"))):
        for inner in (_mapping(level.get("value")), level):
            if inner:
                yield inner
    if top:
        yield top


def _items(found: Mapping[str, object] | None) -> tuple[RequestedItem, ...] | None:
    given = _mapping(found).get("items")
    if not isinstance(given, list) or not given:
        return None
    items: dict[int, int] = {}
    for each in given:
        entry = _mapping(each)
        item = _whole(_first(entry, "order_item_id", "orderItemId"))
        units = _whole(_first(entry, "qty", "quantity"))
        if item is None or units is None:
            raise _bad(
                "An item lacks order_item_id or qty: select both in the hook's fields, or "
                "Waybill would have to guess what was shipped."
            )
        if units:
            items[item] = items.get(item, 0) + units
    return tuple(RequestedItem(units, commerce_item_id=item) for item, units in items.items())


def _tracks(found: Mapping[str, object] | None) -> Iterator[Track]:
    given = _mapping(found).get("tracks")
    for each in given if isinstance(given, list) else ():
        entry = _mapping(each)
        number = _first(entry, "track_number", "trackNumber", "number")
        if number:
            code, title = _first(entry, "carrier_code", "carrierCode"), _first(entry, "title")
            yield Track(
                str(code or "custom")[:200], str(title)[:200] if title else None, str(number)[:200]
            )


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}


def _first(found: Mapping[str, object] | None, *names: str) -> object:
    values = _mapping(found)
    return next((values[name] for name in names if not _empty(values.get(name))), None)


def _whole(value: object) -> int | None:
    return bounds.whole(value)


def _bad(message: str) -> Invalid:
    return Invalid("commerce_event_invalid", message, [Problem("commerce_event_invalid", message)])


def _empty(value: object) -> bool:
    return value is None or value == ""
