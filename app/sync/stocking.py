"""A stock level on its way to Walmart: absolute, so that it is simply sent again when unclear."""

from app.orders.outcome import Confirmed, Failure, HandedBack, Outcome, Refused, TryLater, Unclear
from app.sync import verdicts
from app.sync.errand import Errand
from app.walmart import errors

_UNKNOWN_SKU = Failure(
    code="sku_unknown_at_walmart",
    message="Walmart knows no item of this SKU for the seller.",
    suggestion="Compare the SKU in Seller Center; dismiss the update if it is not sold there.",
)


async def deliver(errand: Errand) -> Outcome:
    """Set a SKU's stock at Walmart."""
    if not await errand.may_write():
        return HandedBack("too little of the lease was left")
    payload = errand.update.payload
    call = errand.client.inventory.put(
        errand.account, payload["sku"], payload["quantity"], payload["ship_node"]
    )
    try:
        errand.calls.append(await call)
    except errors.WalmartError as error:
        if error.call is not None:
            errand.calls.append(error.call)
        return _judge(errand, error)
    return Confirmed(None)


def _judge(errand: Errand, error: errors.WalmartError) -> Outcome:
    if isinstance(error, errors.NotFound):
        return Refused(_UNKNOWN_SKU)
    if isinstance(error, errors.Refused):
        return Refused(verdicts.failure(error))
    outcome = verdicts.of_write(errand.update.kind, error)
    if isinstance(outcome, Unclear):
        # Nothing has to be read: sent twice it does no more than sent once.
        return TryLater(outcome.failure, reached=True)
    return outcome
