"""Accepts packages of an order that the transaction has locked.

A package may repeat a shipment, or be about a failed one, which only the lock can decide.
"""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from uuid import UUID

from app.domain.errors import Conflict, Problem
from app.domain.orders import mending
from app.domain.orders.order import Order
from app.domain.orders.requests import ShipRequest
from app.storage import queries, timeline
from app.storage.orders import accept as accept_sql
from app.storage.orders import shipments
from app.storage.orders.acceptance import Acceptance, OrderVersion
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


@dataclass(slots=True)
class LockedPackages:
    """The packages of a shipment, each accepted, known or mended while their order is locked."""

    connection: Connection
    context: AppContext
    version: OrderVersion
    requests: Sequence[ShipRequest]
    actor: str
    made: dict[int, ShipmentView] = field(default_factory=dict)
    """New shipments, by the place of their packages."""
    known: dict[int, UUID] = field(default_factory=dict)
    """Shipments that the packages repeat, by place."""
    mended: Mapping[int, UUID] = field(default_factory=dict)
    """Shipments that packages without units are about, by place."""

    async def accept(
        self, find_duplicate: FindDuplicate | None, mend_failed: MendFailed | None
    ) -> None:
        """Accept each package after those before it, then mend with those that lack units."""
        refused: dict[int, Conflict] = {}
        for place, request in enumerate(self.requests):
            if self.made or self.known:
                # The packages before this one have changed the order.
                await self._read_again()
            try:
                await self._accept(place, request, find_duplicate)
            except Conflict as error:
                if mend_failed is None or not mending.lacks_units(error):
                    raise
                refused[place] = error
        if mend_failed is not None and refused:
            await self._mend(mend_failed, refused)

    async def _accept(
        self, place: int, request: ShipRequest, find_duplicate: FindDuplicate | None
    ) -> None:
        order = self.version.order
        same = await find_duplicate(self.connection, order, request) if find_duplicate else None
        same = same or await same_reference(self.connection, order, request)
        if same is not None:
            self.known[place] = same
            return
        accepted = await accept(self.connection, self.context, self.version, [request], self.actor)
        (self.made[place],) = queries.accepted_shipments(accepted)

    async def _mend(self, mend_failed: MendFailed, refused: Mapping[int, Conflict]) -> None:
        await self._read_again()
        wanted = {place: self.requests[place] for place in refused}
        others = [*self.known.values(), *(each.id for each in self.made.values())]
        self.mended = await mend_failed(self.connection, self.version.order, wanted, others)
        if not self.mended:
            raise next(iter(refused.values()))

    async def _read_again(self) -> None:
        order_id = self.version.order.id
        self.version = await accept_sql.look_up_locked(self.connection, order_id)

    def first(self) -> UUID | None:
        """The first package's shipment, if this request made or mended it."""
        return self.made[0].id if 0 in self.made else self.mended.get(0)

    async def answer(self) -> AcceptedShipment:
        """The shipments of all packages. Only those that were there before are read."""
        order, before = self.version.order, {**self.known, **self.mended}
        views = dict(self.made)
        if before:
            read = await queries.shipments_by_id(
                self.connection, order.store_id, order.id, list(before.values())
            )
            views |= dict(zip(before, read, strict=True))
        first, *others = (views[place] for place in sorted(views))
        return AcceptedShipment(first, not self.made, tuple(others))


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
    version: OrderVersion,
    requests: Sequence[ShipRequest],
    actor: str,
    *,
    partial: bool = False,
) -> Acceptance:
    """Write the packages of a shipment in a transaction that has locked the order.

    The caller commits and wakes the pollers. version: the order as it is now. partial: see
    `plan_shipment.plan`. Raises as `ship`.
    """
    acceptance = plan_shipment.plan(context, version, requests, actor, partial=partial)
    numbers = await accept_sql.take_numbers(connection, len(acceptance.shipments))
    acceptance = replace(acceptance, version=replace(version, numbers=numbers))
    await accept_sql.accept_locked(connection, acceptance)
    order = version.order
    passed_over = [item for each in acceptance.shipments for item in each.passed_over]
    place = (order.store_id, order.id)
    await timeline.add_passed_over(connection, place, passed_over, actor, context.new_id)
    if version.passable:
        # The new shipment may go before one that Walmart provably does not have.
        await updates.activate_next(connection, [acceptance.updates[0].queue])
    return acceptance
