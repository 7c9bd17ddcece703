"""Count the orders of each store and status as they change, so that a summary reads no orders."""
# squawk: prefer-bigint-over-int: store_id is the 32 bits of the table stores

import sqlalchemy as sa
from alembic import op

revision = "202611240340"
down_revision: str | None = "202611240301"
branch_labels: str | None = None
depends_on: str | None = None

# Whoever writes an order, an older version too, leaves the difference behind: rows of its own,
# so that nobody waits for anybody.
# mutation: order-count-status-change
_FUNCTION = """
CREATE FUNCTION count_order() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP <> 'INSERT' THEN
    INSERT INTO order_count_changes (store_id, status, orders)
    VALUES (OLD.store_id, OLD.status, -1);
  END IF;
  IF TG_OP <> 'DELETE' THEN
    INSERT INTO order_count_changes (store_id, status, orders)
    VALUES (NEW.store_id, NEW.status, 1);
  END IF;
  RETURN NULL;
END $$
"""
_NEW_OR_GONE = """
CREATE TRIGGER orders_counted AFTER INSERT OR DELETE ON orders
FOR EACH ROW EXECUTE FUNCTION count_order()
"""
# Accepting a shipment does not write the status, so this costs it nothing.
_OTHER_STATUS = """
CREATE TRIGGER orders_recounted AFTER UPDATE OF status ON orders
FOR EACH ROW WHEN (OLD.status IS DISTINCT FROM NEW.status) EXECUTE FUNCTION count_order()
"""
_CHURNED = (
    "ALTER TABLE order_count_changes SET (autovacuum_vacuum_scale_factor = 0, "
    "autovacuum_vacuum_threshold = 1000, autovacuum_analyze_scale_factor = 0, "
    "autovacuum_analyze_threshold = 1000)"
)


def upgrade() -> None:
    """Make two tables, and the triggers, which wait for no more than open writes of orders."""
    op.create_table(
        "order_counts",
        sa.Column("store_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("orders", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("store_id", "status", name=op.f("pk_order_counts")),
    )
    op.create_table(
        "order_count_changes",
        sa.Column("store_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("orders", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("store_id", "id", name=op.f("pk_order_count_changes")),
    )
    op.execute(_CHURNED)
    op.execute(_FUNCTION)
    op.execute(_NEW_OR_GONE)
    op.execute(_OTHER_STATUS)
