"""Sums up deliveries by five minutes, for the figures of sync health."""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

from app.storage.outbox import rollup
from app.storage.postgres.database import Database

# Seconds after each round, and how many times its own duration the next store waits, at most as
# long: the traffic comes first. Fifty stores in a row are 0.2 s of processor time.
_PAUSE = 0.1
_REST = 4
_Done = TypeVar("_Done")


async def sum_up_deliveries(database: Database) -> bool:
    """Sum up one span of each of some stores, and what no span has yet.

    True means that more may be due.
    """
    stores = await rollup.due(database)
    counted = [await _paced(rollup.sum_up(database, store_id)) for store_id in stores]
    for store_id in await rollup.previews_due(database):
        await _paced(rollup.preview(database, store_id))
    await asyncio.sleep(_PAUSE)
    return any(counted)


async def _paced(work: Awaitable[_Done]) -> _Done:
    """Do a store's work, then rest."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    done = await work
    await asyncio.sleep(min((loop.time() - began) * _REST, _PAUSE))
    return done
