"""Rules of a shipment, checked before it is accepted.

All problems are collected, not only the first, because a dry run shows them together.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from app.domain.errors import Problem
from app.domain.orders import allocation, commerce_items, held_units
from app.domain.orders.commerce_items import Resolved
from app.domain.orders.order import FulfillmentStatus, Item, Order, closed_problems
from app.domain.orders.requests import ShipRequest, TrackingCorrection
from app.domain.orders.tracking_key import looks_like_two, tracking_key, visible
from app.domain.update import OPEN, Kind, State

# A carrier's clock may run ahead of ours.
CLOCK_SKEW = timedelta(minutes=5)
TRACKING_NUMBER_MAX = 60
TRACKING_URL_MAX = 2048
# Walmart's own list (its orders API, trackingInfo.methodCode).
METHOD_CODES = ("Standard", "Express", "OneDay", "Freight", "WhiteGlove", "Value")
DEFAULT_METHOD = "Standard"
# The code of units that Walmart has under another tracking number.
TRACK_NOT_SENT = "track_not_sent"
_TRACKING = re.compile(r"[A-Za-z0-9-]+")


@dataclass(frozen=True, slots=True)
class ShipmentPlan:
    """What a request would do to an order; with any problem the request is refused."""

    items: tuple[Item, ...]
    shipped_at: datetime
    method_code: str
    problems: tuple[Problem, ...]
    contents: Mapping[int, int]
    """Quantities of the items of composite products in the package, by Commerce item."""
    passed_over: tuple[int, ...]
    """Commerce items that belong to no line."""


def plan(
    order: Order, request: ShipRequest, now: datetime, *, min_units: int | None = None
) -> ShipmentPlan:
    """Check a request against the order's rules. now is an aware time.

    min_units: units that are missing only because of changes at Walmart are no problem, provided
    that at least so many units can go; None means that all must go. Such units are requested
    without a reservation, and the delivery reports by line that they could not go. Lines that the
    buyer asked to cancel are treated the same way.
    """
    resolved = commerce_items.resolve(order, request.items or (), shipping=True)
    items, problems = _items(order, request, min_units=min_units)
    shipped_at = request.shipped_at or now
    found = [
        *tracking_problems(order, request.tracking_number),
        *url_problems(request.tracking_url),
        *_time_problems(order, request.shipped_at, now),
        *_method_problems(request.method_code),
        *_state_problems(order),
        *problems,
    ]
    if resolved.later_part and not items:
        message = later_part(order, resolved, [request.tracking_number])
        found.append(Problem(TRACK_NOT_SENT, message, "/items", conflict=True))
    if min_units is None and not request.override_cancel_request:
        found += _buyer_problems(order, items)
    return ShipmentPlan(
        items=items,
        shipped_at=shipped_at,
        method_code=_method(order, request),
        problems=tuple(found),
        contents=resolved.contents,
        passed_over=resolved.passed_over,
    )


def _items(
    order: Order, request: ShipRequest, *, min_units: int | None
) -> tuple[tuple[Item, ...], list[Problem]]:
    if request.items is not None:
        return allocation.allocate(order, request.items, min_units=min_units)
    items = allocation.remaining_items(order)
    if items or order.fulfillment_status is FulfillmentStatus.CANCELED:
        return items, []
    message = "Every unit of the order is shipped, canceled or held by another update."
    return (), [held_units.refusal("nothing_to_ship", message, held_units.holders_of(order))]


def later_part(order: Order, resolved: Resolved, unsent: Sequence[str]) -> str:
    """Return why tracking numbers are not sent: their items only add parts to earlier units."""
    lines = {line.line_number for each in resolved.units for line in each.lines}
    sent = [
        task.tracking_number or ""
        for task in order.tasks
        if task.kind is Kind.SHIPMENT and any(item.line_number in lines for item in task.items)
    ]
    return not_sent(sent, unsent)


def not_sent(sent: Sequence[str], unsent: Sequence[str]) -> str:
    """Return why tracking numbers are not sent: units have others already."""
    has, new = ", ".join(sent), ", ".join(unsent)
    return (
        f"Walmart already has the units of this shipment under {has}, so {new} is not sent: "
        "a package cannot be divided afterwards."
    )


def tracking_problems(order: Order, number: str) -> Iterator[Problem]:
    """Check a tracking number by Walmart's "Valid tracking number policy" (2026)."""
    pointer, code = "/tracking_number", "tracking_number_invalid"
    key = tracking_key(number)
    if not key:
        message = "Walmart takes no shipment without a tracking number."
        yield Problem("tracking_number_required", message, pointer)
    elif looks_like_two(number):
        message = "It looks like two numbers: send each as a tracking number of its own."
        yield Problem(code, message, pointer)
    elif len(key) > TRACKING_NUMBER_MAX:
        yield Problem(code, f"At most {TRACKING_NUMBER_MAX} characters are allowed.", pointer)
    elif not _TRACKING.fullmatch(visible(number)):
        yield Problem(code, "Only A to Z, digits, spaces and hyphens are allowed.", pointer)
    elif key in {
        tracking_key(order.purchase_order_id),
        tracking_key(order.customer_order_id or ""),
    }:
        yield Problem(code, "The number of the order is not a tracking number.", pointer)


def url_problems(url: str | None) -> Iterator[Problem]:
    """Check that a buyer's browser can open a tracking URL."""
    if url is None:
        return
    try:
        parts = urlsplit(url)
        good = parts.scheme in {"http", "https"} and bool(parts.hostname) and url.isascii()
    except ValueError:
        good = False
    if not good or len(url) > TRACKING_URL_MAX or any(c.isspace() or c < " " for c in url):
        yield Problem(
            "tracking_url_invalid",
            f"The URL must be http or https, with at most {TRACKING_URL_MAX} characters.",
            "/tracking_url",
        )


def correction_problems(
    order: Order, correction: TrackingCorrection, now: datetime
) -> Iterator[Problem]:
    """Check the method and the time of a correction, where it has them."""
    yield from _method_problems(correction.method_code)
    yield from _time_problems(order, correction.shipped_at, now)


def _time_problems(order: Order, shipped_at: datetime | None, now: datetime) -> Iterator[Problem]:
    if shipped_at is None:
        return
    pointer = "/shipped_at"
    if shipped_at > now + CLOCK_SKEW:
        yield Problem("shipped_at_in_future", "The time is in the future.", pointer)
    elif order.ordered_at is not None and shipped_at < order.ordered_at:
        yield Problem(
            "shipped_at_before_order",
            f"The time is before the order was placed, at {order.ordered_at.isoformat()}.",
            pointer,
        )


def _method_problems(method_code: str | None) -> Iterator[Problem]:
    if method_code is not None and method_code not in METHOD_CODES:
        yield Problem(
            "method_code_invalid",
            f"Walmart's method codes are {', '.join(METHOD_CODES)}.",
            "/method_code",
        )


def _state_problems(order: Order) -> Iterator[Problem]:
    yield from closed_problems(order)
    if order.fulfillment_status is FulfillmentStatus.CANCELED:
        yield Problem("order_canceled", "The order is canceled.", conflict=True)
    for task in order.unresolved(Kind.CANCELLATION):
        if task.state in OPEN:
            message = "The order is being canceled at Walmart."
            yield held_units.refusal("cancellation_pending", message, [task])
        else:
            message = _FAILED if task.state is State.FAILED else _DISMISSED
            facts: dict[str, object] = {"update_id": str(task.update_id)}
            yield held_units.refusal("cancellation_unresolved", message, [task], facts=facts)


def _buyer_problems(order: Order, items: Iterable[Item]) -> Iterator[Problem]:
    lines = [item.line_number for item in items if item.line_number in order.cancel_requested]
    if lines:
        yield Problem(
            "cancel_requested",
            f"The buyer asked to cancel line {', '.join(lines)}: ship the other lines, or send "
            "override_cancel_request.",
            conflict=True,
        )


_FAILED = "A cancellation of this order failed: retry or dismiss it first."
_DISMISSED = "A dismissed cancellation still holds units: refresh the order."


def _method(order: Order, request: ShipRequest) -> str:
    if request.method_code is not None:
        return request.method_code
    return order.ship_method if order.ship_method in METHOD_CODES else DEFAULT_METHOD
