"""Link: say which Commerce order a Walmart order became."""

from collections.abc import Mapping
from uuid import UUID

from app.intake.desk import Desk
from app.intake.refresh import view_of
from app.orders.errors import Invalid, Problem
from app.storage import events, orders, registry
from app.storage.views import OrderView

LINKS = frozenset({"commerce_order_number", "commerce_order_id"})


async def link(
    desk: Desk, order_id: UUID, *, changes: Mapping[str, object], actor: str
) -> OrderView:
    """Write the Commerce numbers of an order; None takes one away.

    Raises Unknown, and Invalid for any other field.
    """
    for name in changes.keys() - LINKS:
        message = f"{name} cannot be changed."
        raise Invalid("unknown_field", message, [Problem("unknown_field", message, f"/{name}")])
    async with desk.transaction() as connection:
        order = await orders.lock(connection, order_id)
        await registry.fill(connection, order.store_id, order.id, changes)
        if changes:
            event = events.Event("order_linked", actor, detail=changes)
            await events.add(connection, order.store_id, order.id, event, desk.new_id)
        return await view_of(connection, order)
