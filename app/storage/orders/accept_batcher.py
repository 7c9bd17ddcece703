"""Batches requests that change orders: those that arrive at the same moment share a statement."""

from collections.abc import Awaitable, Callable, Sequence

from app import tracing
from app.storage.orders import accept, accept_in_shard
from app.storage.orders.acceptance import Acceptance, OrderLookup, OrderVersion
from app.storage.postgres.batcher import Answer, Batcher, Request
from app.storage.postgres.database import ACCEPTING, ACCEPTING_BY_STORE, Database
from app.tracing import Work

# Two batches of each kind run at a time in a place: while PostgreSQL works for one, Python prepares
# or answers the other. More would make each smaller.
_IN_PLACE, _AT_ONCE = ACCEPTING // 2, ACCEPTING_BY_STORE // 2
_MOST = 32


class AcceptBatcher:
    """Looks up orders and accepts changes of them, on connections of its own."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._looks = self._batcher(self._look_up, lambda asked: asked.store_id)
        self._writes = self._batcher(self._accept, lambda new: new.version.order.store_id)

    def _batcher(
        self,
        carry_out: Callable[[Sequence[Request]], Awaitable[Sequence[Answer | Exception]]],
        store_of: Callable[[Request], int],
    ) -> Batcher[Request, Answer]:
        return Batcher(
            carry_out,
            most=_MOST,
            at_once=_AT_ONCE,
            patience=self._database.grouped.pool.patience,
            # Where tables are distributed by store, a batch is of one.
            place=lambda request: store_of(request) if self._sharded else None,
            at_once_in_place=_IN_PLACE,
        )

    @property
    def _sharded(self) -> bool:
        """Whether tables are distributed; it was asked before a request is in a batch."""
        return bool(self._database.placement.sharded)

    async def look_up(self, asked: OrderLookup) -> OrderVersion:
        """Look up an order, which is not locked.

        Raises Unknown, Replayed if the request was answered before, Invalid idempotency_key_reused
        if its key was used for another body, and NotAvailable.
        """
        await self._database.is_sharded()
        return await self._looks.ask(asked)

    async def accept(self, wanted: Acceptance) -> bool:
        """Write an acceptance. False means that the order must be locked for it.

        Raises Conflict idempotency_in_progress while a request with the same key runs, and
        NotAvailable.
        """
        await self._database.is_sharded()
        # The transaction is of a batch, and its spans would be below another request's.
        with tracing.span(Work.TRANSACTION):
            written = await self._writes.ask(wanted)
        if written:
            accept.log_about(wanted)
        return written

    async def _look_up(self, asked: Sequence[OrderLookup]) -> Sequence[OrderVersion | Exception]:
        look_up = accept_in_shard.look_up if self._sharded else accept.look_up
        async with self._database.grouped.session() as session:
            return await look_up(session, asked)

    async def _accept(self, wanted: Sequence[Acceptance]) -> Sequence[bool | Exception]:
        if self._sharded:
            return await accept_in_shard.write(self._database.grouped, wanted)
        async with self._database.grouped.session() as session:
            return await accept.accept(session, wanted)
