"""Compares the stored order counts with counting the orders."""

import sqlalchemy as sa

from app.storage.postgres.database import Database

_DIFFERENT = sa.text("""
    SELECT store_id, status, sum(orders) FROM (
      SELECT store_id, status, count(*) AS orders FROM orders GROUP BY store_id, status
      UNION ALL SELECT store_id, status, -orders FROM order_counts
      UNION ALL SELECT store_id, status, -orders FROM order_count_changes) found
     GROUP BY store_id, status HAVING sum(orders) <> 0
""")


async def miscounted(database: Database) -> list[tuple[int, str, int]]:
    """The difference between each stored count and the actual one; empty if all are right."""
    async with database.begin() as connection:
        return [(row[0], row[1], int(row[2])) for row in await connection.execute(_DIFFERENT)]
