"""Ships packages of an order: writes the shipments with their updates, once.

An order that no other request changes is not locked: `_if_unchanged`. Otherwise `ship_locked.py`
accepts the packages under the order's lock.
"""

from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

from app.domain.errors import Conflict, Invalid
from app.domain.ids import store_of
from app.domain.orders.requests import ShipRequest
from app.domain.update import Kind
from app.storage import idempotency, queries
from app.storage.idempotency import IdempotentRequest
from app.storage.orders import accept as accept_sql
from app.storage.orders.acceptance import OrderLookup
from app.usecases.context import AppContext
from app.usecases.orders import plan_shipment
from app.usecases.orders.ship_locked import (
    AcceptedShipment,
    FindDuplicate,
    LockedPackages,
    MendFailed,
    WriteAlso,
)


async def ship(
    context: AppContext,
    order_id: UUID,
    request: ShipRequest,
    *,
    actor: str,
    once: IdempotentRequest | None = None,
) -> AcceptedShipment:
    """Accept a shipment. Raises Unknown, Invalid or Conflict, and then nothing is written."""
    return await ship_all(context, order_id, [request], actor=actor, once=once)


async def ship_all(
    context: AppContext,
    order_id: UUID,
    requests: Sequence[ShipRequest],
    *,
    actor: str,
    once: IdempotentRequest | None = None,
    find_duplicate: FindDuplicate | None = None,
    mend_failed: MendFailed | None = None,
    write_also: WriteAlso | None = None,
) -> AcceptedShipment:
    """Accept the packages of one shipment, all or none. Returns the first. Raises as `ship`."""
    shipped = None
    if write_also is None:
        shipped = await _if_unchanged(
            context, order_id, requests, actor, once, alone=find_duplicate is not None
        )
    if shipped is None:
        shipped = await _locked(
            context,
            order_id,
            requests,
            actor=actor,
            once=once,
            find_duplicate=find_duplicate,
            mend_failed=mend_failed,
            write_also=write_also,
        )
    store_id = store_of(order_id)
    assert store_id is not None  # noqa: S101 - it has an order of that id
    context.wake((store_id, Kind.SHIPMENT))
    return shipped


async def _if_unchanged(
    context: AppContext,
    order_id: UUID,
    requests: Sequence[ShipRequest],
    actor: str,
    once: IdempotentRequest | None,
    *,
    alone: bool,
) -> AcceptedShipment | None:
    """Accept shipments in two statements. None means that the order must be locked for them.

    alone: the order must be locked if it has a shipment already.
    """
    references = [each.reference for each in requests if each.reference is not None]
    if len(set(references)) < len(references):
        return None
    asked = OrderLookup(order_id, once, references, len(requests))
    version = await context.accept_batcher.look_up(asked)
    tasks = version.order.tasks
    # mutation: repeated-reference
    # mutation: pass-absent-shipment
    if (
        version.repeated
        or version.passable
        or (alone and any(task.kind is Kind.SHIPMENT for task in tasks))
    ):
        return None
    try:
        acceptance = plan_shipment.plan(context, version, requests, actor)
    except (Conflict, Invalid):
        if len(requests) == 1:
            raise
        # Some of several packages may be known already, which is looked up under the lock.
        return None
    if any(each.passed_over for each in acceptance.shipments):
        # The timeline is written under the lock.
        return None
    first, *others = queries.accepted_shipments(acceptance)
    shipped = AcceptedShipment(first, repeated=False, others=tuple(others))
    kept = once.render(shipped) if once else None
    written = await context.accept_batcher.accept(replace(acceptance, once=once, answer=kept))
    return shipped if written else None


async def _locked(
    context: AppContext,
    order_id: UUID,
    requests: Sequence[ShipRequest],
    *,
    actor: str,
    once: IdempotentRequest | None,
    find_duplicate: FindDuplicate | None,
    mend_failed: MendFailed | None,
    write_also: WriteAlso | None,
) -> AcceptedShipment:
    async with context.transaction(once) as connection:
        version = await accept_sql.lock(connection, order_id)
        packages = LockedPackages(connection, context, version, requests, actor)
        await packages.accept(find_duplicate, mend_failed)
        first = packages.first()
        # mutation: unsent-tracks-of-correction
        if write_also is not None and first is not None:
            await write_also(connection, context, packages.version.order, first)
        shipped = await packages.answer()
        await idempotency.store(connection, once, shipped)
    return shipped
