"""Let autovacuum look at the hot tables early: a fifth of a large table is too much to wait for."""

from alembic import op

revision = "202611240301"
down_revision: str | None = "202611240300"
branch_labels: str | None = None
depends_on: str | None = None

_SETTINGS = """
    autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000,
    autovacuum_analyze_scale_factor = 0.02, autovacuum_analyze_threshold = 1000,
    autovacuum_vacuum_insert_scale_factor = 0.05
"""
_TABLES = ("updates", "orders", "order_lines", "shipments", "attempts", "idempotency_keys")


def upgrade() -> None:
    """Change the tables' settings; readers and writers go on meanwhile."""
    for table in _TABLES:
        op.execute(f"ALTER TABLE {table} SET ({_SETTINGS})")
    # A few rows that are updated with every delivery.
    op.execute(
        "ALTER TABLE lanes SET (autovacuum_vacuum_scale_factor = 0, "
        "autovacuum_vacuum_threshold = 200)"
    )
