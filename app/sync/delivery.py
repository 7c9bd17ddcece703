"""One update in, one outcome out: read back where it must be, send what is missing, judge.

Nothing is sent again after an unclear result before a read that was made after the quiet
period shows it absent, and then only what is missing (contract, promise 3). No transaction
is open while Walmart is called. Each kind has a module of its own.
"""

from collections.abc import Awaitable, Callable, Mapping

from app.orders.outcome import Outcome
from app.orders.update import Kind
from app.sync import (
    acknowledging,
    canceling,
    correcting,
    creating,
    noting,
    refunding,
    shipping,
    stocking,
)
from app.sync.errand import Errand

_BY_KIND: Mapping[Kind, Callable[[Errand], Awaitable[Outcome]]] = {
    Kind.ACKNOWLEDGEMENT: acknowledging.deliver,
    Kind.SHIPMENT: shipping.deliver,
    Kind.TRACKING: correcting.deliver,
    Kind.CANCELLATION: canceling.deliver,
    Kind.REFUND: refunding.deliver,
    Kind.INVENTORY: stocking.deliver,
    Kind.COMMERCE_ORDER: creating.deliver,
    Kind.COMMERCE_NOTE: noting.deliver,
}


async def deliver(errand: Errand) -> Outcome:
    """Carry one update to Walmart or Commerce as far as it goes now."""
    return await _BY_KIND[errand.update.kind](errand)
