"""Orders by store and status, counted as they change (decision 0010).

A trigger leaves a row for each change, in the transaction of the change; pollers add them up
now and then. Nobody who writes an order waits for a counter, and what is read is right at
every moment, since counts and changes are read together.
"""

from app.storage.postgres.database import Database
from app.storage.postgres.query import Reader, fetch
from app.storage.postgres.sharding import Sweep

BATCH = 2000

_FOLD = Sweep(
    "FROM order_count_changes d WHERE true",
    """
    WITH taken AS (
      DELETE FROM order_count_changes c
       USING (SELECT d.store_id, d.id <due>
               ORDER BY d.store_id, d.id LIMIT :batch FOR UPDATE SKIP LOCKED) old
       WHERE c.store_id = old.store_id AND c.id = old.id AND <c>
      RETURNING c.store_id, c.status, c.orders),
    added AS (
      -- In one order everywhere, so that two pollers never wait for each other in a circle.
      INSERT INTO order_counts AS k (store_id, status, orders)
      SELECT <taken.store_id>, status, sum(orders) FROM taken
       GROUP BY taken.store_id, status ORDER BY taken.store_id, status
          ON CONFLICT (store_id, status) DO UPDATE SET orders = k.orders + excluded.orders)
    SELECT count(*) FROM taken
    """,
)
_READ = """
    SELECT status, sum(orders)::bigint AS orders FROM (
      SELECT status, orders FROM order_counts WHERE store_id = $1
      UNION ALL
      SELECT status, orders FROM order_count_changes WHERE store_id = $1) found
     GROUP BY status
"""
_READ_ALL = """
    SELECT status, sum(orders)::bigint AS orders FROM (
      SELECT status, orders FROM order_counts
      UNION ALL SELECT status, orders FROM order_count_changes) found
     GROUP BY status
"""


async def fold(database: Database, batch: int = BATCH) -> int:
    """Add some changes to the counts; answers how many."""
    folded = 0
    for stores in await _FOLD.turns(database, {}):
        async with database.begin() as connection:
            rows = await _FOLD.execute(connection, stores, {"batch": batch})
            folded += int(rows.scalar_one())
    return folded


async def by_status(reader: Reader, store_id: int | None) -> dict[str, int]:
    """How many orders a store has (None: all together) by status; a status may be missing."""
    rows = await (fetch(reader, _READ_ALL) if store_id is None else fetch(reader, _READ, store_id))
    return {row["status"]: row["orders"] for row in rows}
