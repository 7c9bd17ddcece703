"""Refusals because another update holds what is wanted; each names the updates that are in doubt.

Every such refusal is made here, so that its text always says which update may still take effect,
and when a read will show it.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Protocol
from uuid import UUID

from app.domain.errors import Problem
from app.domain.orders.order import Order, Task
from app.domain.outbox import doubt


class HoldingUpdate(Protocol):
    """An update that holds something: a task of an order, a refund of a return."""

    @property
    def update_id(self) -> UUID:
        """Which update it is."""

    @property
    def in_doubt_until(self) -> datetime | None:
        """From when a read may end its doubt; None where it is in none."""


def units_of(order: Order, *numbers: str, but: UUID | None = None) -> list[Task]:
    """The updates that hold units of some lines (of any, where none is named), but for one."""
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
    """A refusal because of what some updates hold; its text names those in doubt, and the time."""
    told = [
        doubt.in_doubt_message(each.update_id, each.in_doubt_until)
        for each in holders
        if each.in_doubt_until is not None
    ]
    text = " ".join([message, *told])
    return Problem(code, text, pointer, conflict=True, facts=facts or {}, in_doubt=bool(told))
