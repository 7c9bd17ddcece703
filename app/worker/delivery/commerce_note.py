"""A note on its way into an order of Commerce's: into its history, and beside its payment.

What is there already is not written again, so that a repeated try adds nothing.
"""

from app.commerce import order_payload as bodies
from app.commerce.client import CommerceOrder
from app.commerce.connection import Shop
from app.domain.orders.order import Link
from app.domain.outbox.outcome import AlreadyThere, Confirmed, HandedBack, Outcome, Refused, Unclear
from app.http_client.errors import CallError
from app.http_client.errors import Unclear as Lost
from app.worker.delivery import commerce_outcomes
from app.worker.delivery.context import Errand


async def deliver(errand: Errand) -> Outcome:
    """Write what of a note Commerce does not show yet."""
    shop = errand.shop
    if shop is None:
        return Refused(commerce_outcomes.NOT_CONNECTED)
    looked_at = errand.now()
    try:
        order = await _read(errand, shop)
    except CallError as error:
        return commerce_outcomes.of_read(error, doubtful=errand.in_doubt)
    # Where Commerce has no such order, nobody there waits to hear of it.
    text, line = _missing(errand, order) if order else (None, None)
    if order is None or (text is None and line is None):
        return AlreadyThere(None)
    if not errand.ends_doubt(looked_at):
        return Unclear(commerce_outcomes.STILL_UNCLEAR, sent=False, read=True)
    return await _write(errand, shop, order, text, line)


def _missing(errand: Errand, order: CommerceOrder) -> tuple[str | None, str | None]:
    """What of the note Commerce does not show: the text of its history, the line of payment.

    An equal note of before is another one: the texts are counted.
    """
    text, line = errand.update.payload["text"], errand.update.payload["payment"]
    return (
        None if order.comments.count(text) > errand.equal_notes else text,
        None if line in order.payment_lines else line,
    )


async def _write(
    errand: Errand, shop: Shop, order: CommerceOrder, text: str | None, line: str | None
) -> Outcome:
    keep = errand.calls.append
    if not await errand.may_write():
        return HandedBack("too little of the lease was left")
    errand.wrote = True
    try:
        if text is not None:
            await errand.commerce.comment(shop, order.entity_id, text, keep)
        if line is not None:
            entity = bodies.with_payment_line(order.entity_id, order.payment, line)
            await errand.commerce.save_order(shop, entity, keep)
    except CallError as error:
        errand.wrote = isinstance(error, Lost)
        return commerce_outcomes.of_write(error)
    return Confirmed(None)


async def _read(errand: Errand, shop: Shop) -> CommerceOrder | None:
    known, keep = errand.order.commerce_order_id, errand.calls.append
    if known is None:
        found = await errand.commerce.find_order(shop, errand.order.purchase_order_id, keep)
        if found is None:
            return None
        errand.readings.append(found)
        errand.link = Link(found.number, found.entity_id, found.items)
        known = found.entity_id
    order = await errand.commerce.read_order(shop, known, keep)
    errand.readings.append(order)
    return order
