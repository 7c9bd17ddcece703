"""Parser of Commerce's webhooks and events: shipments, tracks, cancellations and credit memos.

The use cases decide what goes to Walmart. If an object has its ids but other fields cannot be read,
or it has no units, it is returned with `problem`, so that the problem is shown with its order.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from app.commerce.payload_fields import (
    amount,
    first,
    invalid,
    levels,
    listed,
    mapping,
    text,
    unreadable,
)
from app.commerce.shipment_tracks import Track
from app.domain import db_limits
from app.domain.errors import Problem
from app.domain.orders.requests import RequestedItem

# Parts of the names of events that change nothing at Walmart.
_IGNORED = ("comment", "item_", "delete")
_CANCEL_EVENTS = ("order_cancel", "order_management.cancel")
_CREDITMEMO_CANCELED = 3
_DONE = frozenset({"true", "1"})
# How names of a credit memo's amounts begin, without "base_" (magento/magento2,
# app/code/Magento/Sales/Model/Order/Creditmemo/Total/Grand.php; those of its items: Subtotal.php).
# mutation: amount-without-units
_AMOUNTS = ("adjustment", "shipping_amount", "grand_total")
_UNITS = ("qty", "quantity")
# Magento lists the order's items with the quantity 0 in a credit memo of an adjustment
# (magento/magento2, app/code/Magento/Sales/Model/Order/CreditmemoFactory.php, createByOrder).
AMOUNT_ONLY = Problem(
    "creditmemo_amount_only",
    "The credit memo credits an amount and no units. Waybill sends no amount to Walmart: refund it "
    "in Seller Center.",
)
NOTHING_SHIPPED = Problem(
    "invalid_quantity",
    "Every item of the shipment has the quantity 0. Nothing was shipped, so nothing is sent to "
    "Walmart.",
)


@dataclass(frozen=True, slots=True)
class ShipmentSaved:
    """A shipment was saved."""

    order_id: int
    shipment_id: str
    items: tuple[RequestedItem, ...] | None
    """None means that they cannot be read; `problem` says why."""
    tracks: tuple[Track, ...]
    problem: Problem | None = None


@dataclass(frozen=True, slots=True)
class TrackSaved:
    """A track was saved, possibly long after its shipment."""

    order_id: int
    shipment_id: str
    track: Track


@dataclass(frozen=True, slots=True)
class OrderCanceled:
    """An order was canceled in Commerce."""

    order_id: int
    done: bool
    """False means that Commerce reports a failed cancellation."""
    reason: str | None


@dataclass(frozen=True, slots=True)
class CreditMemoSaved:
    """A credit memo was saved."""

    order_id: int
    creditmemo_id: str
    items: tuple[RequestedItem, ...] | None
    """None means that they cannot be read; `problem` says why."""
    online: bool = False
    """Commerce refunded the money itself."""
    done: bool = True
    """False means that the credit memo is canceled."""
    problem: Problem | None = None


CommerceMessage = ShipmentSaved | TrackSaved | OrderCanceled | CreditMemoSaved


def about(event_type: str) -> str | None:
    """Return the hook's name for an event type. None means that it does not concern Walmart."""
    name = event_type.casefold()
    if any(each in name for each in _IGNORED):
        return None
    if any(each in name for each in _CANCEL_EVENTS):
        return "cancellation"
    if "creditmemo" in name:
        return None if "cancel" in name else "creditmemo"
    if "track" in name:
        return "track" if "shipment" in name else None
    return "shipment" if "shipment" in name else None


def read(what: str, payload: object) -> CommerceMessage:
    """Read the payload of a hook or event, by the hook's name. Raises Invalid."""
    if what == "shipment":
        return shipment(payload)
    if what == "track":
        return track(payload)
    return creditmemo(payload) if what == "creditmemo" else cancellation(payload)


def shipment(payload: object) -> ShipmentSaved:
    """Read a shipment. Raises Invalid if it has no id or no order id."""
    found = next(levels(payload, "shipment"), None)
    entity = text(first(found, "shipment_id", "entity_id"), 50)
    order = _order(found, payload)
    if order is None or entity is None:
        raise invalid("The shipment names no order_id or no entity_id.")
    items, problem = _items(found, "what was shipped", NOTHING_SHIPPED)
    tracks = tuple(
        known for each in listed(mapping(found).get("tracks")) if (known := _track(each))
    )
    return ShipmentSaved(order, entity, items, tracks, problem)


def track(payload: object) -> TrackSaved:
    """Read a track. Raises Invalid if it has no number, no shipment id or no order id."""
    found = next(levels(payload, "track"), None)
    entity = text(first(found, "parent_id", "shipment_id"), 50)
    order, known = _order(found, payload), _track(mapping(found))
    if order is None or entity is None or known is None:
        raise invalid("The track names no order_id, no parent_id or no track_number.")
    return TrackSaved(order, entity, known)


def cancellation(payload: object) -> OrderCanceled:
    """Read a cancellation. Raises Invalid if it has no order id."""
    found = list(levels(payload, "order"))
    ids = (first(level, "entity_id", "order_id", "id") for level in found)
    numbers = (db_limits.whole_number(each) for each in ids)
    order = next((number for number in numbers if number is not None), None)
    if order is None:
        raise invalid("The cancellation names no order.")
    # Commerce's result may be at several levels; each of them must report success.
    results = [level["result"] for level in found if "result" in level]
    # mutation: commerce-result-check
    done = all(str(result).casefold() in _DONE for result in results)
    reasons = (text(first(level, "reason")) for level in reversed(found))
    return OrderCanceled(order, done, next((each for each in reasons if each), None))


def creditmemo(payload: object) -> CreditMemoSaved:
    """Read a credit memo. Raises Invalid if it has no id or no order id."""
    found = next(levels(payload, "creditmemo"), None)
    entity = text(first(found, "creditmemo_id", "entity_id"), 50)
    order = _order(found, payload)
    if order is None or entity is None:
        raise invalid("The credit memo names no order_id or no entity_id.")
    items, problem = _items(found, "what was refunded", AMOUNT_ONLY)
    if items is None and _credits_amount(found):
        problem = AMOUNT_ONLY
    return CreditMemoSaved(
        order,
        entity,
        items,
        online=first(found, "transaction_id") is not None,
        done=db_limits.whole_number(first(found, "state")) != _CREDITMEMO_CANCELED,
        problem=problem,
    )


def _order(found: Mapping[str, object] | None, payload: object) -> int | None:
    order = db_limits.whole_number(first(found, "order_id"))
    if order is None:
        order = db_limits.whole_number(first(mapping(mapping(payload).get("order")), "entity_id"))
    return order


def _items(
    found: Mapping[str, object] | None, what: str, without_units: Problem
) -> tuple[tuple[RequestedItem, ...] | None, Problem | None]:
    """Return the items, or why there are none. without_units: every row has the quantity 0."""
    items: dict[int, int] = {}
    rows = listed(mapping(found).get("items"))
    for each in rows:
        item = db_limits.whole_number(first(each, "order_item_id"))
        units = db_limits.whole_number(first(each, *_UNITS), db_limits.INT)
        if item is None or units is None:
            message = (
                "An item lacks order_item_id or qty: select both in the hook's fields, or "
                f"Waybill would have to guess {what}."
            )
            return None, unreadable(message)
        if units:
            items[item] = items.get(item, 0) + units
    if items:
        return tuple(RequestedItem(n, commerce_item_id=item) for item, n in items.items()), None
    # mutation: rows-without-units
    if rows:
        return None, without_units
    message = (
        "It lists no items with units: select items[].order_item_id and items[].qty in the "
        f"hook's fields, or Waybill would have to guess {what}."
    )
    return None, unreadable(message)


def _credits_amount(found: Mapping[str, object] | None) -> bool:
    """Whether a credit memo without units says so: by an empty list of items, or by its amounts."""
    memo = mapping(found)
    items = memo.get("items")
    if items in ([], {}):
        return True
    # mutation: amounts-of-credited-items
    if _has_amount(memo, "subtotal"):
        return False
    rows = listed(items)
    without_units = items is None or (bool(rows) and all(_says_no_units(row) for row in rows))
    return without_units and _has_amount(memo, *_AMOUNTS)


def _has_amount(memo: Mapping[str, object], *names: str) -> bool:
    return any(amount(memo[each]) for each in memo if each.removeprefix("base_").startswith(names))


def _says_no_units(row: Mapping[str, object]) -> bool:
    """Whether the quantity of an item is 0 or null. One that is not selected says nothing."""
    units = first(row, *_UNITS)
    if units is None:
        return any(name in row for name in _UNITS)
    return db_limits.whole_number(units) == 0


def _track(entry: Mapping[str, object]) -> Track | None:
    number = text(first(entry, "track_number", "number"))
    if number is None:
        return None
    code, title = first(entry, "carrier_code"), first(entry, "title")
    own = text(first(entry, "entity_id", "track_id"), 50)
    return Track(text(code) or "custom", text(title), number, id=own)
