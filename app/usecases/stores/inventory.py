"""Set stock levels: how many units of each SKU Walmart shows as available."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from uuid import UUID

from app.domain.errors import Problem, Unknown, refuse
from app.domain.orders.requests import StockLevel
from app.storage import queries
from app.storage.inventory import levels as stock_levels
from app.storage.queries.views import UpdateView
from app.storage.stores import stores
from app.usecases.context import AppContext


@dataclass(frozen=True, slots=True)
class QueuedLevel:
    """A stock level and the update that sends it to Walmart."""

    level: StockLevel
    update: UpdateView


async def put(
    context: AppContext, store_id: UUID, levels: Sequence[StockLevel], *, actor: str
) -> list[QueuedLevel]:
    """Queue stock levels; only the newest of each SKU is sent. Raises Unknown store, Invalid."""
    refuse(list(_problems(levels)))
    async with context.transaction() as connection:
        store = await stores.number_of(connection, store_id)
        if store is None:
            raise Unknown("store", store_id)
        wanted = stock_levels.Levels(store, levels, actor)
        ids = await stock_levels.put(connection, wanted, context.new_id)
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
            yield Problem("sku_repeated", f"{level.sku} is listed twice.", f"/items/{index}/sku")
        seen.add((level.sku, level.ship_node))
