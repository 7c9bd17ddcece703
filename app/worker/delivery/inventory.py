"""A stock level on its way to Walmart: absolute, so the newest value is sent at once.

While another value may still arrive, it is sent once more when that is over; only then is it
confirmed.
"""

from app.commerce.errors import CommerceError
from app.domain.outbox.outcome import Confirmed, Failure, HandedBack, Outcome, Refused, SendAgain
from app.walmart import errors
from app.worker.delivery import error_messages, failures, outcomes
from app.worker.delivery.context import DeliveryContext

_UNKNOWN_SKU = Failure(
    code="sku_unknown_at_walmart",
    message="Walmart knows no item of this SKU for the seller.",
    suggestion="Compare the SKU in Seller Center; dismiss the update if it is not sold there.",
)


async def deliver(context: DeliveryContext) -> Outcome:
    """Set a SKU's stock at Walmart."""
    payload = context.update.payload
    units = payload["quantity"]
    if units is None:
        asked = await _salable(context, payload["sku"])
        if not isinstance(asked, int):
            return asked
        units = asked
    if not await context.may_write():
        return HandedBack("too little of the lease was left")
    # What can arrive while this is on its way may be the last.
    until = context.overwritable_until
    call = context.client.inventory.put(
        context.account, payload["sku"], units, payload["ship_node"]
    )
    context.wrote = True
    try:
        context.calls.append(await call)
    except errors.WalmartError as error:
        context.keep_of(error)
        context.wrote = isinstance(error, errors.CallUnclear)
        return _judge(context, error)
    return Confirmed(None) if until is None else SendAgain(until)


async def _salable(context: DeliveryContext, sku: str) -> int | Outcome:
    """How many units Commerce has to sell at this moment."""
    if context.commerce_connection is None or context.commerce_connection.stock_id is None:
        return Refused(failures.NOT_CONNECTED)
    try:
        return await context.commerce.salable_quantity(
            context.commerce_connection, sku, context.calls.append
        )
    except CommerceError as error:
        return outcomes.of_read(context.update.kind, error, doubtful=False)


def _judge(context: DeliveryContext, error: errors.WalmartError) -> Outcome:
    if isinstance(error, errors.NotFound):
        return Refused(_UNKNOWN_SKU)
    if isinstance(error, errors.CallRefused):
        return Refused(error_messages.of(error))
    return outcomes.of_write(context.update.kind, error)
