"""Why what is missing of an update cannot be sent any more, whoever asks for it.

Looked at after a read: by a delivery before it sends, and by a person's retry, which must not
promise what cannot be.
"""

from app.orders.cancellation import Reason
from app.orders.order import Task
from app.orders.readback import Reading
from app.orders.snapshot import OrderSnapshot
from app.orders.update import Kind

EXCESS = "needs_review"
ALREADY_SHIPPED = "order_already_shipped"
CANCEL_NOT_REQUESTED = "cancel_not_requested"
LINE_CANCELED = "line_canceled"
NO_OPEN_UNITS = "no_open_units"


def obstacle(task: Task, reading: Reading, snapshot: OrderSnapshot) -> str | None:
    """The code of what stands against it, None where nothing does."""
    if reading.excess:
        return EXCESS
    if task.kind is Kind.CANCELLATION:
        if any(line.shipped for line in snapshot.lines.values()):
            return ALREADY_SHIPPED
        asked = task.reason != Reason.CUSTOMER_REQUEST or bool(snapshot.cancel_requested)
        return None if asked else CANCEL_NOT_REQUESTED
    if not reading.blocked:
        return None
    lines = [snapshot.lines[number] for number in reading.blocked if number in snapshot.lines]
    gone = bool(lines) and all(line.canceled for line in lines)
    return LINE_CANCELED if gone else NO_OPEN_UNITS
