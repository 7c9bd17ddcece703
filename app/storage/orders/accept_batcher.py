"""Batches requests that change orders: those that arrive at the same moment share a statement."""

from collections.abc import Sequence

from app import tracing
from app.storage.orders import accept, accept_in_shard
from app.storage.orders.acceptance import Acceptance, OrderLookup, OrderVersion
from app.storage.postgres.batcher import Batcher
from app.storage.postgres.database import ACCEPTING, Database
from app.tracing import Work

# Two batches of each kind run at a time: while PostgreSQL works for one, Python prepares or answers
# the other. More would make each smaller.
_AT_ONCE = 2
# The same where a batch is of one store: those of several stores run on several servers.
_STORES_AT_ONCE = ACCEPTING // 2
_MOST = 32


class AcceptBatcher:
    """Looks up orders and accepts changes of them, on connections of its own."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._grouped = database.grouped
        patience = database.grouped.pool.patience
        self._looks = Batcher(self._look_up, most=_MOST, at_once=_AT_ONCE, patience=patience)
        self._writes = Batcher(self._accept, most=_MOST, at_once=_AT_ONCE, patience=patience)
        # Where tables are distributed by store: one statement is of one store.
        self._looks_by_store = Batcher(
            self._look_up_in_shard,
            most=_MOST,
            at_once=_STORES_AT_ONCE,
            patience=patience,
            place=lambda asked: asked.store_id,
        )
        self._writes_by_store = Batcher(
            self._accept_in_shard,
            most=_MOST,
            at_once=_STORES_AT_ONCE,
            patience=patience,
            place=lambda wanted: wanted.version.order.store_id,
        )

    async def look_up(self, asked: OrderLookup) -> OrderVersion:
        """Look up an order, which is not locked.

        Raises Unknown, Replayed if the request was answered before, Invalid idempotency_key_reused
        if its key was used for another body, and NotAvailable.
        """
        sharded = await self._database.is_sharded()
        return await (self._looks_by_store if sharded else self._looks).ask(asked)

    async def accept(self, wanted: Acceptance) -> bool:
        """Write an acceptance. False means that the order must be locked for it.

        Raises Conflict idempotency_in_progress while a request with the same key runs, and
        NotAvailable.
        """
        sharded = await self._database.is_sharded()
        # The transaction is of a batch, and its spans would be below another request's.
        with tracing.span(Work.TRANSACTION):
            written = await (self._writes_by_store if sharded else self._writes).ask(wanted)
        if written:
            accept.log_about(wanted)
        return written

    async def _look_up(self, asked: Sequence[OrderLookup]) -> Sequence[OrderVersion | Exception]:
        async with self._grouped.session() as session:
            return await accept.look_up(session, asked)

    async def _accept(self, wanted: Sequence[Acceptance]) -> Sequence[bool | Exception]:
        async with self._grouped.session() as session:
            return await accept.accept(session, wanted)

    async def _look_up_in_shard(
        self, asked: Sequence[OrderLookup]
    ) -> Sequence[OrderVersion | Exception]:
        async with self._grouped.session() as session:
            return await accept_in_shard.look_up(session, asked)

    async def _accept_in_shard(self, wanted: Sequence[Acceptance]) -> Sequence[bool | Exception]:
        return await accept_in_shard.write(self._grouped, wanted)
