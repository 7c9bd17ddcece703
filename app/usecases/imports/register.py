"""Register an order that Commerce or an importer already knows, with its acknowledgement."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from app.domain.errors import Conflict, Problem, Unknown, refuse
from app.domain.orders import links
from app.domain.orders.order import Money, OrderLine
from app.storage import idempotency, queries
from app.storage.idempotency import IdempotentRequest
from app.storage.orders import repository
from app.storage.orders.create import ExistingOrder, add_order, fill, known
from app.storage.postgres.database import Connection
from app.storage.queries.views import OrderView
from app.storage.stores import stores
from app.usecases.context import AppContext
from app.usecases.imports import link_to_commerce
from app.usecases.imports.acknowledge import acknowledge


@dataclass(frozen=True, slots=True)
class RegisteredLine:
    """A line to register; quantity is units ordered."""

    line_number: str
    sku: str
    quantity: int
    name: str | None = None
    commerce_item_id: int | None = None
    unit_price: Money | None = None
    commerce_items: Mapping[int, int] = field(default_factory=dict)
    """How many of each item of a composite product are in one unit."""


@dataclass(frozen=True, slots=True)
class Registration:
    """An order to register."""

    purchase_order_id: str
    lines: tuple[RegisteredLine, ...]
    customer_order_id: str | None = None
    commerce_order_number: str | None = None
    commerce_order_id: int | None = None
    ordered_at: datetime | None = None
    ship_by: datetime | None = None
    deliver_by: datetime | None = None
    ship_method: str | None = None

    @property
    def details(self) -> dict[str, Any]:
        """The optional fields that were given."""
        given = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        return {
            name: value
            for name, value in given.items()
            if value is not None and name not in {"purchase_order_id", "lines"}
        }


@dataclass(frozen=True, slots=True)
class Registered:
    """The registered order."""

    order: OrderView
    created: bool
    """False means that it was known before."""


async def register(
    context: AppContext,
    store_id: UUID,
    registration: Registration,
    *,
    actor: str,
    once: IdempotentRequest | None = None,
) -> Registered:
    """Store an order. Raises Unknown store, Invalid lines, Conflict order_differs.

    Also Conflict commerce_order_taken.
    """
    lines = [_line(line) for line in registration.lines]
    numbers = [line.line_number for line in lines]
    refuse(tuple(links.repeated_lines(numbers)))
    items = {line.line_number: line.items_per_unit for line in lines}
    refuse(tuple(links.unequal_lines(items, numbers)))
    async with context.transaction(once) as connection:
        store = await stores.number_of(connection, store_id)
        if store is None:
            raise Unknown("store", store_id)
        order_id = context.new_id(store)
        values = {"purchase_order_id": registration.purchase_order_id, **registration.details}
        created = await add_order(connection, store, order_id, values)
        if created:
            await repository.add_lines(connection, store, order_id, lines)
            number = registration.purchase_order_id
            await acknowledge(connection, context, order_id, subject=number, actor=actor)
        else:
            order_id = await _compare(connection, store, registration)
        # A poller carries out the Commerce events that waited for the order.
        await link_to_commerce.take(connection, store, order_id, registration.details)
        registered = await answer(connection, store, order_id, created=created)
        await idempotency.store(connection, once, registered)
    context.wake()
    return registered


async def answer(
    connection: Connection, store: int, order_id: UUID, *, created: bool
) -> Registered:
    """The order as the API shows it."""
    view = await queries.order(connection, store, order_id)
    if view is None:
        raise Unknown("order", order_id)
    return Registered(view, created)


def _line(line: RegisteredLine) -> OrderLine:
    return OrderLine(
        line_number=line.line_number,
        sku=line.sku,
        ordered=line.quantity,
        name=line.name,
        commerce_item_id=line.commerce_item_id,
        unit_price=line.unit_price,
        commerce_items=line.commerce_items,
    )


async def _compare(connection: Connection, store: int, registration: Registration) -> UUID:
    """The id of the known order, if the registration agrees with it; fills its empty fields."""
    before = await known(connection, store, registration.purchase_order_id)
    problems = [*_line_differences(before, registration), *_differences(before, registration)]
    if problems:
        raise Conflict(
            "order_differs",
            "The order is already known, with other content.",
            problems,
        )
    missing = {
        name: value
        for name, value in registration.details.items()
        if before.details.get(name) is None
    }
    await fill(connection, store, before.id, missing)
    return before.id


def _line_differences(before: ExistingOrder, registration: Registration) -> list[Problem]:
    given = {line.line_number: (line.sku, line.quantity) for line in registration.lines}
    if given == before.lines:
        return []
    message = "The known order has other lines or quantities."
    return [Problem("order_differs", message, "/lines", conflict=True)]


def _differences(before: ExistingOrder, registration: Registration) -> list[Problem]:
    return [
        Problem(
            "order_differs",
            f"The known value is {before.details[name]!s}.",
            f"/{name}",
            conflict=True,
        )
        for name, value in registration.details.items()
        if before.details.get(name) is not None and before.details[name] != value
    ]
