"""Ships packages of an order: writes the shipments with their updates, once."""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from app.domain.errors import Conflict, Invalid, Problem
from app.domain.ids import store_of
from app.domain.orders import mending
from app.domain.orders.order import Order
from app.domain.orders.requests import ShipRequest
from app.domain.update import Kind
from app.storage import idempotency, queries, timeline
from app.storage.idempotency import IdempotentRequest
from app.storage.orders import accept as accept_sql
from app.storage.orders import repository, shipments
from app.storage.orders.acceptance import OrderLookup
from app.storage.outbox import updates
from app.storage.postgres.database import Connection
from app.storage.queries.views import ShipmentView
from app.usecases.context import AppContext
from app.usecases.orders import plan_shipment


@dataclass(frozen=True, slots=True)
class AcceptedShipment:
    """The answer to a request for a shipment."""

    shipment: ShipmentView
    repeated: bool
    """The shipment was accepted before."""
    others: tuple[ShipmentView, ...] = ()
    """The shipments of the further packages."""


FindDuplicate = Callable[[Connection, Order, ShipRequest], Awaitable[UUID | None]]
"""Finds the shipment of a locked order that a request repeats. None means that it is new."""
MendFailed = Callable[
    [Connection, Order, Mapping[int, ShipRequest], Collection[UUID]], Awaitable[Mapping[int, UUID]]
]
"""Finds the shipments that packages without units are about, and corrects or retries failed ones.

Takes the packages by place, and the shipments of the request's other packages. Returns the shipment
of each of these packages. Empty means that they are refused.
"""
WriteAlso = Callable[[Connection, AppContext, Order, UUID], Awaitable[None]]
"""Writes what belongs to a new or mended shipment, in its transaction."""


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
        known, made = dict[int, UUID](), dict[int, UUID]()
        mended: Mapping[int, UUID] = {}
        refused: dict[int, Conflict] = {}
        for place, request in enumerate(requests):
            order = await repository.lock(connection, order_id)
            same = await find_duplicate(connection, order, request) if find_duplicate else None
            same = same or await same_reference(connection, order, request)
            if same is not None:
                known[place] = same
                continue
            try:
                made[place] = (await accept(connection, context, order_id, [request], actor))[0]
            except Conflict as error:
                if mend_failed is None or not mending.lacks_units(error):
                    raise
                refused[place] = error
        if mend_failed is not None and refused:
            wanted = {place: requests[place] for place in refused}
            order = await repository.lock(connection, order_id)
            mended = await mend_failed(connection, order, wanted, {**known, **made}.values())
            if not mended:
                raise next(iter(refused.values()))
            known |= mended
        first = made.get(0) or mended.get(0)
        # mutation: unsent-tracks-of-correction
        if write_also is not None and first is not None:
            await write_also(connection, context, order, first)
        ids = [shipment for _, shipment in sorted({**known, **made}.items())]
        views = await queries.shipments_by_id(connection, order.store_id, order_id, ids)
        shipped = AcceptedShipment(views[0], not made, tuple(views[1:]))
        await idempotency.store(connection, once, shipped)
    return shipped


async def same_reference(connection: Connection, order: Order, request: ShipRequest) -> UUID | None:
    """The shipment of an order with the reference of a request. Raises Conflict."""
    if request.reference is None:
        return None
    found = await shipments.by_reference(connection, order.store_id, order.id, request.reference)
    if found is None:
        return None
    shipment_id, content = found
    refuse_other_content(request, content)
    return shipment_id


def refuse_other_content(request: ShipRequest, content: bytes) -> None:
    """Raise Conflict reference_reused if a shipment with the reference has other content."""
    # Earlier releases kept the number as typed.
    if content not in {plan_shipment.content(request), plan_shipment.fingerprint(request)}:
        message = f"Another shipment of this order has the reference {request.reference!r}."
        problem = Problem("reference_reused", message, "/reference", conflict=True)
        raise Conflict(problem.code, message, plan_shipment.located(request, [problem]))


async def accept(
    connection: Connection,
    context: AppContext,
    order_id: UUID,
    requests: Sequence[ShipRequest],
    actor: str,
    *,
    partial: bool = False,
) -> list[UUID]:
    """Write the packages of a shipment in a transaction that has locked the order.

    The caller commits and wakes the pollers. partial: see `plan_shipment.plan`. Returns the ids of
    the shipments. Raises as `ship`.
    """
    version = await accept_sql.look_up_locked(connection, order_id, len(requests))
    acceptance = plan_shipment.plan(context, version, requests, actor, partial=partial)
    await accept_sql.accept_locked(connection, acceptance)
    passed_over = [item for each in acceptance.shipments for item in each.passed_over]
    place = (version.order.store_id, order_id)
    await timeline.add_passed_over(connection, place, passed_over, actor, context.new_id)
    if version.passable:
        # The new shipment may go before one that Walmart provably does not have.
        await updates.activate_next(connection, [acceptance.updates[0].queue])
    return [each.id for each in acceptance.shipments]
