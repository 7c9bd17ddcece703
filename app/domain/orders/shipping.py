"""What may be shipped: every rule a shipment is held against before it is written down.

All problems are collected, not only the first, because a dry run shows them together.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from app.domain.errors import Problem
from app.domain.orders import allocation, held_units
from app.domain.orders.order import FulfillmentStatus, Item, Order, closed_problems
from app.domain.orders.requests import ShipRequest
from app.domain.orders.snapshot import tracking_key
from app.domain.update import OPEN, Kind, State

# A parcel scanned by a clock that runs a little ahead of ours is not in the future.
CLOCK_SKEW = timedelta(minutes=5)
TRACKING_NUMBER_MAX = 60
TRACKING_URL_MAX = 2048
# Walmart's own list (its orders API, trackingInfo.methodCode).
METHOD_CODES = ("Standard", "Express", "OneDay", "Freight", "WhiteGlove", "Value")
DEFAULT_METHOD = "Standard"
_TRACKING = re.compile(r"[A-Z0-9]+")


@dataclass(frozen=True, slots=True)
class ShipmentPlan:
    """What a request would do to an order; with problems it must not be done."""

    items: tuple[Item, ...]
    shipped_at: datetime
    method_code: str
    problems: tuple[Problem, ...]


def plan(
    order: Order, request: ShipRequest, now: datetime, *, least: int | None = None
) -> ShipmentPlan:
    """Hold a request against the order's rules. now is an aware time; nothing is changed.

    least: units that are short only because of what happened at Walmart are no problem where at
    least so many units can go (None: all). They are asked for and not reserved, and the delivery
    says line by line that they could not go; so it does of lines that the buyer asked to cancel.
    """
    items, problems = _items(order, request, least=least)
    shipped_at = request.shipped_at or now
    found = [
        *tracking_problems(order, request.tracking_number),
        *url_problems(request.tracking_url),
        *_time_problems(order, request.shipped_at, now),
        *_method_problems(request.method_code),
        *_state_problems(order),
        *problems,
    ]
    if least is None and not request.override_cancel_request:
        found += _buyer_problems(order, items)
    return ShipmentPlan(items, shipped_at, _method(order, request), tuple(found))


def _items(
    order: Order, request: ShipRequest, *, least: int | None
) -> tuple[tuple[Item, ...], list[Problem]]:
    if request.items is not None:
        return allocation.allocate(order, request.items, least=least)
    items = allocation.everything_remaining(order)
    if items or order.fulfillment_status is FulfillmentStatus.CANCELED:
        return items, []
    message = "Every unit of the order is already shipped, canceled or on its way."
    return (), [held_units.refusal("nothing_to_ship", message, held_units.units_of(order))]


def tracking_problems(order: Order, number: str) -> Iterator[Problem]:
    """Whether Walmart's policy allows a tracking number (Valid tracking number policy, 2026)."""
    pointer, code = "/tracking_number", "tracking_number_invalid"
    key = tracking_key(number)
    if not key:
        yield Problem("tracking_number_required", "Walmart takes no shipment without one.", pointer)
    elif len(number) > TRACKING_NUMBER_MAX:
        yield Problem(code, f"At most {TRACKING_NUMBER_MAX} characters are allowed.", pointer)
    elif not number.isascii() or not _TRACKING.fullmatch(key):
        yield Problem(
            code, "Only letters A to Z and digits are allowed, spaces and hyphens aside.", pointer
        )
    elif key in {
        tracking_key(order.purchase_order_id),
        tracking_key(order.customer_order_id or ""),
    }:
        yield Problem(code, "An order's own number is not a tracking number.", pointer)


def url_problems(url: str | None) -> Iterator[Problem]:
    """A tracking URL must be one that a buyer's browser can open."""
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
            f"An http or https address of at most {TRACKING_URL_MAX} characters is needed.",
            "/tracking_url",
        )


def _time_problems(order: Order, shipped_at: datetime | None, now: datetime) -> Iterator[Problem]:
    if shipped_at is None:
        return
    pointer = "/shipped_at"
    if shipped_at > now + CLOCK_SKEW:
        yield Problem("shipped_at_in_future", "A package cannot have left yet.", pointer)
    elif order.ordered_at is not None and shipped_at < order.ordered_at:
        yield Problem(
            "shipped_at_before_order",
            f"The order was placed only at {order.ordered_at.isoformat()}.",
            pointer,
        )


def _method_problems(method_code: str | None) -> Iterator[Problem]:
    if method_code is not None and method_code not in METHOD_CODES:
        yield Problem(
            "method_code_invalid",
            f"Walmart knows {', '.join(METHOD_CODES)}.",
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
    asked = [item.line_number for item in items if item.line_number in order.cancel_requested]
    if asked:
        yield Problem(
            "cancel_requested",
            f"The buyer asked to cancel line {', '.join(asked)}: ship the other lines, or send "
            "override_cancel_request.",
            conflict=True,
        )


_FAILED = "A cancellation of this order failed: retry or dismiss it first."
_DISMISSED = "A dismissed cancellation still holds units: refresh the order."


def _method(order: Order, request: ShipRequest) -> str:
    if request.method_code is not None:
        return request.method_code
    return order.ship_method if order.ship_method in METHOD_CODES else DEFAULT_METHOD
