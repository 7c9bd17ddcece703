"""Rules of a cancellation: the whole order, before any unit is shipped, with a reason."""

from collections.abc import Iterator, Sequence
from enum import StrEnum

from app.domain.errors import Problem
from app.domain.orders import allocation, held_units
from app.domain.orders.order import FulfillmentStatus, Item, Order, Task, closed_problems
from app.domain.orders.requests import CancelRequest
from app.domain.update import OPEN, Kind, State

COMMENT_MAX = 1000
# Why an order is not canceled: it is, or will be; units are shipped, or on their way; an earlier
# cancellation is neither confirmed nor on its way.
CANCELED, PENDING = "order_already_canceled", "cancellation_pending"
SHIPPED = "order_already_shipped"
UNRESOLVED = "cancellation_unresolved"
_FAILED_SHIPMENT = "A shipment of the order failed: it is settled or dismissed first."
_DISMISSED_SHIPMENT = "A dismissed shipment may still reach Walmart: refresh the order first."


class Reason(StrEnum):
    """Why an order is canceled."""

    PRICING_ERROR = "pricing_error"
    OUT_OF_STOCK = "out_of_stock"
    ADDRESS_NOT_SERVICEABLE = "address_not_serviceable"
    FRAUD = "fraud"
    CUSTOMER_REQUEST = "customer_request"


def plan(order: Order, request: CancelRequest) -> tuple[tuple[Item, ...], tuple[Problem, ...]]:
    """Return the units to cancel and every problem; with any problem the request is refused."""
    problems = [*_reason_problems(request), *_inventory_problems(order, request)]
    problems += _state_problems(order)
    return allocation.remaining_items(order), tuple(problems)


def reason_allowed(order: Order, request: CancelRequest) -> bool:
    """Whether Walmart takes the reason: customer_request needs a cancel request of the buyer."""
    return request.reason != Reason.CUSTOMER_REQUEST or bool(order.cancel_requested)


def replaces_reason(failed: Task, request: CancelRequest) -> bool:
    """Whether the retry of a failed cancellation takes the reason of the new request.

    Not while an attempt is in doubt: what may have reached Walmart is never rewritten.
    """
    given = bool(request.reason) and not request.by_default
    # mutation: reason-of-retried-cancellation
    return given and request.reason != failed.reason and failed.in_doubt_until is None


def _reason_problems(request: CancelRequest) -> Iterator[Problem]:
    if not request.reason:
        message = "A cancellation needs a reason, or the store a default_cancellation_reason."
        yield Problem("reason_required", message, "/reason")
    elif request.reason not in set(Reason):
        yield Problem("reason_invalid", f"The reason must be {', '.join(Reason)}.", "/reason")


def _inventory_problems(order: Order, request: CancelRequest) -> Iterator[Problem]:
    skus = {line.sku for line in order.lines}
    seen: set[tuple[str, str | None]] = set()
    for index, level in enumerate(request.inventory):
        if level.sku not in skus:
            yield Problem(
                "unknown_sku", f"The order has no line with {level.sku}.", f"/inventory/{index}/sku"
            )
        elif (level.sku, level.ship_node) in seen:
            yield Problem("sku_repeated", f"{level.sku} is named twice.", f"/inventory/{index}/sku")
        seen.add((level.sku, level.ship_node))


def _state_problems(order: Order) -> Iterator[Problem]:
    yield from closed_problems(order)
    if order.fulfillment_status is FulfillmentStatus.CANCELED:
        yield Problem(CANCELED, "The order is already canceled.", conflict=True)
        return
    shipments = order.unresolved(Kind.SHIPMENT)
    if any(line.shipped for line in order.lines):
        yield Problem(
            SHIPPED,
            "Units of the order are shipped, and Walmart cancels no shipped order: refund it.",
            conflict=True,
        )
    elif any(task.state in OPEN for task in shipments):
        message = "A shipment of the order is being sent to Walmart."
        # mutation: refusal-names-open-shipment
        yield held_units.refusal(SHIPPED, message, shipments)
    elif shipments:
        failed = any(task.state is State.FAILED for task in shipments)
        yield held_units.refusal(
            "shipment_unresolved",
            _FAILED_SHIPMENT if failed else _DISMISSED_SHIPMENT,
            shipments,
            facts={"update_id": str(shipments[0].update_id)},
        )
    for task in order.unresolved(Kind.CANCELLATION):
        code = PENDING if task.state in OPEN else UNRESOLVED
        facts: dict[str, object] = {"update_id": str(task.update_id)}
        yield held_units.refusal(code, _earlier(task), [task], facts=facts)


def _earlier(task: Task) -> str:
    """What becomes of the earlier cancellation."""
    if task.state in OPEN:
        return "The order is already being canceled at Walmart."
    if task.state is State.FAILED:
        return "An earlier cancellation failed: retry or dismiss it."
    return "A dismissed cancellation still holds units: refresh the order."


def retryable(order: Order, problems: Sequence[Problem]) -> Task | None:
    """Return the failed cancellation that alone prevents another one. None means that none does.

    problems: those of `plan`.
    """
    if any(each.conflict and each.code != UNRESOLVED for each in problems):
        return None
    earlier = order.unresolved(Kind.CANCELLATION)
    return earlier[0] if [each.state for each in earlier] == [State.FAILED] else None


LABELS: dict[Reason, tuple[str, ...]] = {
    Reason.PRICING_ERROR: ("Price or other listing errors",),
    Reason.OUT_OF_STOCK: ("The item is out of stock",),
    Reason.FRAUD: (
        "Additional information is needed by our Credit and Fraud Avoidance department",
        "Additional information is required by our Credit or Fraud Avoidance department",
    ),
    Reason.ADDRESS_NOT_SERVICEABLE: (
        "Unavailable carrier or shipping method",
        "Unavailable carrier or shipping information",
    ),
    # Commerce has no such reason: Walmart takes it only if the buyer asked.
    Reason.CUSTOMER_REQUEST: ("The buyer asked to cancel the order",),
}


def reason_of(code_or_label: str) -> str:
    """Return the reason for a code or a label of Commerce's; other text is returned as is."""
    text = code_or_label.strip()
    for reason, labels in LABELS.items():
        if text.casefold() in {reason.value, *(label.casefold() for label in labels)}:
            return reason.value
    return text
