"""Cancels an order: checks the rules, then writes the cancellation with its update."""

import dataclasses
from collections.abc import Awaitable, Callable
from uuid import UUID

from app.domain.errors import Conflict, Invalid, NotAvailable, OrderError, Problem, refuse
from app.domain.orders import cancellation as rules
from app.domain.orders.order_event import OrderEvent
from app.domain.orders.requests import CancelRequest
from app.domain.outbox.claimed_update import NewUpdate
from app.domain.update import Kind
from app.storage import idempotency, queries, timeline
from app.storage.idempotency import IdempotentRequest
from app.storage.orders import accept as accept_sql
from app.storage.orders import repository
from app.storage.orders.acceptance import Acceptance, OrderLookup, OrderVersion
from app.storage.orders.shipments import NewCancellation
from app.storage.outbox import requeue
from app.storage.postgres.database import Connection
from app.storage.queries.views import CancellationView
from app.usecases.context import AppContext
from app.usecases.orders import refresh


async def cancel(
    context: AppContext,
    order_id: UUID,
    request: CancelRequest,
    *,
    actor: str,
    once: IdempotentRequest | None = None,
    retry_failed: bool = False,
) -> CancellationView:
    """Accept a cancellation. Raises Unknown, Invalid or Conflict, and then nothing is written.

    retry_failed: a failed cancellation of the order is retried, with the new reason if one is
    given and no attempt is in doubt.

    A customer_request is compared with one read of Walmart first, unless the buyer's request is
    known already. Raises NotAvailable if Walmart cannot be read for it.
    """
    view = None
    if not context.rehearsal:
        view = await _if_unchanged(context, order_id, request, actor=actor, once=once)
    if view is None and retry_failed:
        view = await _retried(context, order_id, request, actor=actor, once=once)
    if view is None:
        view = await _locked(context, order_id, request, actor=actor, once=once)
    context.wake()
    return view


def repeated(error: OrderError) -> bool | None:
    """Return what Commerce answers to a cancellation that was refused with this error.

    True if the order is canceled or being canceled. False, as Magento answers for an order that
    cannot be canceled, if units are shipped or on their way. None: the error itself.
    """
    codes = {each.code for each in error.problems}
    # mutation: repeated-cancellation
    if codes & {rules.CANCELED, rules.PENDING}:
        return True
    # mutation: cancellation-of-shipped-order
    return False if rules.SHIPPED in codes else None


async def _if_unchanged(
    context: AppContext,
    order_id: UUID,
    request: CancelRequest,
    *,
    actor: str,
    once: IdempotentRequest | None,
) -> CancellationView | None:
    """Accept a cancellation in two statements. None means that the order must be locked for it.

    It is refused under the lock only, after the transaction that may change the order now.
    """
    version = await context.accept_batcher.look_up(OrderLookup(order_id, once))
    # mutation: cancellation-under-lock
    try:
        acceptance = _plan(context, version, request, actor)
    except (Conflict, Invalid):
        return None
    view = queries.accepted_cancellation(acceptance)
    kept = once.render(view) if once else None
    written = await context.accept_batcher.accept(
        dataclasses.replace(acceptance, once=once, answer=kept)
    )
    return view if written else None


async def _retried(
    context: AppContext,
    order_id: UUID,
    request: CancelRequest,
    *,
    actor: str,
    once: IdempotentRequest | None,
) -> CancellationView | None:
    """Retry the failed cancellation of an order. None means that there is none to retry."""
    async with context.transaction(once) as connection:
        order = await repository.lock(connection, order_id)
        problems = rules.plan(order, request)[1]
        failed = rules.retryable(order, problems)
        found = await requeue.find(connection, failed.update_id) if failed else None
        if failed is None or found is None:
            return None
        if request.reason:
            refuse([each for each in problems if not each.conflict])
        if rules.replaces_reason(failed, request):
            if not rules.reason_allowed(order, request):
                raise _not_requested()
            await requeue.replace_reason(connection, found, request.reason, request.comment)
        await requeue.try_again(connection, order, found)
        event = timeline.TimelineEvent(OrderEvent.UPDATE_RETRIED, actor, found.id)
        await timeline.add(connection, order.store_id, order.id, event, context.new_id)
        view = await queries.cancellation(connection, order.store_id, order.id)
        assert view is not None  # noqa: S101 - its update was found
        await idempotency.store(connection, once, view)
    return view


async def _locked(
    context: AppContext,
    order_id: UUID,
    request: CancelRequest,
    *,
    actor: str,
    once: IdempotentRequest | None,
) -> CancellationView:
    found: list[CancellationView] = []

    async def accept(connection: Connection) -> None:
        version = await accept_sql.lock(connection, order_id)
        acceptance = _plan(context, version, request, actor)
        await accept_sql.accept_locked(connection, acceptance)
        found.append(queries.accepted_cancellation(acceptance))
        await idempotency.store(connection, once, found[0])

    # What a dry run reads is rolled back, so it decides in the same transaction.
    then = accept if context.rehearsal else None
    await _read_buyers_request(context, order_id, request, actor=actor, once=once, then=then)
    if not found:
        async with context.transaction(once) as connection:
            await accept(connection)
    return found[0]


async def _read_buyers_request(
    context: AppContext,
    order_id: UUID,
    request: CancelRequest,
    *,
    actor: str,
    once: IdempotentRequest | None,
    then: Callable[[Connection], Awaitable[None]] | None,
) -> None:
    async with context.transaction(once) as connection:
        order = await repository.lock(connection, order_id)
    refuse(rules.plan(order, request)[1])
    if rules.reason_allowed(order, request):
        return
    seen = await refresh.refresh(context, order_id, actor=actor, then=then)
    if not seen.refreshed:
        raise NotAvailable("update_in_progress", seen.explanation, retry_after=2)


def _not_requested() -> Invalid:
    message = "The buyer did not ask for it: give the seller's own reason, or wait for the buyer."
    return Invalid(
        "cancel_not_requested", message, [Problem("cancel_not_requested", message, "/reason")]
    )


def _plan(
    context: AppContext, version: OrderVersion, request: CancelRequest, actor: str
) -> Acceptance:
    """Plan a cancellation. Raises Invalid, Conflict."""
    order = version.order
    items, problems = rules.plan(order, request)
    refuse(problems)
    if not rules.reason_allowed(order, request):
        raise _not_requested()
    update = NewUpdate(
        store_id=order.store_id,
        id=context.new_id(order.store_id),
        kind=Kind.CANCELLATION,
        subject=order.purchase_order_id,
        sequence=order.next_sequence,
        order_id=order.id,
        requested_by=actor,
        payload={"reason": request.reason},
    )
    cancellation = NewCancellation(
        id=context.new_id(order.store_id),
        update_id=update.id,
        reason=request.reason,
        comment=request.comment,
        inventory=[dataclasses.asdict(level) for level in request.inventory],
        items=items,
    )
    return Acceptance(version, [update], cancellation=cancellation)
