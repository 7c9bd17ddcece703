"""Tracking history: the numbers under which Walmart may show a shipment after corrections."""

from uuid import UUID

from app.domain.orders.order import Order, Task
from app.domain.orders.tracking_key import tracking_key
from app.domain.update import Kind


def possible_numbers(order: Order, task: Task) -> frozenset[str]:
    """Return every tracking key under which Walmart may show units of a shipment.

    These are its own number and all numbers that this was corrected to, by dismissed corrections
    too, because they may have been sent. The search goes by number, not by shipment: Walmart
    corrects a number, and does not say which of the units under it change. A correction is sent
    from the number under which Walmart then shows its shipment, which is any possible one.
    """
    numbers = {
        each.update_id: {tracking_key(each.tracking_number or "")}
        for each in order.tasks
        if each.kind is Kind.SHIPMENT
    }
    numbers[task.update_id] = {tracking_key(task.tracking_number or "")}
    moves = [each for each in order.tasks if each.kind is Kind.TRACKING]
    grows = bool(moves)
    while grows:
        grows = False
        for move in moves:
            to = tracking_key(move.tracking_number or "")
            sources = {tracking_key(move.previous_tracking_number or "")}
            # mutation: correction-from-another-number
            sources |= numbers.get(move.corrects or move.update_id, set())
            for known in numbers.values():
                if to not in known and known & sources:
                    known.add(to)
                    grows = True
    return frozenset(numbers[task.update_id])


def own_numbers(order: Order, task: Task) -> frozenset[str]:
    """Return the tracking keys of a shipment itself and of its own corrections."""
    own = [task.tracking_number, *(each.tracking_number for each in corrections(order, task))]
    return frozenset(tracking_key(number or "") for number in own)


def corrections(order: Order, shipment: Task) -> tuple[Task, ...]:
    """Return the tracking corrections of a shipment, oldest first."""
    return tuple(
        sorted(
            (task for task in order.tasks if task.corrects == shipment.update_id),
            key=lambda task: task.sequence,
        )
    )


def latest(order: Order, update_id: UUID) -> Task | None:
    """Return the newest correction of a shipment. None means that it has none."""
    shipment = order.task(update_id)
    found = corrections(order, shipment) if shipment else ()
    return found[-1] if found else None
