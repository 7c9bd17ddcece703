"""What stands in the way of an order: its failed updates, each with the pages that settle it."""

from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

from app.storage.queries.views import OrderView

FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Obstacle:
    """A failed package or cancellation."""

    package: int | None
    """The number of the package in its order. None means the cancellation."""
    update_id: UUID
    units: int
    """Units that it holds."""


def obstacles(order: OrderView) -> list[Obstacle]:
    """The failed packages and cancellation of an order."""
    return list(_found(order))


def number_of(order: OrderView, shipment_id: UUID) -> int:
    """The number of a package among those of its order; 0 if the order does not have it."""
    ids = [each.id for each in order.shipments]
    return ids.index(shipment_id) + 1 if shipment_id in ids else 0


def _found(order: OrderView) -> Iterator[Obstacle]:
    for number, each in enumerate(order.shipments, start=1):
        if each.state == FAILED:
            units = sum(item.quantity - item.confirmed for item in each.items)
            yield Obstacle(number, each.update.id, units)
    if order.cancellation is not None and order.cancellation.state == FAILED:
        units = sum(item.quantity - item.confirmed for item in order.cancellation.items)
        yield Obstacle(None, order.cancellation.update.id, units)
