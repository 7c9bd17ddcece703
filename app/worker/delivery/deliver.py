"""One update in, one outcome out: run the flow of its kind, and make the calls that it plans.

Nothing is sent again after an unclear answer before a read that began after the quiet period shows
it absent, and then only what is missing (contract, promise 3). No transaction is open during a
call.
"""

from collections.abc import Callable, Mapping
from typing import Any

from app.domain.outbox.outcome import HandedBack, Outcome
from app.domain.update import Kind
from app.http_client.failure_table import CallError, WriteEffect
from app.walmart.errors import WalmartError
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
from app.worker.delivery.flow import Ended, Flow, LeaseTooShort, PlannedCall, Purpose

FLOWS: Mapping[Kind, Callable[[DeliveryContext], Flow]] = {
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
    """Deliver an update to Walmart or Commerce as far as it goes now."""
    return await perform(context, FLOWS[context.update.kind](context))


async def perform(context: DeliveryContext, flow: Flow) -> Outcome:
    """Make the calls that a flow plans, and return its outcome."""
    try:
        planned = next(flow)
        while True:
            try:
                answer = await _make(context, planned)
            except (CallError, LeaseTooShort) as error:
                planned = flow.throw(error)
            else:
                planned = flow.send(answer)
    except StopIteration as end:
        outcome: Outcome = end.value
        return outcome
    except Ended as end:
        return end.outcome
    except LeaseTooShort:
        return HandedBack("too little of the lease was left")


async def _make(context: DeliveryContext, planned: PlannedCall) -> Any:  # noqa: ANN401 - any client's
    """Make a call and keep its evidence. Raises the client's errors and LeaseTooShort."""
    evidence, writes = context.evidence, planned.purpose is Purpose.WRITE
    # mutation: lease-check-per-part
    if planned.purpose is not Purpose.READ and not await context.lease.may_write():
        raise LeaseTooShort
    # Bytes may leave from here on, unless an error shows that they had no effect.
    evidence.wrote = evidence.wrote or writes
    began_at = context.now()
    try:
        answer = await planned.make()
    except CallError as error:
        if writes:
            evidence.wrote = error.consequence.effect is WriteEffect.POSSIBLE
        # Commerce's client keeps its calls itself.
        if isinstance(error, WalmartError) and error.call is not None:
            evidence.calls.append(error.call)
        raise
    evidence.keep(answer, began_at)
    return answer
