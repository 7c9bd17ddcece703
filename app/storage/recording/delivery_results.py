"""Results of deliveries, written for a whole batch in one transaction.

Every result is guarded by its lease token: a poller that comes back too late changes no update, but
its attempt is kept as evidence.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from app.domain.orders import reservation, tracking_correction
from app.domain.orders.order import Order
from app.domain.orders.requests import StockLevel
from app.domain.outbox.claimed_update import Claimed, Subject
from app.domain.outbox.delivery_result import DeliveryResult, Recorded
from app.domain.outbox.rate_limits import Breaker
from app.domain.update import COMMERCE_KINDS, OPEN, Kind, State
from app.storage import rate_limits, timeline
from app.storage.commerce import links
from app.storage.inventory import levels as stock_levels
from app.storage.inventory import triggers
from app.storage.orders import repository, save
from app.storage.orders.save import SeenOrder
from app.storage.outbox import requeue, updates
from app.storage.postgres import sharding, sql
from app.storage.postgres.database import BRIEF, BY_KEY, Connection, Database
from app.storage.recording import settlement
from app.storage.recording.result_rows import attempt_row, change_row
from app.storage.recording.settlement import SettlementInput
from app.storage.returns import returns

_WRITE = sharding.ShardedCommand(sql.read("recording/write_results.sql"))


async def record(
    database: Database,
    results: Sequence[DeliveryResult],
    ids: timeline.NewId,
    breaker: Breaker | None = None,
    wait: int = BRIEF,
) -> Recorded:
    """Write a batch of results, all or none; a result that was written before changes nothing.

    Where tables are sharded, the results are of one store. Raises Busy if another transaction locks
    one of the rows for longer than wait milliseconds, and NotAvailable.
    """
    async with database.begin(**BY_KEY, lock_timeout=str(wait)) as connection:
        orders = await _lock_orders(connection, results)
        await _lock_levels(connection, orders, results)
        written = await _write(connection, results)
        kept = [r for r in results if (r.update.store_id, r.update.id) in written]
        # mutation: newest-level-skips-retry
        await _drop_stale_levels(connection, kept)
        subjects = [
            written[r.update.store_id, r.update.id].queue
            for r in kept
            if _others_wait(orders, r.update)
        ]
        subjects += await _apply(connection, orders, _by_order(kept), written, ids)
        # mutation: stock-after-refund
        followed = (_confirmed(kept, Kind.CANCELLATION), _confirmed(kept, Kind.REFUND))
        await triggers.follow(connection, *followed, ids)
        # Rows are locked in the same order everywhere, so that transactions do not deadlock.
        for result in sorted(kept, key=lambda each: each.update.store_id):
            if result.returned is not None:
                await returns.save(connection, result.update.store_id, [result.returned], ids)
            if result.link is not None and result.update.order_id is not None:
                await links.keep(
                    connection, result.update.store_id, result.update.order_id, result.link, ids
                )
        await updates.activate_next(connection, subjects)
        # Last, because claims of the same stores wait for it. The reports of a late poller count.
        reports = [each for result in results for each in result.reports]
        stopped = await rate_limits.record(connection, reports, breaker or Breaker())
    # mutation: activated-update-found-at-once
    more = bool(subjects) or not all(_over(result) for result in kept)
    return Recorded(kept, stopped, more)


def _over(result: DeliveryResult) -> bool:
    """Whether a result has no consequences beyond its queue and its order."""
    plain = result.step.state is State.CONFIRMED and result.update.kind is not Kind.CANCELLATION
    return plain and result.returned is None and result.link is None


def _confirmed(results: Iterable[DeliveryResult], kind: Kind) -> list[tuple[int, UUID]]:
    return [
        (result.update.store_id, result.update.id)
        for result in results
        if result.update.kind is kind and result.step.state is State.CONFIRMED
    ]


async def _lock_orders(
    connection: Connection, results: Sequence[DeliveryResult]
) -> dict[UUID, Order]:
    """Lock the orders of the results, in the same order as everywhere."""
    keys = [(r.update.store_id, r.update.order_id) for r in results]
    # A return of several orders is written to the timeline of each.
    for result in results:
        if result.returned is not None and len(result.returned.purchase_orders) > 1:
            numbers, store_id = result.returned.purchase_orders, result.update.store_id
            found = await returns.orders_of(connection, store_id, numbers)
            keys += [(store_id, order_id) for order_id in found.values()]
    return await repository.lock_many(
        connection, [(store, order) for store, order in keys if order is not None]
    )


async def _lock_levels(
    connection: Connection, orders: Mapping[UUID, Order], results: Sequence[DeliveryResult]
) -> None:
    """Lock the stock levels that were sent, or that may follow from the results."""
    sent: dict[int, list[StockLevel]] = defaultdict(list)
    for update in (each.update for each in results if each.update.kind is Kind.INVENTORY):
        level = StockLevel(update.payload["sku"], None, update.payload["ship_node"])
        sent[update.store_id].append(level)
    canceled = [
        (order.store_id, task.update_id)
        for order in orders.values()
        for task in order.tasks
        if task.kind is Kind.CANCELLATION and task.state in OPEN
    ]
    await triggers.lock(connection, sent, canceled, _confirmed(results, Kind.REFUND))


@dataclass(frozen=True, slots=True)
class _Written:
    """An update whose result was written."""

    queue: Subject
    in_doubt_until: datetime | None


async def _write(
    connection: Connection, results: Sequence[DeliveryResult]
) -> dict[tuple[int, UUID], _Written]:
    """Write all attempts, and the updates that still have their lease.

    Answers these updates, by store and id.
    """
    rows = await _WRITE.execute(
        connection,
        [result.update.store_id for result in results],
        {
            "changes": [change_row(result) for result in results],
            "attempts": [attempt_row(result) for result in results],
        },
    )
    return {
        (row.store_id, row.id): _Written(
            (row.store_id, row.target, row.subject), row.in_doubt_until
        )
        for row in rows
    }


async def _drop_stale_levels(connection: Connection, kept: Iterable[DeliveryResult]) -> None:
    """Dismiss levels that are not confirmed and have a newer value by now, which is then active."""
    levels: dict[int, list[Claimed]] = defaultdict(list)
    for result in kept:
        if result.update.kind is Kind.INVENTORY and result.step.state is not State.CONFIRMED:
            levels[result.update.store_id].append(result.update)
    for store_id in sorted(levels):
        await stock_levels.drop_stale(connection, store_id, levels[store_id])


def _others_wait(orders: Mapping[UUID, Order], update: Claimed) -> bool:
    """Whether the update's queue may contain others, and one may become active now.

    A locked order shows all of them.
    """
    order = orders.get(update.order_id) if update.order_id else None
    if order is None or update.kind is Kind.INVENTORY:
        return True
    # mutation: queued-update-gets-turn
    return any(
        task.state in OPEN
        and task.update_id != update.id
        and (task.kind in COMMERCE_KINDS) is (update.kind in COMMERCE_KINDS)
        for task in order.tasks
    )


def _by_order(results: Iterable[DeliveryResult]) -> dict[UUID, list[DeliveryResult]]:
    grouped: dict[UUID, list[DeliveryResult]] = defaultdict(list)
    for result in results:
        if result.update.order_id is not None:
            grouped[result.update.order_id].append(result)
    return grouped


async def _apply(
    connection: Connection,
    orders: Mapping[UUID, Order],
    results: Mapping[UUID, Sequence[DeliveryResult]],
    written: Mapping[tuple[int, UUID], _Written],
    ids: timeline.NewId,
) -> list[Subject]:
    """Bring the orders of a batch in line with the results of their deliveries and reads."""
    unread, read = [], []
    for order_id, of_order in results.items():
        if order_id not in orders:
            continue
        states = {r.update.id: r.step.state for r in of_order}
        order = reservation.with_state(orders[order_id], states)
        for r in of_order:
            until = written[r.update.store_id, r.update.id].in_doubt_until
            order = reservation.with_doubt(order, r.update.id, until)
            task = order.task(r.update.id)
            why = tracking_correction.dismissal_reason(order, task, r.snapshot) if task else None
            # mutation: newest-correction-skips-doubt
            if why is not None:
                order = await requeue.supersede(connection, order, r.update.id, why)
        with_snapshot = [r for r in of_order if r.snapshot is not None]
        last = with_snapshot[-1] if with_snapshot else None
        if last is not None and last.snapshot is not None:
            read_at = last.read_at or last.attempt.started_at
            read.append(SettlementInput(order, last.snapshot, read_at))
        else:
            unread.append(SeenOrder(order, synced=False))
    await save.save_many(connection, [], unread)
    return await settlement.settle_many(connection, read, ids)
