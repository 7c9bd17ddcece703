"""Detects a shipment or refund that already arrived through another Commerce channel.

REST calls, webhooks and events name the same shipment differently. Two are the same if they have
the same tracking number (now or before a correction) and the same units of the order. The carrier
does not count: the channels name it differently. A shipment matches at most one shipment of
Commerce and one REST body, so two shipments that are equal in everything stay two.

A dismissed shipment without any unit at Walmart is not a duplicate of anything. While it is in
doubt, an equal shipment is refused.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from fractions import Fraction
from uuid import UUID

from app.domain.errors import refuse
from app.domain.orders import commerce_items, held_units
from app.domain.orders.order import Order, Task
from app.domain.orders.requests import RequestedItem, ShipRequest
from app.domain.orders.tracking_key import tracking_key
from app.domain.update import State
from app.storage.commerce import events as storage
from app.storage.commerce.events import DONE, CommerceEvent
from app.storage.orders import shipments
from app.storage.orders.shipments import SentShipment
from app.storage.postgres.database import Connection
from app.storage.returns import refunds
from app.storage.returns.refunds import EarlierRefund
from app.usecases.commerce_dedup.event_state import CREDITMEMO, items_of, tracks_of

REST, COMMERCE = "rest-", "commerce-shipment-"
Units = dict[str, Fraction]
"""Units by the first of the lines that share a Commerce item."""


async def from_other_channels(
    connection: Connection, order: Order, numbers: frozenset[str], items: Sequence[RequestedItem]
) -> tuple[UUID, ...]:
    """Find the shipments that a Commerce shipment repeats; empty if it is new.

    Several if another channel sent its packages one by one. Raises Conflict order_in_doubt.
    """
    free = await _free(connection, order, COMMERCE)
    wanted = commerce_items.units_by_line(order, items)
    found: list[SentShipment] = []
    for each in free:
        units = _held(order, each)
        if each.numbers & numbers and all(wanted.get(line, 0) >= n for line, n in units.items()):
            _refuse_in_doubt(order, each)
            found.append(each)
            wanted = {line: n - units.get(line, 0) for line, n in wanted.items()}
    return () if any(wanted.values()) else tuple(each.id for each in found)


async def kept_part(
    connection: Connection,
    order: Order,
    items: Sequence[RequestedItem],
    *,
    kind: str,
    numbers: frozenset[str],
    reference: str | None = None,
) -> bool:
    """Whether a later part of units was kept before: by another channel, or by the same body.

    kind: the channel of the request. numbers: tracking keys. reference: that of a REST body.
    """
    wanted = commerce_items.units_by_line(order, items)
    for event in await storage.of_order(connection, order.store_id, order.id):
        same = event.reference == reference
        if not event.is_later_part or (event.reference.startswith(kind) and not same):
            continue
        tracks = {tracking_key(each.number) for each in tracks_of(event)}
        units = commerce_items.units_by_line(order, items_of(event) or ())
        # mutation: later-part-from-another-channel
        if tracks & numbers and units == wanted:
            return True
    return False


async def from_rest(
    connection: Connection, order: Order, request: ShipRequest, body: str
) -> UUID | None:
    """Find the shipment, from any channel, that a REST body repeats. None means that it is new.

    body: the reference of the whole body; that of a package begins with it.

    Raises Conflict order_in_doubt.
    """
    if request.reference is None:
        return None
    again = await storage.lock(
        connection, order.store_id, order.commerce_order_id or 0, request.reference
    )
    known = again.shipments if again is not None else ()
    for each in await shipments.sent(connection, order.store_id, order.id):
        if str(each.id) not in known and not _same_body(each.reference, request.reference, body):
            continue
        if not _absent(order, each):
            _refuse_in_doubt(order, each)
            return each.id
        if each.reference == request.reference:
            await shipments.forget_reference(connection, order.store_id, each.id)
    number = tracking_key(request.tracking_number)
    for each in await _free(connection, order, REST):
        if number in each.numbers and _same_units(order, each, request.items):
            _refuse_in_doubt(order, each)
            await keep(connection, order, request.reference, each.id, each.id)
            return each.id
    return None


def _same_body(one: str | None, other: str, body: str) -> bool:
    """Whether two references are of one body.

    The order may have had other units when the body came first: one package then, several now.
    """
    # mutation: body-split-otherwise
    return one == other or ((one or "").startswith(body) and body in {one, other})


def _same_units(order: Order, sent: SentShipment, items: Sequence[RequestedItem] | None) -> bool:
    if items is None:
        # The request was for all that remained, so nothing remains.
        return not any(line.remaining for line in order.lines)
    return _held(order, sent) == commerce_items.units_by_line(order, items)


async def _free(connection: Connection, order: Order, kind: str) -> list[SentShipment]:
    """The order's shipments without a reference of this kind, the dismissed ones last."""
    events = await storage.of_order(connection, order.store_id, order.id)
    taken = {
        shipment
        for event in events
        if event.reference.startswith(kind)
        for shipment in event.shipments
    }
    free = [
        each
        for each in await shipments.sent(connection, order.store_id, order.id)
        if str(each.id) not in taken
        and not _absent(order, each)
        # A shipment that a REST body created has no other record of that body.
        and not (kind == REST and (each.reference or "").startswith(REST))
    ]
    return sorted(free, key=lambda each: _dismissed(order, each) is not None)


def _dismissed(order: Order, sent: SentShipment) -> Task | None:
    """The update of a dismissed shipment without any unit shown at Walmart."""
    task = order.task(sent.update_id)
    # mutation: absent-dismissed-shipment
    if task is None or task.state is not State.DISMISSED:
        return None
    return None if any(item.confirmed for item in task.items) else task


def _absent(order: Order, sent: SentShipment) -> bool:
    task = _dismissed(order, sent)
    return task is not None and task.in_doubt_until is None


def _refuse_in_doubt(order: Order, sent: SentShipment) -> None:
    task = _dismissed(order, sent)
    if task is None or task.in_doubt_until is None:
        return
    message = "A shipment of the same number and units was dismissed."
    refuse([held_units.refusal("order_in_doubt", message, [task])])


async def keep(
    connection: Connection, order: Order, reference: str, shipment: UUID, event_id: UUID
) -> None:
    """Remember the REST body, so that it is recognised after a correction of the number."""
    await storage.save(
        connection,
        CommerceEvent(
            store_id=order.store_id,
            id=event_id,
            reference=reference,
            about="shipment",
            commerce_order_id=order.commerce_order_id or 0,
            content={},
            state=DONE,
            order_id=order.id,
            shipments=(str(shipment),),
        ),
    )


def _held(order: Order, sent: SentShipment) -> Units:
    """Units by line, as `commerce_items.units_by_line` counts the items that were asked for."""
    contents = [RequestedItem(n, commerce_item_id=item) for item, n in sent.contents.items()]
    named = commerce_items.units_by_line(order, contents)
    first = commerce_items.first_lines(order)
    units: Units = {}
    for item in sent.items:
        line = first.get(item.line_number, item.line_number)
        units[line] = units.get(line, Fraction()) + item.quantity
    return units | named


async def from_elsewhere(
    connection: Connection,
    order: Order,
    units: Units | None,
    body: str,
    within: timedelta,
) -> EarlierRefund | None:
    """Find the refund of a credit memo that a REST body repeats, made at most `within` ago.

    A credit memo counts only if it made a refund of its own. The caller holds the order's lock.
    """
    place = (order.store_id, order.id)
    memos = [
        each
        for each in await storage.of_order(connection, *place)
        if each.about == CREDITMEMO and each.state == DONE
    ]
    # mutation: credit-memo-over-two-channels
    memos.sort(key=lambda each: (body not in each.shipments, each.id))
    for memo in memos:
        known = body in memo.shipments
        same = units == commerce_items.units_by_line(order, items_of(memo) or ())
        if not known and (memo.shipments or not same):
            continue
        made = await refunds.answering(connection, place, memo.reference, within)
        if made is None:
            continue
        if not known:
            await storage.save(connection, replace(memo, shipments=(body,)))
        return made
    return None
