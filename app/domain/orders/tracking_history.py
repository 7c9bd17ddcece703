"""Under which tracking numbers a package may be found, once its number was corrected."""

from uuid import UUID

from app.domain.orders.order import Order, Task
from app.domain.orders.snapshot import tracking_key
from app.domain.update import Kind


def numbers(order: Order, task: Task) -> frozenset[str]:
    """Every number (as `tracking_key` writes it) under which Walmart may show a shipment's units.

    Its own, and whatever that number was corrected to, dismissed corrections included: they
    may have been sent. It goes by number, not by shipment, because Walmart corrects a number
    and does not say which of the units under it move.
    """
    known = {tracking_key(task.tracking_number or "")}
    while True:
        more = {
            tracking_key(each.tracking_number or "")
            for each in order.tasks
            if each.kind is Kind.TRACKING
            and tracking_key(each.previous_tracking_number or "") in known
        }
        if more <= known:
            return frozenset(known)
        known |= more


def targets(order: Order, task: Task) -> frozenset[str]:
    """The numbers that were asked for a shipment itself: its own and its corrections'."""
    asked = [task.tracking_number, *(each.tracking_number for each in corrections(order, task))]
    return frozenset(tracking_key(number or "") for number in asked)


def corrections(order: Order, shipment: Task) -> tuple[Task, ...]:
    """The tracking updates of a shipment, oldest first."""
    return tuple(
        sorted(
            (task for task in order.tasks if task.corrects == shipment.update_id),
            key=lambda task: task.sequence,
        )
    )


def latest(order: Order, update_id: UUID) -> Task | None:
    """The newest correction of a shipment, by the shipment's update; None without one."""
    shipment = order.task(update_id)
    found = corrections(order, shipment) if shipment else ()
    return found[-1] if found else None
