"""Count the orders that were there before they were counted, beside the traffic."""

from alembic import op

revision = "202611240341"
down_revision: str | None = "202611240340"
branch_labels: str | None = None
depends_on: str | None = None

# One statement, so one picture of all three tables: what was written since the triggers are
# there is in the changes already. Run again it finds nothing to add.
# mutation: order-count-backfill
_COUNT = """
    INSERT INTO order_count_changes (store_id, status, orders)
    SELECT store_id, status, sum(orders) FROM (
      SELECT store_id, status, count(*) AS orders FROM orders GROUP BY store_id, status
      UNION ALL SELECT store_id, status, -orders FROM order_count_changes
      UNION ALL SELECT store_id, status, -orders FROM order_counts) found
     GROUP BY store_id, status HAVING sum(orders) <> 0
"""


def upgrade() -> None:
    """Add what is missing. Nobody is locked out meanwhile."""
    with op.get_context().autocommit_block():
        op.execute(_COUNT)
