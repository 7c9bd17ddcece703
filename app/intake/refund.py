"""Refund: answer a buyer's return, whole or in part, written down with its update."""

from dataclasses import dataclass
from uuid import UUID

from app.intake.desk import Desk
from app.orders import returns as rules
from app.orders.errors import Conflict, Invalid, Problem, Unknown, refuse
from app.orders.order import Order
from app.orders.requests import RequestedItem
from app.orders.returns import RefundRequest
from app.orders.update import Kind
from app.storage import idempotency, order_changes, orders, overview, returns, updates
from app.storage.database import Connection
from app.storage.idempotency import Once
from app.storage.returns import Known, NewRefund
from app.storage.views import ReturnView, UpdateView


@dataclass(frozen=True, slots=True)
class Refunded:
    """The return, and the update that tells Walmart; number is the refund's."""

    returned: ReturnView
    update: UpdateView
    number: int


async def refund(
    desk: Desk, return_id: UUID, request: RefundRequest, *, actor: str, once: Once | None = None
) -> Refunded:
    """Accept a refund. Raises Unknown, Invalid or Conflict, and then nothing was written."""
    async with desk.transaction(once) as connection:
        refunded = await _accept(connection, desk, return_id, request, actor)
        await idempotency.keep(connection, once, refunded)
    desk.wake()
    return refunded


async def refund_order(
    desk: Desk,
    store_id: int,
    order_id: UUID,
    items: tuple[RequestedItem, ...] | None,
    *,
    comment: str | None,
    actor: str,
    once: Once | None = None,
) -> Refunded:
    """Refund items of an order by the one open return that holds them.

    Raises as `refund` does, and Conflict no_open_return or return_ambiguous.
    """
    async with desk.transaction(once) as connection:
        order = await orders.lock(connection, order_id)
        if order.store_id != store_id:
            raise Unknown("order", order_id)
        refunded = await refund_held(connection, desk, order, items, comment=comment, actor=actor)
        await idempotency.keep(connection, once, refunded)
    desk.wake()
    return refunded


async def refund_held(
    connection: Connection,
    desk: Desk,
    order: Order,
    items: tuple[RequestedItem, ...] | None,
    *,
    comment: str | None,
    actor: str,
) -> Refunded:
    """The same in the transaction of somebody who holds the order, and wakes the pollers."""
    found = []
    for known in await returns.of_order(connection, order.store_id, order.id):
        wanted = _fitting(known, {line.line_number: line for line in order.lines}, items)
        if wanted is not None and not known.returned.refunded:
            found.append((known, wanted))
    known, wanted = _only(found)
    request = RefundRequest(wanted or None, comment)
    return await _accept(connection, desk, known.id, request, actor)


def _only(
    found: list[tuple[Known, tuple[tuple[int, int], ...]]],
) -> tuple[Known, tuple[tuple[int, int], ...]]:
    if not found:
        message = "No open return of Walmart's holds these items; it comes when the buyer asks."
        raise Conflict("no_open_return", message, [Problem("no_open_return", message, "/items")])
    if len(found) > 1:
        numbers = ", ".join(known.returned.return_order_id for known, _ in found)
        message = f"Several returns hold these items ({numbers}): refund one of them by its id."
        raise Conflict(
            "return_ambiguous", message, [Problem("return_ambiguous", message, "/items")]
        )
    return found[0]


def _fitting(
    known: Known, lines: dict[str, object], items: tuple[RequestedItem, ...] | None
) -> tuple[tuple[int, int], ...] | None:
    """The return's lines that hold the items; empty for all of it, None where it does not."""
    if items is None:
        return ()
    wanted = []
    for item in items:
        units = item.quantity
        for line in known.returned.lines:
            ours = lines.get(line.line_number)
            if units and getattr(ours, "commerce_item_id", None) == item.commerce_item_id:
                taken = min(units, line.left)
                units -= taken
                if taken:
                    wanted.append((line.number, taken))
        if units:
            return None
    return tuple(wanted)


async def _accept(
    connection: Connection, desk: Desk, return_id: UUID, request: RefundRequest, actor: str
) -> Refunded:
    known = await returns.find(connection, return_id)
    if known.order_id is None:
        message = "The order of this return is not known here: POST /v1/orders/import."
        raise Conflict("order_unknown", message)
    order = await orders.lock(connection, known.order_id)
    # Under the order's lock, so that two refunds never see the same units left.
    known = await returns.find(connection, return_id)
    waiting = await returns.pending(connection, known)
    items, problems = rules.plan(order, known.returned, request, waiting)
    refuse(problems)
    if not items:
        raise Invalid("required", "At least one item is needed.")
    update = updates.NewUpdate(
        store_id=order.store_id,
        id=desk.new_id(order.store_id),
        kind=Kind.REFUND,
        subject=order.purchase_order_id,
        sequence=order.next_sequence,
        order_id=order.id,
        requested_by=actor,
        payload={"return_order_id": known.returned.return_order_id},
    )
    await updates.append(connection, update)
    number = await returns.add_refund(
        connection,
        NewRefund(
            store_id=order.store_id,
            id=desk.new_id(order.store_id),
            return_id=known.id,
            order_id=order.id,
            update_id=update.id,
            comment=request.comment,
            items=items,
        ),
    )
    await updates.hand_turns(connection, [update.place])
    after = await orders.lock(connection, order.id)
    await order_changes.save_status(connection, after, synced=False)
    view = await overview.return_(connection, order.store_id, known.id)
    written = await overview.update(connection, order.store_id, update.id)
    if view is None or written is None:
        raise Unknown("return", return_id)
    return Refunded(view, written, number)
