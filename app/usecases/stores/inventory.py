"""Inventory: how many units of each SKU Commerce has to sell, for Walmart to show."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from uuid import UUID

from app.domain.errors import Problem, Unknown, refuse
from app.domain.orders.requests import StockLevel
from app.storage import queries
from app.storage.inventory import levels as stock
from app.storage.queries.views import UpdateView
from app.storage.stores import stores
from app.usecases.context import AppContext


@dataclass(frozen=True, slots=True)
class QueuedLevel:
    """A level and the update that tells Walmart of it."""

    level: StockLevel
    update: UpdateView


async def put(
    context: AppContext, store_id: UUID, levels: Sequence[StockLevel], *, actor: str
) -> list[QueuedLevel]:
    """Queue stock levels, the newest of each SKU alone. Raises Unknown store, Invalid."""
    refuse(list(_problems(levels)))
    async with context.transaction() as connection:
        store = await stores.number_of(connection, store_id)
        if store is None:
            raise Unknown("store", store_id)
        wanted = stock.Levels(store, levels, actor)
        ids = await stock.put(connection, wanted, context.new_id)
        queued = []
        for level, update_id in zip(levels, ids, strict=True):
            view = await queries.update(connection, store, update_id)
            if view is None:
                raise Unknown("update", update_id)
            queued.append(QueuedLevel(level, view))
    context.wake()
    return queued


def _problems(levels: Sequence[StockLevel]) -> Iterator[Problem]:
    seen: set[tuple[str, str | None]] = set()
    for index, level in enumerate(levels):
        if (level.sku, level.ship_node) in seen:
            yield Problem("sku_repeated", f"{level.sku} is named twice.", f"/items/{index}/sku")
        seen.add((level.sku, level.ship_node))
