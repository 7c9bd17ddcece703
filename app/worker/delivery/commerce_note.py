"""A note on its way into an order of Commerce's: into its history, and beside its payment.

What is there already is not written again, so that a repeated try adds nothing.
"""

from app.commerce import order_payload as bodies
from app.commerce.client import CommerceOrder
from app.commerce.connection import CommerceConnection
from app.commerce.errors import CommerceError
from app.domain.orders.order import Link
from app.domain.outbox.outcome import AlreadyThere, Confirmed, HandedBack, Outcome, Refused, Unclear
from app.http_client.call import ErrorClass
from app.worker.delivery import failures, outcomes
from app.worker.delivery.context import DeliveryContext


async def deliver(context: DeliveryContext) -> Outcome:
    """Write what of a note Commerce does not show yet."""
    commerce_connection = context.commerce_connection
    if commerce_connection is None:
        return Refused(failures.NOT_CONNECTED)
    looked_at = context.now()
    try:
        order = await _read(context, commerce_connection)
    except CommerceError as error:
        return outcomes.of_read(context.update.kind, error, doubtful=context.in_doubt)
    # Where Commerce has no such order, nobody there waits to hear of it.
    text, line = _missing(context, order) if order else (None, None)
    if order is None or (text is None and line is None):
        return AlreadyThere(None)
    if not context.ends_doubt(looked_at):
        return Unclear(failures.COMMERCE_STILL_UNCLEAR, sent=False, read=True)
    return await _write(context, commerce_connection, order, text, line)


def _missing(context: DeliveryContext, order: CommerceOrder) -> tuple[str | None, str | None]:
    """What of the note Commerce does not show: the text of its history, the line of payment.

    An equal note of before is another one: the texts are counted.
    """
    text, line = context.update.payload["text"], context.update.payload["payment"]
    return (
        None if order.comments.count(text) > context.equal_notes else text,
        None if line in order.payment_lines else line,
    )


async def _write(
    context: DeliveryContext,
    commerce_connection: CommerceConnection,
    order: CommerceOrder,
    text: str | None,
    line: str | None,
) -> Outcome:
    keep = context.calls.append
    if not await context.may_write():
        return HandedBack("too little of the lease was left")
    context.wrote = True
    try:
        if text is not None:
            await context.commerce.comment(commerce_connection, order.entity_id, text, keep)
        if line is not None:
            entity = bodies.with_payment_line(order.entity_id, order.payment, line)
            await context.commerce.save_order(commerce_connection, entity, keep)
    except CommerceError as error:
        context.wrote = error.error_class is ErrorClass.UNCLEAR
        return outcomes.of_write(context.update.kind, error)
    return Confirmed(None)


async def _read(
    context: DeliveryContext, commerce_connection: CommerceConnection
) -> CommerceOrder | None:
    known, keep = context.order.commerce_order_id, context.calls.append
    if known is None:
        found = await context.commerce.find_order(
            commerce_connection, context.order.purchase_order_id, keep
        )
        if found is None:
            return None
        context.readings.append(found)
        context.link = Link(found.number, found.entity_id, found.items)
        known = found.entity_id
    order = await context.commerce.read_order(commerce_connection, known, keep)
    context.readings.append(order)
    return order
