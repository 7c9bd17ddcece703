"""Rules of a cancellation: the whole order, before any unit is shipped, with a reason."""

from collections.abc import Iterator
from enum import StrEnum

from app.domain.errors import Problem
from app.domain.orders import allocation, held_units
from app.domain.orders.order import FulfillmentStatus, Item, Order, closed_problems
from app.domain.orders.requests import CancelRequest
from app.domain.update import OPEN, Kind

COMMENT_MAX = 1000


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


def _reason_problems(request: CancelRequest) -> Iterator[Problem]:
    if request.reason not in set(Reason):
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
        yield Problem("order_already_canceled", "The order is already canceled.", conflict=True)
        return
    shipments = order.unresolved(Kind.SHIPMENT)
    if any(line.shipped for line in order.lines):
        yield Problem(
            "order_already_shipped",
            "Units of the order are shipped, and Walmart cancels no shipped order: refund it.",
            conflict=True,
        )
    elif any(task.state in OPEN for task in shipments):
        message = "A shipment of the order is being sent to Walmart."
        # mutation: refusal-names-open-shipment
        yield held_units.refusal("order_already_shipped", message, shipments)
    elif shipments:
        yield held_units.refusal(
            "shipment_unresolved",
            "A shipment of the order failed, or was dismissed before a read: dismiss it or "
            "refresh the order first.",
            shipments,
            facts={"update_id": str(shipments[0].update_id)},
        )
    for task in order.unresolved(Kind.CANCELLATION):
        running = task.state in OPEN
        code = "cancellation_pending" if running else "cancellation_unresolved"
        message = (
            "The order is already being canceled at Walmart."
            if running
            else "An earlier cancellation failed: retry or dismiss it."
        )
        yield held_units.refusal(code, message, [task], facts={"update_id": str(task.update_id)})


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
