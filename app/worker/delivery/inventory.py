"""Flow of a stock level: an absolute value, so the newest one is sent at once.

While another value may still arrive, it is sent once more when that is over; only then is it
confirmed.
"""

from datetime import datetime

from app.commerce.errors import CommerceError
from app.domain.outbox.outcome import Confirmed, Failure, Refused, SendAgain
from app.walmart.errors import NotFound, WalmartError
from app.worker.delivery import failures, flow, outcomes
from app.worker.delivery.context import DeliveryContext
from app.worker.delivery.flow import Ended, Flow, Steps

_UNKNOWN_SKU = Failure(
    code="sku_unknown_at_walmart",
    message="Walmart knows no item of this SKU for the seller.",
    suggestion="Compare the SKU in Seller Center; dismiss the update if it is not sold there.",
)


def deliver(context: DeliveryContext) -> Flow:
    """Set a SKU's stock at Walmart."""
    payload = context.update.payload
    sku, units = payload["sku"], payload["quantity"]
    if units is None:
        units = yield from _salable_units(context, sku)
    # A value that can still arrive while this one is on its way may be the last.
    until = _overwritable_until(context)
    put, node = context.walmart.inventory.put, payload["ship_node"]
    try:
        yield from flow.write(put, context.account, sku, units, node)
    except NotFound:
        return Refused(_UNKNOWN_SKU)
    except WalmartError as error:
        return outcomes.of_write(context.update.kind, error)
    # mutation: newer-level-arrives-last
    return Confirmed(None) if until is None else SendAgain(until)


def _salable_units(context: DeliveryContext, sku: str) -> Steps[int]:
    """Read how many units Commerce can sell now. Raises Ended where it does not say."""
    connection, evidence = context.claim.commerce_connection, context.evidence
    if connection is None or connection.stock_id is None:
        raise Ended(Refused(failures.NOT_CONNECTED))
    try:
        return (
            yield from flow.read(
                context.commerce.salable_quantity, connection, sku, evidence.calls.append
            )
        )
    except CommerceError as error:
        outcome = outcomes.of_read(context.update.kind, error, doubtful=False)
        raise Ended(outcome) from error


def _overwritable_until(context: DeliveryContext) -> datetime | None:
    until = context.others_until
    return until if until is not None and until > context.now() else None
