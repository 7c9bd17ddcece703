"""Problems of requests that need units which another update holds.

All of them are made here, so that the message always names the failed updates with their reasons
and the way out, and the updates in doubt with the time at which a read may end each doubt.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Protocol
from uuid import UUID

from app.domain.errors import Problem
from app.domain.orders.order import Order, Task
from app.domain.outbox import doubt
from app.domain.update import Kind

# What a person can do about a failed update of each kind.
_WAYS_OUT = {
    Kind.SHIPMENT: "Ship exactly its units again with Commerce's POST /V1/order/{orderId}/ship: "
    "with another tracking number or carrier to correct it, else to retry it. Or PATCH its "
    "tracking, or POST /v1/updates/{update}/retry or /v1/updates/{update}/dismiss.",
    Kind.CANCELLATION: "POST /v1/updates/{update}/retry or /v1/updates/{update}/dismiss.",
}


class HoldingUpdate(Protocol):
    """An update that holds units: a task of an order, or a refund of a return."""

    @property
    def update_id(self) -> UUID:
        """The id of the update."""

    @property
    def in_doubt_until(self) -> datetime | None:
        """When a read may end the doubt. None means that there is none."""


def holders_of(order: Order, *numbers: str, but: UUID | None = None) -> list[Task]:
    """Return the updates that hold units of these lines (no number: of any line), except one."""
    return [
        task
        for task in order.tasks
        if task.update_id != but
        and any(i.reserved and (not numbers or i.line_number in numbers) for i in task.items)
    ]


def refusal(
    code: str,
    message: str,
    holders: Iterable[HoldingUpdate],
    pointer: str = "",
    facts: dict[str, object] | None = None,
) -> Problem:
    """Make a problem caused by updates that hold units; its message names those in its way."""
    held = list(holders)
    # mutation: refusal-names-failure
    failures = [_failed_message(each) for each in held if isinstance(each, Task) and each.failure]
    # mutation: refusal-names-doubt
    doubts = [
        doubt.in_doubt_message(each.update_id, each.in_doubt_until)
        for each in held
        if each.in_doubt_until is not None
    ]
    text = " ".join([message, *filter(None, failures), *doubts])
    return Problem(code, text, pointer, conflict=True, facts=facts or {}, in_doubt=bool(doubts))


def _failed_message(task: Task) -> str | None:
    """Name a failed update, why it failed, and the way out. None for a kind that holds no units."""
    if task.kind is Kind.SHIPMENT:
        name = f"Shipment {task.shipment_number} ({task.tracking_number})"
    elif task.kind is Kind.CANCELLATION:
        name = "The cancellation"
    else:
        return None
    way_out = _WAYS_OUT[task.kind].replace("{update}", str(task.update_id))
    return f"{name} failed: {task.failure} {way_out}"
