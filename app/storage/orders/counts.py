"""Counts orders by store and status, as they change (decision 0010).

A trigger inserts a row for each change, in the transaction of the change; pollers add these rows to
the counts now and then. A write of an order never waits for a counter, and a read is always exact,
because it adds counts and changes.
"""

from app.storage.postgres import sql
from app.storage.postgres.database import Database
from app.storage.postgres.query import Reader
from app.storage.postgres.sharding import Sweep

BATCH = 2000

_FOLD = Sweep("FROM order_count_changes d WHERE true", sql.read("orders/fold_counts.sql"))
_READ = sql.load("orders/read_counts.sql", of_store="WHERE store_id = :store_id")
_READ_ALL = sql.load("orders/read_counts.sql", of_store="")


async def fold(database: Database, batch: int = BATCH) -> int:
    """Add some changes to the counts. Returns how many."""
    folded = 0
    for stores in await _FOLD.turns(database, {}):
        async with database.begin() as connection:
            rows = await _FOLD.execute(connection, stores, {"batch": batch})
            folded += int(rows.scalar_one())
    return folded


async def by_status(reader: Reader, store_id: int | None) -> dict[str, int]:
    """Orders of a store by status; a status may be missing. None means all stores together."""
    statement = _READ_ALL if store_id is None else _READ
    rows = await statement.fetch(reader, {"store_id": store_id})
    return {row["status"]: row["orders"] for row in rows}
