"""Import one order: read it from Walmart and store it."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from app.domain.errors import Unknown
from app.domain.orders.order import Order
from app.domain.orders.order_event import OrderEvent
from app.domain.orders.settlement import lines_of
from app.domain.orders.snapshot import OrderSnapshot
from app.storage import idempotency, rate_limits, timeline
from app.storage.commerce import updates as commerce_updates
from app.storage.idempotency import IdempotentRequest
from app.storage.orders import repository
from app.storage.orders.create import add_order
from app.storage.outbox import updates
from app.storage.postgres.database import Connection
from app.storage.recording import settlement
from app.storage.recording.settlement import SettlementInput
from app.storage.stores import stores
from app.usecases import read_order
from app.usecases.context import AppContext
from app.usecases.imports import import_orders_page
from app.usecases.imports.acknowledge import acknowledge
from app.usecases.imports.register import Registered, answer


async def import_order(
    context: AppContext,
    store_id: UUID,
    purchase_order_id: str,
    *,
    actor: str,
    once: IdempotentRequest | None = None,
) -> Registered:
    """Import an order, or settle a known one with what Walmart shows.

    Raises Unknown store or purchase order, NotAvailable or Conflict if Walmart cannot be read.
    """
    async with context.transaction(once) as connection:
        store = await stores.number_of(connection, store_id)
        if store is None:
            raise Unknown("store", store_id)
        basis = await _known(connection, store, purchase_order_id)
        # mutation: import-read-clock
        read_at = await rate_limits.now(connection)
    snapshot = await read_order.read(context, store, purchase_order_id)
    # mutation: import-read-start
    if snapshot is None:
        raise Unknown("purchase order", purchase_order_id)
    async with context.transaction(once) as connection:
        registered = await _write(
            connection, context, snapshot, _Import(store, actor, basis, read_at)
        )
        await idempotency.store(connection, once, registered)
    context.wake()
    return registered


@dataclass(frozen=True, slots=True)
class _Import:
    store: int
    actor: str
    basis: Order | None
    read_at: datetime


async def _known(connection: Connection, store: int, purchase_order_id: str) -> Order | None:
    found = await repository.find(connection, store, purchase_order_id)
    return None if found is None else await repository.lock(connection, found)


async def _write(
    connection: Connection, context: AppContext, snapshot: OrderSnapshot, wanted: _Import
) -> Registered:
    store, actor = wanted.store, wanted.actor
    order_id = context.new_id(store)
    created = await add_order(
        connection,
        store,
        order_id,
        {**import_orders_page.details(snapshot), "purchase_order_id": snapshot.purchase_order_id},
    )
    if not created:
        found = await repository.find(connection, store, snapshot.purchase_order_id)
        if found is None:
            raise Unknown("purchase order", snapshot.purchase_order_id)
        order_id = found
    order = await repository.lock(connection, order_id)
    if created:
        await repository.add_lines(connection, store, order_id, lines_of(snapshot))
        if snapshot.created and not snapshot.fulfilled_by_walmart:
            number = snapshot.purchase_order_id
            await acknowledge(connection, context, order_id, subject=number, actor=actor)
        order = await repository.lock(connection, order_id)
        await commerce_updates.enqueue_order(connection, [order], context.new_id)
        event = timeline.TimelineEvent(OrderEvent.ORDER_IMPORTED, actor)
        await timeline.add(connection, store, order_id, event, context.new_id)
    elif order.unreadable:
        await import_orders_page.adopt(connection, context, order_id, snapshot)
        order = await repository.lock(connection, order_id)
    # What is stored is newer than the read if a poller works on the order, or it changed meanwhile.
    if created or (settlement.still_holds(wanted.basis, order) and not order.sending):
        observed = SettlementInput(order, snapshot, wanted.read_at)
        turns = await settlement.settle(connection, observed, context.new_id)
        await updates.activate_next(connection, turns)
    return await answer(connection, store, order_id, created=created)
