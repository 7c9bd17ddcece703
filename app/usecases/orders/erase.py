"""Erases the text of a finished order: what people typed, and what other systems returned."""

from collections import Counter
from collections.abc import Callable
from uuid import UUID

from app.domain.audited_act import AuditedAct
from app.domain.orders.order import Order, Task
from app.domain.orders.order_event import OrderEvent
from app.domain.update import AT_REST, OPEN
from app.storage import audit, timeline
from app.storage.audit import Act
from app.storage.commerce import events
from app.storage.orders import repository
from app.storage.postgres.database import Connection
from app.storage.removal import erasure


class NotAtRest(Exception):
    """Something of the order is under way, and may still need its text. Nothing was erased."""


async def erase(
    connection: Connection, new_id: Callable[[int], UUID], order_id: UUID, *, actor: str
) -> Counter[str]:
    """Erase the text of an order; answers how many rows had some, by their kind.

    Raises Unknown and NotAtRest.
    """
    order = await repository.lock(connection, order_id)
    # mutation: erase-at-rest-only
    await _refuse(connection, order)
    store_id, number = order.store_id, order.purchase_order_id
    keys = await erasure.keys_of(connection, store_id, order_id, number)
    erased = await erasure.erase(connection, keys)
    event = timeline.TimelineEvent(OrderEvent.TEXT_ERASED, actor)
    await timeline.add(connection, store_id, order_id, event, new_id)
    # mutation: erasure-audited
    act = Act(AuditedAct.ORDER_TEXT_ERASED, actor, number, store_id, after=dict(erased))
    await audit.record(connection, new_id, act)
    return erased


def _under_way(task: Task) -> str | None:
    """Why an update is not at rest. A failed one is: its error is text, its content stays."""
    held = task.state in AT_REST and any(item.reserved for item in task.items)
    if held or task.in_doubt_until is not None:
        return "in doubt"
    return task.state if task.state in OPEN else None


async def _refuse(connection: Connection, order: Order) -> None:
    """A delivery needs its text, and a doubt its evidence."""
    waits = [f"{task.kind} ({how})" for task in order.tasks if (how := _under_way(task))]
    waiting = [
        f"{each.about} of Commerce (waiting)"
        for each in await events.of_order(connection, order.store_id, order.id)
        if each.state == events.WAITING
    ]
    if waits or waiting:
        named = ", ".join(waits + waiting)
        raise NotAtRest(f"Order {order.purchase_order_id} is not at rest: {named}.")
