"""Adds carriers with an address for the buyer to a store's own; never changes one that it has."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from app.domain.errors import Unknown
from app.storage import audit, queries
from app.storage.postgres.database import Connection
from app.storage.queries.views import StoreView
from app.storage.stores import stores
from app.usecases.context import AppContext
from app.usecases.stores import audited


async def add(
    context: AppContext, store_id: UUID, names: Mapping[str, str], tracking_url: str, *, actor: str
) -> None:
    """Add carriers, by Commerce's code, under a name for the buyer. Raises Unknown.

    One that has an address, or is one of Walmart's, stays as it is.
    """
    async with context.transaction() as connection:
        number = await stores.lock(connection, store_id)
        if number is None:
            raise Unknown("store", store_id)
        before = await _view(connection, store_id)
        carriers = with_address(before.carriers, names, tracking_url)
        if carriers == before.carriers:
            return
        await stores.change(connection, number, {"carriers": carriers})
        after = await _view(connection, store_id)
        acts = audited.changed(before, after, {}, actor)
        await audit.record(connection, context.new_id, *acts)


def with_address(
    carriers: Mapping[str, Any], names: Mapping[str, str], tracking_url: str
) -> dict[str, Any]:
    """A store's carriers with those that had no address."""
    found, known = dict(carriers), {code.casefold(): code for code in carriers}
    for key, name in names.items():
        code = known.get(key.casefold(), key)
        entry = found.get(code, {"other": name})
        # mutation: carrier-that-the-store-has
        if not isinstance(entry, str) and not entry.get("tracking_url"):
            found[code] = {**entry, "tracking_url": tracking_url}
    return found


async def _view(connection: Connection, store_id: UUID) -> StoreView:
    view = await queries.store(connection, store_id)
    if view is None:
        raise Unknown("store", store_id)
    return view
