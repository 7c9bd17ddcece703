"""Import: read an order from Walmart and write it down as Walmart shows it."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from app.intake import importing, reading
from app.intake.desk import Desk
from app.intake.refresh import busy
from app.intake.register import Registered, acknowledge, answer
from app.orders import settlement
from app.orders.errors import Unknown
from app.orders.order import Order
from app.orders.snapshot import OrderSnapshot
from app.storage import (
    commerce_updates,
    events,
    idempotency,
    lanes,
    orders,
    settling,
    stores,
    updates,
)
from app.storage.database import Connection
from app.storage.idempotency import Once
from app.storage.registry import add_order
from app.storage.settling import Picture


async def import_order(
    desk: Desk,
    store_id: UUID,
    purchase_order_id: str,
    *,
    actor: str,
    once: Once | None = None,
) -> Registered:
    """Import an order, or bring one that is known in line with Walmart.

    Raises Unknown store or purchase order, NotAvailable or Conflict where Walmart cannot be
    read.
    """
    async with desk.transaction(once) as connection:
        store = await stores.number_of(connection, store_id)
        if store is None:
            raise Unknown("store", store_id)
        basis = await _known(connection, store, purchase_order_id)
        read_at = await lanes.now(connection)
    snapshot = await reading.read(desk, store, purchase_order_id)
    if snapshot is None:
        raise Unknown("purchase order", purchase_order_id)
    async with desk.transaction(once) as connection:
        registered = await _write(connection, desk, snapshot, _Import(store, actor, basis, read_at))
        await idempotency.keep(connection, once, registered)
    desk.wake()
    return registered


@dataclass(frozen=True, slots=True)
class _Import:
    store: int
    actor: str
    basis: Order | None
    read_at: datetime


async def _known(connection: Connection, store: int, purchase_order_id: str) -> Order | None:
    found = await orders.find(connection, store, purchase_order_id)
    return None if found is None else await orders.lock(connection, found)


async def _write(
    connection: Connection, desk: Desk, snapshot: OrderSnapshot, wanted: _Import
) -> Registered:
    store, actor = wanted.store, wanted.actor
    order_id = desk.new_id(store)
    created = await add_order(
        connection,
        store,
        order_id,
        {**importing.details(snapshot), "purchase_order_id": snapshot.purchase_order_id},
    )
    if not created:
        found = await orders.find(connection, store, snapshot.purchase_order_id)
        if found is None:
            raise Unknown("purchase order", snapshot.purchase_order_id)
        order_id = found
    order = await orders.lock(connection, order_id)
    if created:
        await orders.add_lines(connection, store, order_id, settlement.lines_of(snapshot))
        if snapshot.created and not snapshot.fulfilled_by_walmart:
            number = snapshot.purchase_order_id
            await acknowledge(connection, desk, order_id, subject=number, actor=actor)
        order = await orders.lock(connection, order_id)
        await commerce_updates.hand_over(connection, [order], desk.new_id)
        event = events.Event("order_imported", actor)
        await events.add(connection, store, order_id, event, desk.new_id)
    elif order.unreadable:
        await importing.adopt(connection, desk, order_id, snapshot)
        order = await orders.lock(connection, order_id)
    # A known order that a poller works on, or that changed meanwhile, is newer than the read.
    if created or (settling.still_holds(wanted.basis, order) and not busy(order)):
        picture = Picture(order, snapshot, wanted.read_at)
        turns = await settling.settle(connection, picture, desk.new_id)
        await updates.hand_turns(connection, turns)
    return await answer(connection, store, order_id, created=created)
