"""Settlement: orders are brought in line with what Walmart shows, and so are their updates."""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from app.domain.orders import blocked_messages, blockers, reservation, settlement
from app.domain.orders.commerce_notes import Note, notes
from app.domain.orders.order import Order, Task
from app.domain.orders.order_event import OrderEvent
from app.domain.orders.settlement import Settlement
from app.domain.orders.snapshot import OrderSnapshot
from app.domain.outbox.claimed_update import Subject
from app.domain.outbox.outcome import Failure
from app.domain.update import OPEN, Kind, State, Target
from app.storage import timeline
from app.storage.commerce import updates as commerce_updates
from app.storage.inventory import triggers
from app.storage.orders import save
from app.storage.orders.save import SeenOrder
from app.storage.postgres import sharding, sql
from app.storage.postgres.database import Connection

NEEDS_REVIEW = Failure(
    code="needs_review",
    message="Walmart shows other shipped or canceled units than Waybill knows of; its units "
    "leave no room for this update.",
    origin="walmart",
    suggestion="Compare the order in Seller Center, then retry or dismiss the update.",
)

_SETTLE = sharding.ShardedCommand(sql.read("recording/settle_updates.sql"))


@dataclass(frozen=True, slots=True)
class SettlementInput:
    """A locked order and what Walmart shows of it."""

    order: Order
    snapshot: OrderSnapshot
    at: datetime
    """When the read of Walmart began, by the database's time."""
    accept_walmart: bool = False
    """Whether units that Walmart does not show are taken back."""


@dataclass(frozen=True, slots=True)
class _Settled:
    """A settled order."""

    before: Order
    order: Order
    """The order as it became."""
    states: Mapping[UUID, State]
    """The new states of its updates."""
    outcome: Settlement
    snapshot: OrderSnapshot
    at: datetime

    @property
    def cleared(self) -> frozenset[UUID]:
        """Updates that are not in doubt any more."""
        return frozenset(task.update_id for task in self.outcome.cleared)


def still_holds(basis: Order | None, order: Order) -> bool:
    """Whether a snapshot that was read after basis was loaded is still valid.

    Walmart is read outside any transaction. What was written meanwhile is newer than the snapshot,
    which must not undo it.
    """
    return basis is not None and basis.last_synced_at == order.last_synced_at


async def settle(
    connection: Connection, given: SettlementInput, ids: timeline.NewId
) -> list[Subject]:
    """Bring a locked order in line with what Walmart shows.

    Answers the queues in which another update may become active. Claimed updates do not change.
    """
    return await settle_many(connection, [given], ids)


async def settle_many(
    connection: Connection, given: Sequence[SettlementInput], ids: timeline.NewId
) -> list[Subject]:
    """The same for several orders, each given once, in as many statements as for one."""
    settled = [_settled(each) for each in given]
    await save.save_many(
        connection,
        [(each.before, each.order) for each in settled],
        [SeenOrder(each.order, synced=True, seen_at=each.at) for each in settled],
    )
    subjects = await _settle_updates(connection, settled)
    landed = [
        (each.order.store_id, update_id)
        for each in settled
        for update_id, state in each.states.items()
        if state is State.CONFIRMED and _kind(each.order, update_id) == Kind.CANCELLATION
    ]
    landed += [
        (each.order.store_id, task.update_id)
        for each in settled
        for task in _landed_although_dismissed(each)
    ]
    await triggers.follow_cancellations(connection, landed, ids)
    noted = [(order, found) for order, found in _notes(settled) if found]
    await commerce_updates.enqueue_notes(connection, noted, ids)
    subjects += [
        (order.store_id, Target.COMMERCE.value, order.purchase_order_id) for order, _ in noted
    ]
    for each in settled:
        for event in _events(each):
            await timeline.add(connection, each.order.store_id, each.order.id, event, ids)
    return subjects


def _landed_although_dismissed(settled: _Settled) -> Iterator[Task]:
    """Cancellations that a person has dismissed and that this read shows completely."""
    for task in settled.order.tasks:
        before = settled.before.task(task.update_id)
        dismissed = task.kind is Kind.CANCELLATION and task.state is State.DISMISSED
        # mutation: stock-after-dismissed-cancellation
        if dismissed and before is not None and _whole(task) and not _whole(before):
            yield task


def _whole(task: Task) -> bool:
    return all(item.confirmed >= item.quantity for item in task.items)


def _settled(given: SettlementInput) -> _Settled:
    outcome = settlement.settle(
        given.order, given.snapshot, given.at, accept_walmart=given.accept_walmart
    )
    states = _states(outcome)
    after = reservation.with_state(outcome.order, states)
    return _Settled(given.order, after, states, outcome, given.snapshot, given.at)


def _states(settled: Settlement) -> dict[UUID, State]:
    states = {
        task.update_id: State.CONFIRMED
        for task in settled.landed
        if task.state in OPEN | {State.FAILED} and task.state is not State.SENDING
    }
    for task in settled.trimmed:
        # The items that can still be sent go out; then the update fails with those that could not.
        sendable = any(item.reserved for item in task.items)
        if task.state in OPEN and task.state is not State.SENDING and not sendable:
            states.setdefault(task.update_id, State.FAILED)
    return states


def _events(settled: _Settled) -> Iterator[timeline.TimelineEvent]:
    """The events for the order's timeline."""
    for task in settled.outcome.trimmed:
        detail = {"lines": _lines(task)}
        yield timeline.TimelineEvent(
            OrderEvent.RESERVATION_TRIMMED, update_id=task.update_id, detail=detail
        )
    if settled.order.cancel_requested and not settled.before.cancel_requested:
        asked = {"lines": list(settled.order.cancel_requested)}
        yield timeline.TimelineEvent(OrderEvent.CANCEL_REQUESTED, detail=asked)


def _notes(settled: Sequence[_Settled]) -> Iterator[tuple[Order, Sequence[Note]]]:
    """The notes for the Commerce orders."""
    for each in settled:
        yield each.order, list(notes(each.before, each.order, each.snapshot))


def _lines(task: Task) -> list[str]:
    return [item.line_number for item in task.items]


async def _settle_updates(connection: Connection, settled: Sequence[_Settled]) -> list[Subject]:
    changes = [
        {
            "store_id": each.order.store_id,
            "id": str(update_id),
            "state": state.value if state else None,
            "last_error": error_json(
                _failure(each, update_id) if state is State.FAILED else None,
                _kind(each.order, update_id),
                each.at,
            ),
            "cleared": update_id in each.cleared,
        }
        for each in settled
        for update_id, state in {**dict.fromkeys(each.cleared), **each.states}.items()
    ]
    if not changes:
        return []
    store_ids = [each.order.store_id for each in settled]
    rows = await _SETTLE.execute(connection, store_ids, {"changes": changes})
    return [(row.store_id, row.target, row.subject) for row in rows]


def _failure(settled: _Settled, update_id: UUID) -> Failure:
    """Why an update fails that Walmart's units leave no room for; of a shipment, line by line."""
    task, after = settled.before.task(update_id), settled.order.task(update_id)
    if task is None or after is None or task.kind is not Kind.SHIPMENT:
        return NEEDS_REVIEW
    blocked = blockers.sendable(settled.before, task, settled.snapshot, settled.at).blocked
    rest = any(item.confirmed for item in after.items)
    return blocked_messages.failure(blocked, rest=rest) if blocked else NEEDS_REVIEW


def _kind(order: Order, update_id: UUID) -> str:
    task = order.task(update_id)
    return task.kind.value if task else Target.WALMART.value


def error_json(
    failure: Failure | None, operation: str, occurred_at: datetime | None
) -> dict[str, Any] | None:
    """A failure as the column last_error stores it."""
    if failure is None:
        return None
    error = dataclasses.asdict(failure)
    error["walmart_codes"] = list(error.pop("sent_as"))
    at = occurred_at.isoformat().replace("+00:00", "Z") if occurred_at else None
    return error | {"operation": str(operation), "occurred_at": at}
