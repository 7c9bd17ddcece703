"""One update in, one outcome out: read back where it must be, send what is missing, judge.

Nothing is sent again after an unclear result before a read that was made after the quiet
period shows it absent, and then only what is missing (contract, promise 3). No transaction
is open while Walmart is called. Each kind has a module of its own.
"""

from collections.abc import Awaitable, Callable, Mapping

from app.domain.outbox.outcome import Outcome
from app.domain.update import Kind
from app.worker.delivery import (
    acknowledgement,
    cancellation,
    commerce_note,
    commerce_order,
    inventory,
    refund,
    shipment,
    tracking,
)
from app.worker.delivery.context import DeliveryContext

_BY_KIND: Mapping[Kind, Callable[[DeliveryContext], Awaitable[Outcome]]] = {
    Kind.ACKNOWLEDGEMENT: acknowledgement.deliver,
    Kind.SHIPMENT: shipment.deliver,
    Kind.TRACKING: tracking.deliver,
    Kind.CANCELLATION: cancellation.deliver,
    Kind.REFUND: refund.deliver,
    Kind.INVENTORY: inventory.deliver,
    Kind.COMMERCE_ORDER: commerce_order.deliver,
    Kind.COMMERCE_NOTE: commerce_note.deliver,
}


async def deliver(context: DeliveryContext) -> Outcome:
    """Carry one update to Walmart or Commerce as far as it goes now."""
    return await _BY_KIND[context.update.kind](context)
