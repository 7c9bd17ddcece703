"""Settles an update with a read of its subject: units, refunds, links, and its doubt.

Used when a person dismisses an update and when a poller ends a doubt.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from app.domain.orders import refund_targets, reservation, tracking_correction
from app.domain.orders.order import Link, Order, Task
from app.domain.orders.snapshot import OrderSnapshot
from app.domain.outbox import doubt
from app.domain.update import COMMERCE_KINDS, Kind
from app.storage.commerce import links
from app.storage.commerce import updates as commerce_updates
from app.storage.orders import repository, save
from app.storage.outbox import requeue, updates
from app.storage.outbox.requeue import StoredUpdate
from app.storage.postgres.database import Connection
from app.storage.recording import settlement
from app.storage.recording.settlement import SettlementInput
from app.storage.returns import refunds as stored_refunds
from app.storage.returns import returns
from app.usecases.context import AppContext
from app.usecases.updates.subject_reader import SubjectSeen

NOT_READ, ABSENT, IN_DOUBT = "not_read", "absent", "in_doubt"
_NO_UNITS = "Walmart shows no unit of the update. Its units are released."
_EXPLAINED: Mapping[str, str] = {
    "acknowledged": "Walmart shows the order as acknowledged.",
    "shipped": "Walmart shows all of it as shipped.",
    "canceled": "Walmart shows all of it as canceled.",
    "corrected": "Walmart shows the package under the new number.",
    "refunded": "Walmart shows all of it as refunded.",
    "partly": "Walmart shows a part of the update. The other units are released.",
    ABSENT: _NO_UNITS,
}
_HELD = "the units stay reserved until a refresh shows them."
_ABSENT: Mapping[Kind, str] = {
    Kind.ACKNOWLEDGEMENT: "Walmart shows the order as not acknowledged.",
    Kind.TRACKING: "Walmart does not show the package under the new number.",
    Kind.REFUND: "Walmart shows nothing of it as refunded.",
}

_NO_MORE = (
    "Walmart does not find the order or return, although it showed it before. The units stay "
    "reserved, and Waybill reads Walmart again. Check the store's credentials."
)
_MISSING: Mapping[Kind, str] = {
    Kind.INVENTORY: "Walmart knows no item of this SKU for the seller.",
    Kind.REFUND: "Walmart shows no such return.",
}


@dataclass(frozen=True, slots=True)
class Conclusion:
    """What Walmart or Commerce has of an update."""

    walmart: str
    """A word for what Walmart shows: shipped, partly, absent, not_read, in_doubt …"""
    explanation: str
    until: datetime | None = None
    """From when a read may end its doubt. None means that it is not in doubt."""


@dataclass(frozen=True, slots=True)
class SubjectRead:
    """A read of an update's subject."""

    seen: SubjectSeen
    read_at: datetime
    """When the read began, by the database's clock."""


async def conclude(
    connection: Connection,
    context: AppContext,
    found: StoredUpdate,
    order: Order | None,
    read: SubjectRead | None,
) -> Conclusion:
    """Settle an update of a locked order. read None means that its subject could not be read.

    order contains the update in its new state.
    """
    if read is None:
        return _unread(found)
    if read.seen.missing and found.kind not in COMMERCE_KINDS:
        return await _missing(connection, found, order, read)
    if found.kind is Kind.INVENTORY:
        return _stock(found, read)
    if found.kind is Kind.REFUND:
        return await _refund(connection, context, found, read)
    if found.kind in COMMERCE_KINDS:
        return await _commerce(connection, context, found, order, read)
    return await _of_walmarts_order(connection, context, found, order, read)


async def _missing(
    connection: Connection, found: StoredUpdate, order: Order | None, read: SubjectRead
) -> Conclusion:
    """Walmart does not know the subject: end the doubt once that is certain, release units."""
    if doubt.in_doubt_at(found.in_doubt_until, read.read_at):
        return _in_doubt(found)
    # mutation: single-404-of-known-subject
    if found.in_doubt_until is not None and _was_shown(found, order):
        # Wrong account, or an error of Walmart: this read proves nothing.
        return replace(_unread(found), explanation=_NO_MORE)
    await requeue.end_doubt(connection, found)
    if order is not None:
        now = await repository.lock(connection, order.id)
        after = reservation.release(now, found.id)
        await save.save(connection, now, after)
        await save.save_status(connection, after, synced=False)
    return Conclusion(ABSENT, _MISSING.get(found.kind, "Walmart knows no such order."))


def _was_shown(found: StoredUpdate, order: Order | None) -> bool:
    """Whether Walmart has shown the subject before."""
    return found.kind is Kind.REFUND or (order is not None and order.last_synced_at is not None)


async def _of_walmarts_order(
    connection: Connection,
    context: AppContext,
    found: StoredUpdate,
    order: Order | None,
    read: SubjectRead,
) -> Conclusion:
    seen = read.seen
    if order is None or seen.order is None:
        return _unread(found)
    turns = await settlement.settle(
        connection, SettlementInput(order, seen.order, read.read_at), context.new_id
    )
    await updates.activate_next(connection, turns)
    after = await repository.lock(connection, order.id)
    task = after.task(found.id)
    what = _of_order(after, task, seen.order)
    until = task.in_doubt_until if task is not None else None
    if until is not None and what in {ABSENT, "partly"}:
        return _in_doubt(found)
    return replace(_finding(found, what), until=until)


def _of_order(order: Order, task: Task | None, snapshot: OrderSnapshot) -> str:
    if task is None or task.kind is Kind.ACKNOWLEDGEMENT:
        return ABSENT if snapshot.created else "acknowledged"
    if task.kind is Kind.TRACKING:
        return (
            "corrected"
            if tracking_correction.correction_state(order, task, snapshot).done
            else ABSENT
        )
    confirmed = sum(item.confirmed for item in task.items)
    if not confirmed:
        return ABSENT
    if confirmed < sum(item.quantity for item in task.items):
        return "partly"
    return "canceled" if task.kind is Kind.CANCELLATION else "shipped"


def _stock(found: StoredUpdate, read: SubjectRead) -> Conclusion:
    text = f"Walmart shows {read.seen.stock} units of {found.payload['sku']}."
    until = found.in_doubt_until
    if until is None or not doubt.in_doubt_at(until, read.read_at):
        return Conclusion("stock_level", text)
    return Conclusion(
        "stock_level", f"{text} The value may still arrive until {_time(until)}.", until
    )


async def _refund(
    connection: Connection, context: AppContext, found: StoredUpdate, read: SubjectRead
) -> Conclusion:
    returned = read.seen.returned
    if returned is None:
        return _unread(found)
    await returns.save(connection, found.store_id, [returned], context.new_id)
    known = await stored_refunds.of_updates(connection, found.store_id, [found.id])
    items = known[found.id].items if found.id in known else ()
    missing = refund_targets.missing(items, returned)
    lacks = bool(missing) or refund_targets.impossible(items, returned) is not None
    if not lacks:
        # mutation: refund-beside-landed-one
        await stored_refunds.landed(connection, found.store_id, found.id)
    elif doubt.in_doubt_at(found.in_doubt_until, read.read_at):
        return _in_doubt(found)
    await requeue.end_doubt(connection, found)
    if not lacks:
        return _finding(found, "refunded")
    wanted = sum(item.quantity for item in items)
    return _finding(found, "partly" if sum(missing.values()) < wanted else ABSENT)


async def _commerce(
    connection: Connection,
    context: AppContext,
    found: StoredUpdate,
    order: Order | None,
    read: SubjectRead,
) -> Conclusion:
    seen = read.seen.commerce
    there = seen is not None
    if found.kind is Kind.COMMERCE_NOTE and seen is not None:
        before = await commerce_updates.equal_notes(connection, found.store_id, [found.id])
        text = found.payload["text"]
        there = seen.comments.count(text) > before.get(found.id, 0)
    if not there and doubt.in_doubt_at(found.in_doubt_until, read.read_at):
        return _in_doubt(found)
    await requeue.end_doubt(connection, found)
    what = "note" if found.kind is Kind.COMMERCE_NOTE else "order"
    if not there or seen is None:
        return Conclusion(NOT_READ, f"Commerce shows no such {what}. Walmart was not asked.")
    if found.kind is Kind.COMMERCE_NOTE:
        await commerce_updates.note_landed(connection, found.store_id, found.id)
    elif order is not None:
        link = Link(seen.number, seen.entity_id, seen.items)
        await links.keep(connection, found.store_id, order.id, link, context.new_id)
    return Conclusion(NOT_READ, f"Commerce shows the {what}. Walmart was not asked.")


def _finding(found: StoredUpdate, what: str) -> Conclusion:
    text = _ABSENT.get(found.kind, _NO_UNITS) if what == ABSENT else _EXPLAINED[what]
    return Conclusion(what, text)


def _unread(found: StoredUpdate) -> Conclusion:
    until = found.in_doubt_until
    if found.kind in COMMERCE_KINDS:
        return Conclusion(NOT_READ, "Commerce could not be read. Walmart was not asked.", until)
    holds = f"; {_HELD}" if found.kind in {Kind.SHIPMENT, Kind.CANCELLATION} else "."
    # mutation: failed-dismissal-read
    return Conclusion(NOT_READ, f"Walmart could not be read{holds}", until)


def _in_doubt(found: StoredUpdate) -> Conclusion:
    until = found.in_doubt_until
    assert until is not None  # noqa: S101 - asked a moment ago
    where = "Commerce" if found.kind in COMMERCE_KINDS else "Walmart"
    text = (
        f"{where} does not show all of it yet, and it may still arrive until {_time(until)}. What "
        f"it holds stays reserved; Waybill reads {where} again then."
    )
    return Conclusion(IN_DOUBT, text, until)


def _time(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
