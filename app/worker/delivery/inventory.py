"""A stock level on its way to Walmart: absolute, so the newest value is sent at once.

While another value may still arrive, it is sent once more when that is over; only then is it
confirmed.
"""

from app.domain.outbox.outcome import Confirmed, Failure, HandedBack, Outcome, Refused, SendAgain
from app.walmart import errors
from app.worker.delivery import commerce_outcomes, walmart_outcomes
from app.worker.delivery.context import Errand

_UNKNOWN_SKU = Failure(
    code="sku_unknown_at_walmart",
    message="Walmart knows no item of this SKU for the seller.",
    suggestion="Compare the SKU in Seller Center; dismiss the update if it is not sold there.",
)


async def deliver(errand: Errand) -> Outcome:
    """Set a SKU's stock at Walmart."""
    payload = errand.update.payload
    units = payload["quantity"]
    if units is None:
        asked = await _salable(errand, payload["sku"])
        if not isinstance(asked, int):
            return asked
        units = asked
    if not await errand.may_write():
        return HandedBack("too little of the lease was left")
    # What can arrive while this is on its way may be the last.
    until = errand.overwritable_until
    call = errand.client.inventory.put(errand.account, payload["sku"], units, payload["ship_node"])
    errand.wrote = True
    try:
        errand.calls.append(await call)
    except errors.WalmartError as error:
        errand.keep_of(error)
        errand.wrote = isinstance(error, errors.Unclear)
        return _judge(errand, error)
    return Confirmed(None) if until is None else SendAgain(until)


async def _salable(errand: Errand, sku: str) -> int | Outcome:
    """How many units Commerce has to sell at this moment."""
    if errand.shop is None or errand.shop.stock_id is None:
        return Refused(commerce_outcomes.NOT_CONNECTED)
    try:
        return await errand.commerce.salable_quantity(errand.shop, sku, errand.calls.append)
    except errors.WalmartError as error:
        return commerce_outcomes.of_read(error, doubtful=False)


def _judge(errand: Errand, error: errors.WalmartError) -> Outcome:
    if isinstance(error, errors.NotFound):
        return Refused(_UNKNOWN_SKU)
    if isinstance(error, errors.Refused):
        return Refused(walmart_outcomes.failure(error))
    return walmart_outcomes.of_write(errand.update.kind, error)
