"""Plans the packages of a shipment: checks the rules, resolves carriers, and builds the rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from app.domain.errors import Problem, refuse
from app.domain.orders import reservation
from app.domain.orders import shipping as rules
from app.domain.orders.order import Item, Order, Task
from app.domain.orders.requests import ShipRequest
from app.domain.orders.tracking_key import tracking_key
from app.domain.outbox.claimed_update import NewUpdate
from app.domain.update import Kind, State
from app.storage import idempotency
from app.storage.orders.acceptance import Acceptance, OrderVersion
from app.storage.orders.shipments import NewShipment
from app.storage.stores.stores import ShippingRules
from app.usecases.context import AppContext
from app.usecases.orders import carrier_mapping
from app.usecases.orders.carrier_mapping import ResolvedCarrier
from app.walmart.shipment_payload import Package


@dataclass(frozen=True, slots=True)
class CheckedShipment:
    """A request that was checked; with any problem it is refused."""

    items: tuple[Item, ...]
    package: Package
    carrier: ResolvedCarrier
    problems: tuple[Problem, ...]
    contents: Mapping[int, int]
    """Quantities of the items of composite products, by Commerce item."""
    passed_over: tuple[int, ...]
    """Commerce items that belong to no line."""


def plan(
    context: AppContext,
    version: OrderVersion,
    requests: Sequence[ShipRequest],
    actor: str,
    *,
    partial: bool = False,
) -> Acceptance:
    """Plan the packages of a shipment, each after those before it. Raises Invalid, Conflict.

    partial: at least one unit of the first package must be able to go, and none of the others;
    units that cannot go are part of the update, and its delivery reports them by line.
    """
    order, new, rows = version.order, list[NewUpdate](), list[NewShipment]()
    for index, request in enumerate(requests):
        # mutation: package-without-open-units
        least = (0 if index else 1) if partial else None
        checked = check(order, version.rules, request, version.at, least=least)
        refuse(located(request, checked.problems))
        update = _update(context, order, checked, actor)
        new.append(update)
        rows.append(_row(context.new_id(order.store_id), update, request, checked))
        if len(rows) < len(requests):
            order = reserved(order, update.id, request, checked)
    return Acceptance(version, new, rows)


def located(request: ShipRequest, problems: Sequence[Problem]) -> list[Problem]:
    """Problems of a package, with pointers from the top of the request."""
    return [replace(each, pointer=f"{request.pointer}{each.pointer}") for each in problems]


def reserved(
    order: Order, update_id: UUID, request: ShipRequest, checked: CheckedShipment
) -> Order:
    """The order for the packages that follow one: its units are held by an update."""
    return reservation.reserve(order, _task(order, update_id, request, checked))


def check(
    order: Order,
    rules_of_store: ShippingRules,
    request: ShipRequest,
    now: datetime,
    *,
    least: int | None = None,
) -> CheckedShipment:
    """Check a request by the rules and the store's carriers. now: the database's time.

    least: the min_units of `rules.plan`.
    """
    plan = rules.plan(order, request, now, min_units=least)
    resolved = carrier_mapping.resolve(
        rules_of_store,
        request.carrier_code,
        request.carrier_title,
        request.tracking_number,
        request.tracking_url,
    )
    package = Package(
        carrier=resolved.carrier,
        tracking_number=request.tracking_number,
        tracking_url=resolved.tracking_url,
        shipped_at=plan.shipped_at,
        method_code=plan.method_code,
        override_cancel_request=request.override_cancel_request,
    )
    return CheckedShipment(
        items=plan.items,
        package=package,
        carrier=resolved,
        problems=(*plan.problems, *resolved.problems),
        contents=plan.contents,
        passed_over=plan.passed_over,
    )


def _update(context: AppContext, order: Order, checked: CheckedShipment, actor: str) -> NewUpdate:
    return NewUpdate(
        store_id=order.store_id,
        id=context.new_id(order.store_id),
        kind=Kind.SHIPMENT,
        subject=order.purchase_order_id,
        sequence=order.next_sequence,
        order_id=order.id,
        requested_by=actor,
        payload=checked.package.to_json(),
    )


def _task(order: Order, update_id: UUID, request: ShipRequest, checked: CheckedShipment) -> Task:
    return Task(
        update_id=update_id,
        kind=Kind.SHIPMENT,
        state=State.PENDING,
        sequence=order.next_sequence,
        items=checked.items,
        tracking_number=request.tracking_number,
        override_cancel_request=request.override_cancel_request,
        commerce_items=checked.contents,
    )


def _row(
    shipment_id: UUID, update: NewUpdate, request: ShipRequest, checked: CheckedShipment
) -> NewShipment:
    return NewShipment(
        id=shipment_id,
        update_id=update.id,
        carrier_code=request.carrier_code,
        carrier_title=request.carrier_title,
        tracking_number=request.tracking_number,
        tracking_url=request.tracking_url,
        shipped_at=checked.package.shipped_at,
        method_code=checked.package.method_code,
        reference=request.reference,
        # Only shipments with a reference are compared.
        fingerprint=b"" if request.reference is None else content(request),
        override_cancel_request=request.override_cancel_request,
        walmart_carrier=checked.carrier.stored(),
        items=checked.items,
        contents=checked.contents,
        passed_over=checked.passed_over,
    )


def content(request: ShipRequest) -> bytes:
    """The content that is compared under a reference; the number without what is not compared."""
    return fingerprint(replace(request, tracking_number=tracking_key(request.tracking_number)))


def fingerprint(request: ShipRequest) -> bytes:
    """A request's content as typed, which earlier releases stored."""
    items = None if request.items is None else [str(item) for item in request.items]
    return idempotency.fingerprint([str(replace(request, items=None)), items])
