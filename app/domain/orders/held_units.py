"""Problems of requests that need units which another update holds.

All of them are made here, so that the message always names the failed updates with their reasons
and the way out, the updates in doubt with the time at which a read may end each doubt, and, where
units are lacking, the shipments on their way with the way to correct them.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime
from typing import Protocol
from uuid import UUID

from app.domain.errors import Problem
from app.domain.orders import tracking_history
from app.domain.orders.order import Order, Task
from app.domain.outbox import doubt
from app.domain.update import OPEN, Kind

# The codes of a refusal for lack of units.
LACK_OF_UNITS = frozenset({"quantity_exceeds_remaining", "nothing_to_ship"})


class HoldingUpdate(Protocol):
    """An update that holds units: a task of an order, or a refund of a return."""

    @property
    def update_id(self) -> UUID:
        """The id of the update."""

    @property
    def in_doubt_until(self) -> datetime | None:
        """When a read may end the doubt. None means that there is none."""


def holders_of(order: Order, *numbers: str, but: UUID | None = None) -> list[Task]:
    """Return the updates that hold units of these lines (no number: of any line), except one.

    A corrected shipment has its newest tracking number.
    """
    return [
        _with_newest_number(order, task)
        for task in order.tasks
        if task.update_id != but
        and any(i.reserved and (not numbers or i.line_number in numbers) for i in task.items)
    ]


def _with_newest_number(order: Order, task: Task) -> Task:
    correction = tracking_history.latest(order, task.update_id)
    return replace(task, tracking_number=correction.tracking_number) if correction else task


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
    # mutation: refusal-names-shipment-on-its-way
    on_their_way = list(_on_their_way(held)) if code in LACK_OF_UNITS else []
    # mutation: refusal-names-doubt
    doubts = [
        doubt.in_doubt_message(each.update_id, each.in_doubt_until)
        for each in held
        if each.in_doubt_until is not None
    ]
    text = " ".join([message, *failures, *on_their_way, *doubts])
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
        dismiss = f"POST {update}/dismiss ends it."
        ways = f"POST {update}/retry retries it, {dismiss}"
        if task.kind is Kind.CANCELLATION:
            yield f"The cancellation failed: {task.failure} {ways}"
            continue
        # mutation: failure-without-units
        if not any(item.reserved for item in task.items):
            # Its units were shipped or canceled otherwise.
            ways = dismiss
        else:
            ways += f" {_correction(task)}"
            if len(failed) == 1:
                ways += (
                    " Commerce's POST /V1/order/{orderId}/ship with exactly its units retries it, "
                    "or corrects it if the tracking number or carrier is another."
                )
        yield f"{_named(task)} failed: {task.failure} {ways}"


def _on_their_way(holders: Iterable[HoldingUpdate]) -> Iterator[str]:
    """Name each shipment that is being delivered, and how it is corrected."""
    for task in holders:
        if not isinstance(task, Task) or task.kind is not Kind.SHIPMENT or task.state not in OPEN:
            continue
        if task.shipment_number is None:
            yield f"The package {task.tracking_number} of the same request has units of it."
        else:
            yield f"{_named(task)} is on its way to Walmart. {_correction(task)}"


def _named(shipment: Task) -> str:
    units = ", ".join(
        f"{item.quantity - item.confirmed} of line {item.line_number}"
        for item in shipment.items
        if item.quantity > item.confirmed
    )
    return f"Shipment {shipment.shipment_number} ({shipment.tracking_number}: {units})"


def _correction(shipment: Task) -> str:
    return (
        "PATCH …/shipments/{shipment_id}/tracking or Commerce's POST /V1/shipment/track "
        f"(parent_id {shipment.shipment_number}) corrects it."
    )
