"""Link a Walmart order and its lines to a Commerce order and its items."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

from app.domain.errors import Conflict, Invalid, Problem, refuse
from app.domain.orders import links
from app.domain.orders.links import LineItems
from app.domain.orders.order import Order, OrderLine
from app.domain.orders.order_event import OrderEvent
from app.storage import timeline
from app.storage.commerce import events as storage
from app.storage.orders import create, repository
from app.storage.postgres.database import Connection
from app.storage.queries.views import OrderView
from app.usecases.commerce_events import replay
from app.usecases.context import AppContext
from app.usecases.orders.refresh import view_of

# Refusals of Commerce events that name an item without a line; a link may resolve them.
_UNLINKED = ("unknown_line", storage.NO_RETURN)
LINKS = frozenset({"commerce_order_number", "commerce_order_id"})


async def link(
    context: AppContext,
    order_id: UUID,
    *,
    changes: Mapping[str, object],
    actor: str,
    items: Mapping[str, int | None] | None = None,
    parts: Mapping[str, LineItems] | None = None,
) -> OrderView:
    """Store the Commerce numbers of an order and the items of its lines; None removes one.

    parts: by line number, how many of each item of a composite product are in one unit; an empty
    mapping removes them.

    Events that waited for the link are carried out. Raises Unknown, Invalid for any other field,
    Invalid unknown_line or commerce_items_differ, and Conflict commerce_order_taken.
    """
    for name in changes.keys() - LINKS:
        message = f"{name} cannot be changed."
        raise Invalid("unknown_field", message, [Problem("unknown_field", message, f"/{name}")])
    async with context.transaction() as connection:
        order = await repository.lock(connection, order_id)
        linked = _linked(items or {}, parts or {})
        _refuse_lines(order, linked)
        left = await _left(connection, order, changes)
        waiting = await take(connection, order.store_id, order.id, changes)
        if linked:
            waiting += await storage.refused_as(connection, order.store_id, [order.id], _UNLINKED)
        if left is not None:
            waiting += await _leave(connection, order, left)
        await create.fill(connection, order.store_id, order.id, changes)
        await create.link_lines(connection, order.store_id, order.id, linked)
        if changes or linked:
            detail = {**changes, "lines": dict(items)} if items else dict(changes)
            if parts:
                shown = {line: repository.per_unit_json(each) for line, each in parts.items()}
                detail["commerce_items"] = shown
            event = timeline.TimelineEvent(OrderEvent.ORDER_LINKED, actor, detail=detail)
            await timeline.add(connection, order.store_id, order.id, event, context.new_id)
    await replay.replay_all(context, waiting)
    async with context.transaction() as connection:
        return await view_of(connection, order)


async def _left(connection: Connection, order: Order, changes: Mapping[str, object]) -> int | None:
    """The Commerce order that is unlinked now; locks it and the new one."""
    after = changes.get("commerce_order_id", order.commerce_order_id)
    before = order.commerce_order_id
    if before is None or after == before:
        return None
    # Sorted, against deadlocks.
    for number in sorted({before, after} if isinstance(after, int) else {before}):
        await storage.lock_links(connection, order.store_id, number)
    return before


async def _leave(connection: Connection, order: Order, number: int) -> Sequence[UUID]:
    """Hand waiting events of a Commerce order to the one Walmart order still linked to it."""
    others = await storage.others_with(connection, order.store_id, number, order.id)
    if len(others) != 1:
        return ()
    remaining = await repository.find(connection, order.store_id, others[0])
    if remaining is None:
        return ()
    return await storage.adopt(connection, order.store_id, number, remaining)


async def take(
    connection: Connection, store_id: int, order_id: UUID, changes: Mapping[str, object]
) -> list[UUID]:
    """Claim the named Commerce order for a locked order; answers the events that waited for it.

    Raises Conflict commerce_order_taken if another order is linked to it.
    """
    number = changes.get("commerce_order_id")
    if not isinstance(number, int):
        return []
    waiting = await storage.adopt(connection, store_id, number, order_id)
    others = await storage.others_with(connection, store_id, number, order_id)
    if others:
        message = f"Walmart order {others[0]} is already linked to Commerce order {number}."
        problem = Problem("commerce_order_taken", message, "/commerce_order_id", conflict=True)
        raise Conflict(problem.code, message, [problem])
    return list(waiting)


def _linked(
    items: Mapping[str, int | None], parts: Mapping[str, LineItems]
) -> dict[str, dict[str, Any]]:
    """The columns to write, by line number."""
    found: dict[str, dict[str, Any]] = {number: {} for number in (*items, *parts)}
    for number, item in items.items():
        found[number]["commerce_item_id"] = item
    for number, each in parts.items():
        found[number]["commerce_items"] = repository.per_unit_json(each)
    return found


def _refuse_lines(order: Order, linked: Mapping[str, Mapping[str, Any]]) -> None:
    problems = [
        Problem("unknown_line", f"The order has no line {number}.", f"/lines/{index}/line_number")
        for index, number in enumerate(linked)
        if order.line(number) is None
    ]
    refuse(problems)
    after = {
        line.line_number: _after(line, linked.get(line.line_number, {})).items_per_unit
        for line in order.lines
    }
    refuse(tuple(links.unequal_lines(after, list(linked))))


def _after(line: OrderLine, columns: Mapping[str, Any]) -> OrderLine:
    item = columns.get("commerce_item_id", line.commerce_item_id)
    parts = line.commerce_items
    if "commerce_items" in columns:
        parts = repository.per_unit_of(columns["commerce_items"])
    return replace(line, commerce_item_id=item, commerce_items=parts)
