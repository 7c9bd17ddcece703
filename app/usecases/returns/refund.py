"""Refunds a buyer's return, in whole or in part.

A return may contain lines of several purchase orders. Each order is refunded by an update of its
own in the order's queue, so that the order's quantities are settled there.
"""

from dataclasses import dataclass
from uuid import UUID

from app.domain.errors import Conflict, Invalid, Problem, Unknown, refuse
from app.domain.orders import commerce_items, refund_plan
from app.domain.orders import refund_targets as rules
from app.domain.orders.commerce_items import Resolved
from app.domain.orders.order import Order
from app.domain.orders.requests import RequestedItem
from app.domain.orders.returns import RefundItem, RefundRequest
from app.domain.outbox.claimed_update import NewUpdate
from app.domain.update import Kind
from app.storage import idempotency, queries, timeline
from app.storage.idempotency import IdempotentRequest
from app.storage.orders import accept as accept_sql
from app.storage.orders import repository
from app.storage.orders.acceptance import Acceptance, OrderVersion
from app.storage.postgres.database import Connection
from app.storage.queries.views import ReturnView, UpdateView, View
from app.storage.returns import refunds, returns
from app.storage.returns.refunds import NewRefund
from app.storage.returns.returns import StoredReturn
from app.usecases.context import AppContext
from app.usecases.returns import open_returns, repeated
from app.usecases.returns.repeated import RefundReference


@dataclass(frozen=True, slots=True)
class Refunded(View, schema="RefundOut"):
    """An accepted refund: its number, its update and its return.

    A return of several orders has a refund for each order. This is the first of them, and
    `returned.refunds` has them all.
    """

    number: int
    update: UpdateView
    returned: ReturnView


@dataclass(frozen=True, slots=True)
class PlannedRefund:
    """What a refund would do."""

    items: tuple[RefundItem, ...]
    orders: int
    """To which the items belong; each gets a refund of its own."""


@dataclass(frozen=True, slots=True)
class _Asking:
    request: RefundRequest
    actor: str
    reference: str | None = None


async def refund(
    context: AppContext,
    return_id: UUID,
    request: RefundRequest,
    *,
    actor: str,
    once: IdempotentRequest | None = None,
) -> Refunded:
    """Accept a refund. Raises Unknown, Invalid or Conflict, and then nothing is written."""
    async with context.transaction(once) as connection:
        refunded = await _accept(connection, context, return_id, _Asking(request, actor))
        await idempotency.store(connection, once, refunded)
    context.wake()
    return refunded


async def preview(
    context: AppContext, return_id: UUID, request: RefundRequest, *, actor: str
) -> PlannedRefund:
    """What a refund would do. Raises as `refund`. Nothing is written, and no number is used up."""
    async with context.transaction() as connection:
        _, planned = await _planned(connection, context, return_id, _Asking(request, actor))
    refunds = [each.refund for each in planned if each.refund is not None]
    return PlannedRefund(tuple(item for each in refunds for item in each.items), len(refunds))


async def refund_order(
    context: AppContext,
    store_id: int,
    order_id: UUID,
    items: tuple[RequestedItem, ...] | None,
    *,
    comment: str | None,
    actor: str,
    once: IdempotentRequest | None = None,
    reference: RefundReference | None = None,
) -> Refunded:
    """Refund items of an order by the one open return that contains them.

    Of a return of several orders only the lines of this one are refunded. A repetition by the same
    reference gets the first refund. Raises as `refund`, Invalid unknown_line, and Conflict
    no_open_return or return_ambiguous.
    """
    async with context.transaction(once) as connection:
        order = await repository.lock(connection, order_id)
        if order.store_id != store_id:
            raise Unknown("order", order_id)
        wanted = None if items is None else commerce_items.resolve(order, items)
        refuse(wanted.problems if wanted else ())
        refunded = await refund_locked(
            connection, context, order, wanted, comment=comment, actor=actor, reference=reference
        )
        await idempotency.store(connection, once, refunded)
    context.wake()
    return refunded


async def refund_locked(
    connection: Connection,
    context: AppContext,
    order: Order,
    wanted: Resolved | None,
    *,
    comment: str | None,
    actor: str,
    reference: RefundReference | None = None,
) -> Refunded:
    """Refund units of a locked order; the caller commits and wakes the pollers.

    wanted: without problems. None means all that is left of the order in the return.
    """
    units = None if wanted is None else wanted.units
    fitting = await open_returns.holding(connection, order, units)
    before = await repeated.earlier(connection, order, wanted, fitting, reference)
    if before is not None:
        return await _answer(connection, order.store_id, before.return_id, before.update_id)
    known, lines = open_returns.only(fitting)
    request = RefundRequest(lines, comment, order.purchase_order_id)
    asking = _Asking(request, actor, reference.text if reference else None)
    refunded = await _accept(connection, context, known.id, asking)
    passed_over = wanted.passed_over if wanted else ()
    place = (order.store_id, order.id)
    await timeline.add_passed_over(connection, place, passed_over, actor, context.new_id)
    return refunded


async def _answer(
    connection: Connection, store_id: int, return_id: UUID, update_id: UUID
) -> Refunded:
    """The refund of an update, with its return. Raises Unknown."""
    view = await queries.return_(connection, store_id, return_id)
    for each in view.refunds if view else ():
        if view is not None and each.update.id == update_id:
            return Refunded(each.number, each.update, view)
    raise Unknown("return", return_id)


async def _accept(
    connection: Connection, context: AppContext, return_id: UUID, asking: _Asking
) -> Refunded:
    known, planned = await _planned(connection, context, return_id, asking)
    for acceptance in planned:
        await accept_sql.accept_locked(connection, acceptance)
    return await _answer(connection, known.store_id, known.id, planned[0].updates[0].id)


async def _planned(
    connection: Connection, context: AppContext, return_id: UUID, asking: _Asking
) -> tuple[StoredReturn, list[Acceptance]]:
    """The return with its orders locked, and a refund for each order, by the rules."""
    locked = await _lock(connection, return_id, asking.request)
    # The orders are locked, so that two refunds never see the same units as left.
    known = await returns.find(connection, return_id)
    asked = await refunds.of_return(connection, known)
    # mutation: units-refunded-once
    waiting = rules.pending(known.returned, asked)
    doubts = rules.doubts(asked)
    orders = {number: version.order for number, version in locked.items()}
    items, problems = refund_plan.plan(orders, known.returned, asking.request, waiting, doubts)
    refuse(problems)
    if not items:
        message = "At least one item is needed."
        raise Invalid("required", message, [Problem("required", message, "/items")])
    return known, [
        _plan(context, locked[number], known, some, asking)
        for number, some in sorted(rules.by_order(known.returned, items).items())
    ]


async def _lock(
    connection: Connection, return_id: UUID, request: RefundRequest
) -> dict[str, OrderVersion]:
    """Lock the orders that a refund is about, by purchase order. Raises Conflict."""
    known = await returns.find(connection, return_id)
    if not known.readable:
        message = "Walmart shows this return in a way that cannot be read; see its status_details."
        raise Conflict("return_unreadable", message)
    concerned = refund_plan.concerned(known.returned, request)
    places = await returns.orders_of(connection, known.store_id, concerned)
    unknown = [number for number in concerned if number not in places]
    if unknown or not known.returned.purchase_orders:
        named = f" ({', '.join(unknown)})" if unknown else ""
        message = f"The order of this return is not known here{named}: POST /v1/orders/import."
        raise Conflict("order_unknown", message)
    await repository.lock_rows(
        connection, [(known.store_id, order_id) for order_id in places.values()]
    )
    return {
        number: await accept_sql.look_up_locked(connection, order_id)
        for number, order_id in places.items()
    }


def _plan(
    context: AppContext,
    version: OrderVersion,
    known: StoredReturn,
    items: tuple[RefundItem, ...],
    asking: _Asking,
) -> Acceptance:
    """Plan the refund of one order's lines."""
    order = version.order
    update = NewUpdate(
        store_id=order.store_id,
        id=context.new_id(order.store_id),
        kind=Kind.REFUND,
        subject=order.purchase_order_id,
        sequence=order.next_sequence,
        order_id=order.id,
        requested_by=asking.actor,
        payload={"return_order_id": known.returned.return_order_id},
    )
    refund = NewRefund(
        id=context.new_id(order.store_id),
        return_id=known.id,
        update_id=update.id,
        comment=asking.request.comment,
        items=items,
        reference=asking.reference,
    )
    return Acceptance(version, [update], refund=refund)
