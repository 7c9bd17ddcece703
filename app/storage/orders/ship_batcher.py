"""Accepting shipments, those of several requests together where they come at the same moment."""

from collections.abc import Sequence

from app.storage.orders import optimistic_ship
from app.storage.orders.optimistic_ship import OrderVersion, ShipLookup, ShipWrite
from app.storage.postgres.batcher import Batcher
from app.storage.postgres.session import Sessions

# Two under way of each: while one is in PostgreSQL's hands, another is made or answered. More at
# once would make them smaller.
_AT_ONCE = 2
_MOST = 32


class ShipBatcher:
    """Looks at orders and ships them, through connections kept for it (`Database.grouped`)."""

    def __init__(self, direct: Sessions) -> None:
        self._direct = direct
        patience = direct.pool.patience
        self._looks = Batcher(self._look, most=_MOST, at_once=_AT_ONCE, patience=patience)
        self._writes = Batcher(self._write, most=_MOST, at_once=_AT_ONCE, patience=patience)

    async def look(self, asked: ShipLookup) -> OrderVersion:
        """Look at an order before it is shipped.

        Raises Unknown; Replay where the request was answered before, Invalid
        idempotency_key_reused where its key was used for another body; NotAvailable.
        """
        return await self._looks.ask(asked)

    async def ship(self, wanted: ShipWrite) -> bool:
        """Write a shipment with its update; False where the order has to be held for it.

        Raises Conflict idempotency_in_progress while a twin of the request runs; NotAvailable.
        """
        return await self._writes.ask(wanted)

    async def _look(self, asked: Sequence[ShipLookup]) -> Sequence[OrderVersion | Exception]:
        async with self._direct.session() as session:
            return await optimistic_ship.load(session, asked)

    async def _write(self, wanted: Sequence[ShipWrite]) -> Sequence[bool | Exception]:
        async with self._direct.session() as session:
            return await optimistic_ship.ship(session, wanted)
