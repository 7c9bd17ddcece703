"""Problems of requests that need units which another update holds.

All of them are made here, so that the message always names the updates in doubt, and when a read
may end each doubt.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Protocol
from uuid import UUID

from app.domain.errors import Problem
from app.domain.orders.order import Order, Task
from app.domain.outbox import doubt


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
    """Make a problem caused by updates that hold units; its message names those in doubt."""
    # mutation: refusal-names-doubt
    doubts = [
        doubt.in_doubt_message(each.update_id, each.in_doubt_until)
        for each in holders
        if each.in_doubt_until is not None
    ]
    text = " ".join([message, *doubts])
    return Problem(code, text, pointer, conflict=True, facts=facts or {}, in_doubt=bool(doubts))
