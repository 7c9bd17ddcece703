"""What may be canceled: the whole order or nothing, before any unit left, with a reason."""

from collections.abc import Iterator
from enum import StrEnum

from app.domain.errors import Problem
from app.domain.orders import allocation, held_units
from app.domain.orders.order import FulfillmentStatus, Item, Order, closed_problems
from app.domain.orders.requests import CancelRequest
from app.domain.update import OPEN, Kind

COMMENT_MAX = 1000


class Reason(StrEnum):
    """Why an order is canceled, in Commerce's words."""

    PRICING_ERROR = "pricing_error"
    OUT_OF_STOCK = "out_of_stock"
    ADDRESS_NOT_SERVICEABLE = "address_not_serviceable"
    FRAUD = "fraud"
    CUSTOMER_REQUEST = "customer_request"


def plan(order: Order, request: CancelRequest) -> tuple[tuple[Item, ...], tuple[Problem, ...]]:
    """The units to cancel and every reason against it; with problems it must not be done."""
    problems = [*_reason_problems(request), *_inventory_problems(order, request)]
    problems += _state_problems(order)
    return allocation.everything_remaining(order), tuple(problems)


def asked_by_buyer(order: Order, request: CancelRequest) -> bool:
    """Whether the reason given fits: Walmart allows customer_request only where the buyer asked."""
    return request.reason != Reason.CUSTOMER_REQUEST or bool(order.cancel_requested)


def _reason_problems(request: CancelRequest) -> Iterator[Problem]:
    if request.reason not in set(Reason):
        yield Problem("reason_invalid", f"One of {', '.join(Reason)} is needed.", "/reason")


def _inventory_problems(order: Order, request: CancelRequest) -> Iterator[Problem]:
    skus = {line.sku for line in order.lines}
    seen: set[tuple[str, str | None]] = set()
    for index, level in enumerate(request.inventory):
        if level.sku not in skus:
            yield Problem(
                "unknown_sku", f"The order has no line of {level.sku}.", f"/inventory/{index}/sku"
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
            "Units of the order have left; Walmart cancels no shipped order, refund it instead.",
            conflict=True,
        )
    elif any(task.state in OPEN for task in shipments):
        message = "A shipment of the order is on its way."
        yield held_units.refusal("order_already_shipped", message, shipments)
    elif shipments:
        yield held_units.refusal(
            "shipment_unresolved",
            "A shipment of the order failed or was dismissed unread: dismiss or refresh it first.",
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
    # Adobe has no such reason: Walmart allows it only where the buyer asked.
    Reason.CUSTOMER_REQUEST: ("The buyer asked to cancel the order",),
}


def reason_of(said: str) -> str:
    """The reason of a code or of one of Adobe's labels; what is neither is given back as it is."""
    text = said.strip()
    for reason, labels in LABELS.items():
        if text.casefold() in {reason.value, *(label.casefold() for label in labels)}:
            return reason.value
    return text
