"""Cancel: the whole order, with a reason, written down with its update."""

import dataclasses
from uuid import UUID

from app.domain.errors import Invalid, NotAvailable, Problem, refuse
from app.domain.orders import cancellation as rules
from app.domain.orders import reservation
from app.domain.orders.order import Item, Order, Task
from app.domain.orders.requests import CancelRequest
from app.domain.outbox.claimed_update import NewUpdate
from app.domain.update import Kind, State
from app.storage import idempotency, queries
from app.storage.idempotency import IdempotentRequest
from app.storage.orders import repository, save, shipments
from app.storage.outbox import updates
from app.storage.postgres.database import Connection
from app.storage.queries.views import CancellationView
from app.usecases.context import AppContext
from app.usecases.orders import refresh


@dataclasses.dataclass(frozen=True, slots=True)
class _Accepted:
    request: CancelRequest
    items: tuple[Item, ...]
    actor: str


async def cancel(
    context: AppContext,
    order_id: UUID,
    request: CancelRequest,
    *,
    actor: str,
    once: IdempotentRequest | None = None,
) -> CancellationView:
    """Accept a cancellation. Raises Unknown, Invalid or Conflict; then nothing was written.

    A customer_request is held against one read of Walmart first, unless the buyer's wish is
    known already. Raises NotAvailable when Walmart cannot be read for it.
    """
    await _let_buyers_wish_be_seen(context, order_id, request, actor=actor, once=once)
    async with context.transaction(once) as connection:
        order = await repository.lock(connection, order_id)
        items, problems = rules.plan(order, request)
        refuse(problems)
        if not rules.reason_allowed(order, request):
            raise _not_asked()
        await _write(connection, context, order, _Accepted(request, items, actor))
        view = await queries.cancellation(connection, order.store_id, order_id)
        assert view is not None  # noqa: S101 - written a moment ago, under the lock
        await idempotency.store(connection, once, view)
    context.wake()
    return view


async def _let_buyers_wish_be_seen(
    context: AppContext,
    order_id: UUID,
    request: CancelRequest,
    *,
    actor: str,
    once: IdempotentRequest | None,
) -> None:
    async with context.transaction(once) as connection:
        order = await repository.lock(connection, order_id)
    refuse(rules.plan(order, request)[1])
    if rules.reason_allowed(order, request):
        return
    seen = await refresh.refresh(context, order_id, actor=actor)
    if not seen.refreshed:
        raise NotAvailable("update_in_progress", seen.explanation, retry_after=2)


def _not_asked() -> Invalid:
    message = "The buyer did not ask for it: give the seller's own reason, or wait for the buyer."
    return Invalid(
        "cancel_not_requested", message, [Problem("cancel_not_requested", message, "/reason")]
    )


async def _write(
    connection: Connection, context: AppContext, order: Order, what: _Accepted
) -> None:
    request, items = what.request, what.items
    update = NewUpdate(
        store_id=order.store_id,
        id=context.new_id(order.store_id),
        kind=Kind.CANCELLATION,
        subject=order.purchase_order_id,
        sequence=order.next_sequence,
        order_id=order.id,
        requested_by=what.actor,
        payload={"reason": request.reason},
    )
    await updates.append(connection, update)
    await shipments.add_cancellation(
        connection,
        shipments.NewCancellation(
            store_id=order.store_id,
            id=context.new_id(order.store_id),
            order_id=order.id,
            update_id=update.id,
            reason=request.reason,
            comment=request.comment,
            inventory=[dataclasses.asdict(level) for level in request.inventory],
            items=items,
        ),
    )
    task = Task(
        update_id=update.id,
        kind=Kind.CANCELLATION,
        state=State.PENDING,
        sequence=update.sequence,
        items=items,
        reason=request.reason,
    )
    after = reservation.reserve(order, task)
    await save.save(connection, order, after)
    await save.save_status(connection, after, synced=False)
