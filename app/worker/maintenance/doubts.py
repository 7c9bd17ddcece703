"""Resolves doubts: reads what an update at rest is about, once its write cannot land any more."""

from dataclasses import dataclass

import structlog

from app import logs
from app.domain.orders.order import Order
from app.domain.orders.order_event import OrderEvent
from app.domain.outbox.rate_limits import Breaker
from app.domain.update import COMMERCE_KINDS, Kind, State
from app.storage import timeline
from app.storage.orders import repository
from app.storage.outbox import doubts as storage
from app.storage.outbox import requeue, updates
from app.storage.outbox.doubts import UpdateInDoubt
from app.storage.outbox.requeue import StoredUpdate
from app.storage.postgres.database import Connection
from app.storage.postgres.surveys import survey
from app.storage.recording import settlement
from app.usecases.context import AppContext
from app.usecases.updates import end_corrections, read_subject, subject_reader
from app.usecases.updates.read_subject import SubjectRead
from app.worker.importer.rate_limited_reader import LanePaused, RateLimitedReader

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class DoubtResolver:
    """Resolves the doubts of updates at rest. Those of open updates end in their deliveries."""

    context: AppContext
    breaker: Breaker

    async def due(self) -> list[int]:
        """Stores with doubts that a read may end."""
        await storage.end_by_time(self.context.database)
        async with survey(self.context.database) as connection:
            return await storage.due(connection)

    async def end(self, store_id: int) -> None:
        """Resolve some doubts of a store, as far as its rate limits allow."""
        reader = RateLimitedReader(self.context, self.breaker, store_id)
        async with self.context.transaction() as connection:
            taken = await storage.take(connection, store_id)
        for each in taken:
            logs.now_about(order_id=each.order_id, update_id=each.id, correlation_id=None)
            try:
                await self._end(each, reader)
            except LanePaused as paused:
                seconds = max(paused.left.total_seconds(), 0.0)
                async with self.context.transaction() as connection:
                    await storage.hand_back(connection, store_id, each, seconds)

    async def _end(self, each: UpdateInDoubt, reader: RateLimitedReader) -> None:
        context = self.context
        async with context.transaction() as connection:
            basis, found = await _lock(connection, each)
        if found is None:
            return
        seen = await subject_reader.read_subject(context, found, basis, reader=reader)
        unreadable = seen is None and await self._unreachable(found)
        async with context.transaction() as connection:
            order, found = await _lock(connection, each)
            if found is None or (order is not None and not settlement.still_holds(basis, order)):
                return
            if unreadable:
                await requeue.end_doubt(connection, found)
                return
            # mutation: doubt-read-start
            read = SubjectRead(seen, each.at) if seen is not None else None
            # mutation: doubt-resolver
            finding = await read_subject.conclude(connection, context, found, order, read)
            if order is not None and _never_was(found, finding.walmart):
                await end_corrections.end(connection, order, found.id, timeline.WAYBILL)
            await updates.activate_next(connection, [found.queue])
            ended = finding.until is None and finding.walmart != read_subject.NOT_READ
            if order is not None and ended:
                detail = {"walmart": finding.walmart}
                event = timeline.TimelineEvent(
                    OrderEvent.DOUBT_ENDED, update_id=found.id, detail=detail
                )
                await timeline.add(connection, order.store_id, order.id, event, context.new_id)
        _log.info("doubt_read", walmart=finding.walmart)
        context.wake()

    async def _unreachable(self, found: StoredUpdate) -> bool:
        """Whether the update's subject is in Commerce, and the store has no connection to it."""
        return (
            found.kind in COMMERCE_KINDS
            and await self.context.commerce_connection(found.store_id) is None
        )


def _never_was(found: StoredUpdate, walmart: str) -> bool:
    dismissed = found.kind is Kind.SHIPMENT and found.state is State.DISMISSED
    return dismissed and walmart == read_subject.ABSENT


async def _lock(
    connection: Connection, each: UpdateInDoubt
) -> tuple[Order | None, StoredUpdate | None]:
    """Lock an update and its order. No update means that its doubt ended, or that it is open."""
    order = await repository.lock(connection, each.order_id) if each.order_id else None
    found = await requeue.find(connection, each.id)
    rests = found is not None and found.state in {State.CONFIRMED, State.FAILED, State.DISMISSED}
    if found is None or not rests or found.in_doubt_until is None:
        return order, None
    return order, found
