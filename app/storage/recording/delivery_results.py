"""What a delivery came to, written down in one transaction for a whole batch.

Every result is guarded by its lease token: a poller that came back too late changes
nothing but leaves its attempt behind as evidence.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from app.domain.orders import reservation, tracking_correction
from app.domain.orders.order import Order
from app.domain.orders.requests import StockLevel
from app.domain.outbox.claimed_update import Claimed, Subject
from app.domain.outbox.delivery_result import DeliveryResult, Recorded
from app.domain.outbox.rate_limits import Breaker
from app.domain.update import OPEN, TOLD_COMMERCE, Kind, State
from app.storage import rate_limits, timeline
from app.storage.commerce import links
from app.storage.inventory import levels as stock
from app.storage.inventory import triggers
from app.storage.orders import repository, save
from app.storage.orders.save import SeenOrder
from app.storage.outbox import requeue, updates
from app.storage.postgres import sharding
from app.storage.postgres.database import BRIEF, Connection, Database
from app.storage.recording import settlement
from app.storage.recording.result_rows import attempt_row, change_row
from app.storage.recording.settlement import SettlementInput
from app.storage.returns import returns

# Every row that is written is named by its key. The planner takes a batch for a hundred rows, and
# reads whole tables for it while these are small.
_BY_KEY = {f"enable_{way}": "off" for way in ("hashjoin", "mergejoin", "seqscan")}
# One value for all of them: to bind each column of each row costs several times as much. Times
# stand with what is given: Citus takes none that an UPDATE makes of a row or under a condition.
_WRITE = sharding.ShardedStatement(
    """
    WITH changed AS (
      UPDATE updates u
         SET state = v.state, due_at = v.due_at,
             active = u.active AND v.state NOT IN ('confirmed', 'failed', 'dismissed'),
             retries = v.retries, reads = v.reads, ambiguous = v.ambiguous, faults = v.faults,
             in_doubt_until = CASE v.doubt WHEN 'begin' THEN greatest(v.doubted_until,
                                                                     u.in_doubt_until)
                                           WHEN 'keep' THEN u.in_doubt_until END,
             known_at = CASE WHEN v.known THEN v.at ELSE u.known_at END,
             failing_for = v.failing_for,
             failing_since = CASE WHEN v.failing THEN v.at END,
             last_error = v.last_error,
             lease_token = NULL, leased_until = NULL, leased_by = NULL, updated_at = now(),
             finished_at = CASE WHEN v.state IN ('confirmed', 'failed') THEN v.at END
        FROM (SELECT r.*, now() AS at, now() + make_interval(secs => r.due_in) AS due_at,
                     now() + make_interval(secs => r.quiet) AS doubted_until
                FROM jsonb_to_recordset(:changes) AS r(store_id int, id uuid, lease_token uuid,
                     state text, due_in float, retries int, reads int, ambiguous boolean,
                     faults int, doubt text, quiet float, known boolean, failing_for float,
                     failing boolean, last_error jsonb)) v
       WHERE u.store_id = v.store_id AND u.id = v.id AND u.lease_token = v.lease_token
         AND <u> AND <v>
      RETURNING u.store_id, u.id, u.target, u.subject, u.in_doubt_until),
    kept AS (
      INSERT INTO attempts (store_id, id, update_id, order_id, number, poller, started_at,
                            ended_at, verdict, detail, calls)
      SELECT <v.store_id>, v.id, v.update_id, v.order_id, v.number, v.poller, v.started_at,
             v.ended_at, CASE WHEN c.id IS NULL THEN 'lease_lost' ELSE v.verdict END, v.detail,
             v.calls
        FROM jsonb_to_recordset(:attempts) AS v(store_id int, id uuid, update_id uuid,
             order_id uuid, number int, poller text, started_at timestamptz, ended_at timestamptz,
             verdict text, detail text, calls jsonb)
        LEFT JOIN changed c ON c.store_id = v.store_id AND c.id = v.update_id
          ON CONFLICT (store_id, id) DO NOTHING)
    SELECT store_id, id, target, subject, in_doubt_until FROM changed
    """,
    sa.bindparam("changes", type_=JSONB),
    sa.bindparam("attempts", type_=JSONB),
)


async def record(
    database: Database,
    results: Sequence[DeliveryResult],
    ids: timeline.NewId,
    breaker: Breaker | None = None,
    wait: int = BRIEF,
) -> Recorded:
    """Write a batch of results down, all or none; what was written before changes nothing.

    Where stores lie apart they are to be of one. Raises Busy where another transaction holds a row
    of theirs for longer than wait milliseconds, and NotAvailable.
    """
    async with database.begin(**_BY_KEY, lock_timeout=str(wait)) as connection:
        known = await _lock_orders(connection, results)
        await _hold_levels(connection, known, results)
        written = await _write(connection, results)
        kept = [r for r in results if (r.update.store_id, r.update.id) in written]
        await _drop_stale_levels(connection, kept)
        subjects = [
            written[r.update.store_id, r.update.id].queue
            for r in kept
            if _others_wait(known, r.update)
        ]
        subjects += await _apply(connection, known, _by_order(kept), written, ids)
        followed = (_confirmed(kept, Kind.CANCELLATION), _confirmed(kept, Kind.REFUND))
        await triggers.follow(connection, *followed, ids)
        # In one order everywhere, as with all rows of which several are held.
        for result in sorted(kept, key=lambda each: each.update.store_id):
            if result.returned is not None:
                await returns.save(connection, result.update.store_id, [result.returned], ids)
            if result.link is not None and result.update.order_id is not None:
                await links.keep(
                    connection, result.update.store_id, result.update.order_id, result.link, ids
                )
        await updates.activate_next(connection, subjects)
        # Last, for claims of the same stores wait for it. What a late poller saw is true too.
        reports = [each for result in results for each in result.reports]
        stopped = await rate_limits.record(connection, reports, breaker or Breaker())
    more = bool(subjects) or not all(_over(result) for result in kept)
    return Recorded(kept, stopped, more)


def _over(result: DeliveryResult) -> bool:
    """Whether nothing follows from a result but what its queue and its order say."""
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
    places = [(r.update.store_id, r.update.order_id) for r in results]
    # Of a return of several orders each is told: held here, in one order with all others.
    for result in results:
        if result.returned is not None and len(result.returned.purchase_orders) > 1:
            numbers, store_id = result.returned.purchase_orders, result.update.store_id
            found = await returns.orders_of(connection, store_id, numbers)
            places += [(store_id, order_id) for order_id in found.values()]
    return await repository.lock_many(
        connection, [(store, order) for store, order in places if order is not None]
    )


async def _hold_levels(
    connection: Connection, known: Mapping[UUID, Order], results: Sequence[DeliveryResult]
) -> None:
    """Let nobody put levels meanwhile that were sent, or that may follow what is recorded."""
    sent: dict[int, list[StockLevel]] = defaultdict(list)
    for update in (each.update for each in results if each.update.kind is Kind.INVENTORY):
        level = StockLevel(update.payload["sku"], None, update.payload["ship_node"])
        sent[update.store_id].append(level)
    canceled = [
        (order.store_id, task.update_id)
        for order in known.values()
        for task in order.tasks
        if task.kind is Kind.CANCELLATION and task.state in OPEN
    ]
    await triggers.hold(connection, sent, canceled, _confirmed(results, Kind.REFUND))


@dataclass(frozen=True, slots=True)
class _Written:
    """The queue of an update that was written, and until when it is in doubt."""

    queue: Subject
    in_doubt_until: datetime | None


async def _write(
    connection: Connection, results: Sequence[DeliveryResult]
) -> dict[tuple[int, UUID], _Written]:
    """Write what was tried, and what becomes of those that still hold their lease.

    Answers these, by store and update.
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
    """End levels that are not confirmed and that a newer one waits behind, and hand it the turn."""
    levels: dict[int, list[Claimed]] = defaultdict(list)
    for result in kept:
        if result.update.kind is Kind.INVENTORY and result.step.state is not State.CONFIRMED:
            levels[result.update.store_id].append(result.update)
    for store_id in sorted(levels):
        await stock.drop_stale(connection, store_id, levels[store_id])


def _others_wait(known: Mapping[UUID, Order], update: Claimed) -> bool:
    """Whether the update's queue may hold others, one of which may have the turn now.

    An order that is held shows all of them.
    """
    order = known.get(update.order_id) if update.order_id else None
    if order is None or update.kind is Kind.INVENTORY:
        return True
    return any(
        task.state in OPEN
        and task.update_id != update.id
        and (task.kind in TOLD_COMMERCE) is (update.kind in TOLD_COMMERCE)
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
    known: Mapping[UUID, Order],
    results: Mapping[UUID, Sequence[DeliveryResult]],
    written: Mapping[tuple[int, UUID], _Written],
    ids: timeline.NewId,
) -> list[Subject]:
    """Bring the orders of a batch in line with what their deliveries came to and saw."""
    unseen, pictures = [], []
    for order_id, of_order in results.items():
        if order_id not in known:
            continue
        states = {r.update.id: r.step.state for r in of_order}
        order = reservation.with_state(known[order_id], states)
        for r in of_order:
            until = written[r.update.store_id, r.update.id].in_doubt_until
            order = reservation.with_doubt(order, r.update.id, until)
            task = order.task(r.update.id)
            why = tracking_correction.pointless(order, task, r.snapshot) if task else None
            if why is not None:
                order = await requeue.supersede(connection, order, r.update.id, why)
        seen = [r for r in of_order if r.snapshot is not None]
        if seen and seen[-1].snapshot is not None:
            read_at = seen[-1].read_at or seen[-1].attempt.started_at
            pictures.append(SettlementInput(order, seen[-1].snapshot, read_at))
        else:
            unseen.append(SeenOrder(order, synced=False))
    await save.save_many(connection, [], unseen)
    return await settlement.settle_many(connection, pictures, ids)
