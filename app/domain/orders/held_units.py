"""Problems of requests that need units which another update holds.

All of them are made here, so that the message always names the failed updates with their reasons
and the way out, and the updates in doubt with the time at which a read may end each doubt.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Protocol
from uuid import UUID

from app.domain.errors import Problem
from app.domain.orders.order import Order, Task
from app.domain.outbox import doubt
from app.domain.update import Kind


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
    failures = list(_failures(held))
    # mutation: refusal-names-doubt
    doubts = [
        doubt.in_doubt_message(each.update_id, each.in_doubt_until)
        for each in held
        if each.in_doubt_until is not None
    ]
    text = " ".join([message, *failures, *doubts])
    return Problem(code, text, pointer, conflict=True, facts=facts or {}, in_doubt=bool(doubts))


def _failures(holders: Iterable[HoldingUpdate]) -> Iterator[str]:
    """Name each failed shipment or cancellation, why it failed, and the ways out."""
    failed = [
        each
        for each in holders
        if isinstance(each, Task)
        and each.failure
        and each.kind in {Kind.SHIPMENT, Kind.CANCELLATION}
    ]
    for task in failed:
        update = f"/v1/updates/{task.update_id}"
        ways = f"POST {update}/retry retries it, POST {update}/dismiss ends it."
        if task.kind is Kind.CANCELLATION:
            yield f"The cancellation failed: {task.failure} {ways}"
            continue
        ways += (
            " PATCH …/shipments/{shipment_id}/tracking or Commerce's POST /V1/shipment/track "
            f"(parent_id {task.shipment_number}) corrects it."
        )
        if len(failed) == 1:
            ways += (
                " Commerce's POST /V1/order/{orderId}/ship with exactly its units retries it, or "
                "corrects it if the tracking number or carrier is another."
            )
        units = ", ".join(
            f"{item.quantity - item.confirmed} of line {item.line_number}"
            for item in task.items
            if item.quantity > item.confirmed
        )
        name = f"Shipment {task.shipment_number} ({task.tracking_number}: {units})"
        yield f"{name} failed: {task.failure} {ways}"
