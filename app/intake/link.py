"""Link: say which Commerce order a Walmart order became."""

from collections.abc import Mapping
from uuid import UUID

from app.intake.desk import Desk
from app.intake.refresh import view_of
from app.orders.errors import Invalid, Problem, refuse
from app.orders.order import Order
from app.storage import events, orders, registry
from app.storage.views import OrderView

LINKS = frozenset({"commerce_order_number", "commerce_order_id"})


async def link(
    desk: Desk,
    order_id: UUID,
    *,
    changes: Mapping[str, object],
    actor: str,
    items: Mapping[str, int | None] | None = None,
) -> OrderView:
    """Write the Commerce numbers of an order, items those of its lines; None takes one away.

    Raises Unknown, Invalid for any other field, and Invalid unknown_line.
    """
    for name in changes.keys() - LINKS:
        message = f"{name} cannot be changed."
        raise Invalid("unknown_field", message, [Problem("unknown_field", message, f"/{name}")])
    async with desk.transaction() as connection:
        order = await orders.lock(connection, order_id)
        _refuse_unknown(order, items or {})
        await registry.fill(connection, order.store_id, order.id, changes)
        await registry.link_lines(connection, order.store_id, order.id, items or {})
        if changes or items:
            detail = {**changes, "lines": dict(items)} if items else dict(changes)
            event = events.Event("order_linked", actor, detail=detail)
            await events.add(connection, order.store_id, order.id, event, desk.new_id)
        return await view_of(connection, order)


def _refuse_unknown(order: Order, items: Mapping[str, int | None]) -> None:
    problems = [
        Problem("unknown_line", f"The order has no line {number}.", f"/lines/{index}/line_number")
        for index, number in enumerate(items)
        if order.line(number) is None
    ]
    refuse(problems)
