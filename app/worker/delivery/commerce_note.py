"""Flow of a note: into the history of an order in Commerce, and beside its payment.

What Commerce shows already is not written again, so a repeated try adds nothing.
"""

from app.commerce import order_payload
from app.commerce.client import CommerceOrder
from app.commerce.errors import CommerceError
from app.domain.commerce_connection import CommerceConnection
from app.domain.orders.order import Link
from app.domain.outbox.outcome import AlreadyThere, Confirmed, Refused, Unclear
from app.worker.delivery import failures, flow, outcomes
from app.worker.delivery.context import DeliveryContext
from app.worker.delivery.flow import Flow, Steps


def deliver(context: DeliveryContext) -> Flow:
    """Write what Commerce does not show yet of a note."""
    connection = context.claim.commerce_connection
    if connection is None:
        return Refused(failures.NOT_CONNECTED)
    read_at = context.now()
    try:
        order = yield from _read(context, connection)
    except CommerceError as error:
        return outcomes.of_read(context.update.kind, error, doubtful=context.in_doubt)
    # Without an order in Commerce there is nothing to write to.
    text, line = _missing(context, order) if order else (None, None)
    if order is None or (text is None and line is None):
        return AlreadyThere(None)
    if not context.ends_doubt(read_at):
        return Unclear(failures.COMMERCE_STILL_UNCLEAR, sent=False, read=True)
    try:
        yield from _write(context, connection, order, text, line)
    except CommerceError as error:
        return outcomes.of_write(context.update.kind, error)
    return Confirmed(None)


def _missing(context: DeliveryContext, order: CommerceOrder) -> tuple[str | None, str | None]:
    """Return what Commerce does not show: the text of the history, and the line of the payment.

    Texts are counted, because an equal text may be another note's.
    """
    text, line = context.update.payload["text"], context.update.payload["payment"]
    equal_notes = context.claim.equal_notes.get(context.update.id, 0)
    # mutation: commerce-note-once
    # mutation: equal-notes-sent-separately
    return (
        None if order.comments.count(text) > equal_notes else text,
        None if line in order.payment_lines else line,
    )


def _write(
    context: DeliveryContext,
    connection: CommerceConnection,
    order: CommerceOrder,
    text: str | None,
    line: str | None,
) -> Steps[None]:
    commerce, keep = context.commerce, context.evidence.calls.append
    if text is not None:
        yield from flow.write(commerce.comment, connection, order.entity_id, text, keep)
    if line is not None:
        entity = order_payload.with_payment_line(order, line)
        yield from flow.write(commerce.save_order, connection, entity, keep)


def _read(context: DeliveryContext, connection: CommerceConnection) -> Steps[CommerceOrder | None]:
    """Read the order in Commerce. None means that Commerce has none."""
    commerce, keep = context.commerce, context.evidence.calls.append
    entity_id = context.order.commerce_order_id
    if entity_id is None:
        number = context.order.purchase_order_id
        found = yield from flow.read(commerce.find_order, connection, number, keep)
        if found is None:
            return None
        context.evidence.link = Link(found.number, found.entity_id, found.items)
        entity_id = found.entity_id
    return (yield from flow.read(commerce.read_order, connection, entity_id, keep))
