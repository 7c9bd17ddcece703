"""Sums up deliveries by five minutes, for the figures of sync health."""

import asyncio

from app.storage.outbox import rollup
from app.storage.postgres.database import Database

# Seconds after each round: the traffic comes first.
_PAUSE = 0.1


async def sum_up_deliveries(database: Database) -> bool:
    """Sum up one span of each of some stores, and what no span has yet.

    True means that more may be due.
    """
    stores = await rollup.due(database)
    counted = [await rollup.sum_up(database, store_id) for store_id in stores]
    for store_id in await rollup.previews_due(database):
        await rollup.preview(database, store_id)
    await asyncio.sleep(_PAUSE)
    return any(counted)
